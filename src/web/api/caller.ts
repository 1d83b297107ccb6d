// One call that shows a token: who makes it, and what became known of that.
import { randomBytes } from 'node:crypto'
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import { UnfitForSessionToken } from '../../identity/session-token.ts'
import { Refusal } from '../../refusal.ts'
import type { Mutable } from '../../session/conversation.ts'
import { factsOfKept } from '../../session/kept-facts.ts'
import type { SessionFacts } from '../../session/observer.ts'
import { addressOf } from '../client-address.ts'
import type { VisitEvent, VisitKind } from '../people/visit-event.ts'
import type { WebServices } from '../services.ts'
import { ApiError } from './api-error.ts'
import { refused } from './refused.ts'
import type { Call } from './respond.ts'

export interface Caller {
  readonly kind: VisitKind
  readonly facts: Mutable<SessionFacts>
  identity?: KeptIdentity
}

const idBytes = 9

export function callerOf(c: Call, { isBehindProxy, now }: WebServices, kind: VisitKind): Caller {
  return {
    kind,
    facts: {
      id: `api-${randomBytes(idBytes).toString('base64url')}`,
      openedAt: now(),
      peer: { address: addressOf(c, isBehindProxy), port: 0 },
      listener: { address: 'web', port: 0 },
    },
  }
}

/** From here on it is known who it is, and errors may say so. */
export function learn(caller: Caller, identity: KeptIdentity): void {
  caller.identity = identity
  caller.facts.integration = identity.integration
  caller.facts.identity = factsOfKept(identity, [])
}

/** Does what a call is for, and has log and audit told of it before anybody else, however it ends. */
export async function told<T>(
  services: WebServices,
  caller: Caller,
  work: () => Promise<T>,
): Promise<T> {
  const { facts } = caller
  let result: T
  try {
    result = await work()
  } catch (error) {
    const failure = refused(error, facts)
    if (isWorthTelling(failure)) {
      await services.tell(eventOf(caller, { failure, error })).catch(services.onError)
    }
    throw failure
  }
  try {
    await services.tell(eventOf(caller, undefined))
  } catch (error) {
    // Nobody is given anything of which there is no record.
    services.onError(error)
    throw new ApiError('temporarily_unavailable', 'the gateway cannot keep its audit trail')
  }
  return result
}

/** What a caller has written wrong is for the caller, and somebody who has not signed in yet is no news. */
function isWorthTelling({ code }: ApiError): boolean {
  return code !== 'invalid_request' && code !== 'authorization_pending'
}

function eventOf(
  { kind, facts, identity }: Caller,
  refusal: { readonly failure: ApiError; readonly error: unknown } | undefined,
): VisitEvent {
  const { id, peer, integration } = facts
  return {
    ...{ id, kind, integration, identity },
    address: peer.address,
    reason: refusal && reasonOf(refusal),
    detail: refusal && detailOf(refusal.error),
    cause: refusal && causeOf(refusal.error),
  }
}

function reasonOf({ failure, error }: { failure: ApiError; error: unknown }): string {
  return error instanceof Refusal ? error.reason : failure.code
}

function detailOf(error: unknown): string | undefined {
  if (error instanceof Refusal) return error.logDetail
  return error instanceof UnfitForSessionToken ? error.message : undefined
}

/** What nobody expected is told whole. */
function causeOf(error: unknown): unknown {
  if (error instanceof Refusal) return error.cause
  return error instanceof ApiError || error instanceof UnfitForSessionToken ? undefined : error
}
