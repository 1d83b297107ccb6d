// An attempt to log in, and what comes of it. What admits needs no socket and no clock: what a
// session does with a real client, `portcullis explain` does with a made-up one.
import type { SubjectToken } from '../identity/token-exchange.ts'
import type { Catalog } from '../policy/catalog.ts'
import type { Step } from '../policy/decision.ts'
import type { Condition } from '../policy/open-rules.ts'
import type { Provision } from '../policy/own-role.ts'
import { type Reason, Refusal, type RefusalOptions } from '../refusal.ts'
import type { RelayedFirst } from '../sasl/scram-relay.ts'
import type { ClientIntent } from './client-intent.ts'
import type { ConsoleGuest } from './console-guest.ts'
import type { Mutable } from './conversation.ts'
import type { Denial } from './denials.ts'
import type { SessionFacts } from './observer.ts'

/**
 * Who the client is allowed to be. Nothing goes upstream without one of these; with that of a relay it is
 * the upstream that finds out whether it is who it says.
 */
export type Admission =
  | {
      readonly kind: 'token'
      readonly intent: ClientIntent
      readonly role: string
      readonly allowsSuperuser: boolean
      /** Holds only if the server says so of the role. */
      readonly condition: Condition | undefined
      /** Where the role is the identity's own: what it has to be made before. */
      readonly provision?: Provision
      readonly subject: SubjectToken
    }
  | {
      readonly kind: 'password'
      readonly intent: ClientIntent
      readonly role: string
      readonly password: string
    }
  | RelayAdmission

/** By a password that the client keeps to itself: what it says goes to the server and back. */
export interface RelayAdmission {
  readonly kind: 'relay'
  readonly intent: ClientIntent
  readonly role: string
  readonly first: RelayedFirst
  /** What else a client that is refused may try. */
  readonly hint: string | undefined
}

/** To the SQL console: nothing goes upstream at all. */
export interface ConsoleAdmission {
  readonly kind: 'console'
  readonly intent: ClientIntent
  readonly guest: ConsoleGuest
  /** Undefined for whoever came without single sign-on. */
  readonly subject: SubjectToken | undefined
  /** In front of the first answer, where the client was asked for nothing. */
  readonly greeting?: Buffer
}

/** Where a client is let in: to a database, or to the console. */
export type Entrance = Admission | ConsoleAdmission

export type TokenAdmission = Extract<Admission, { readonly kind: 'token' }>

/** One attempt to log in; what is found out about it is written into its facts. */
export interface Attempt {
  readonly intent: ClientIntent
  readonly facts: Mutable<SessionFacts>
  /** As it is for the pool, once that is known. */
  catalog: Catalog
  /** Receives each step, also the one that fails. */
  readonly report?: (step: Step) => void
  /** Why somebody is kept out, as far as a session is known. What joins a session asks once more. */
  readonly findDenial?: (facts: SessionFacts) => Denial | undefined
}

export function fail(attempt: Attempt, check: string, compared: string, reason: Reason): never {
  attempt.report?.({ check, compared, passed: false })
  throw new Refusal(reason)
}

export function reportAll({ report }: Attempt, steps: readonly Step[]): void {
  if (report !== undefined) steps.forEach(report)
}

/** The client learns the reason; what was compared on the way is for the log. */
export function denied(
  reason: Reason,
  steps: readonly Step[],
  more: Pick<RefusalOptions, 'values' | 'clientDetail' | 'hint'> = {},
): Refusal {
  const failed = steps.findLast((step) => !step.passed)
  return new Refusal(reason, {
    ...more,
    ...(failed && { logDetail: `${failed.check}: ${failed.compared}` }),
  })
}
