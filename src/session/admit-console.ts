// Who is let in at the SQL console by single sign-on. Needs no socket and no clock, like `admit-token.ts`.
import { bracketed } from '../identity/shown.ts'
import { type Integration, systemScope } from '../policy/catalog.ts'
import { decideConsole } from '../policy/decide-console.ts'
import {
  checkIdentity,
  chooseIntegration,
  ownWords,
  type TokenVerifiers,
  verifyBy,
} from './admit-token.ts'
import { type Attempt, type ConsoleAdmission, denied, fail, reportAll } from './attempt.ts'
import type { ConsoleGuest } from './console-guest.ts'
import { refuseDenied } from './refuse-denied.ts'
import type { TokenIdentity } from '../identity/token-identity.ts'

export async function admitToConsole(
  attempt: Attempt,
  token: string,
  tokens: TokenVerifiers,
  now: Date,
): Promise<ConsoleAdmission> {
  // Whatever the client names: what another database trusts is nothing to the console.
  const intent = { ...attempt.intent, database: systemScope, qualifier: undefined }
  const integration = chooseIntegration({ ...attempt, intent }, token)
  return admitToConsoleBy(attempt, integration, token, tokens, now)
}

/** The same where the integration is known. */
export async function admitToConsoleBy(
  attempt: Attempt,
  integration: Integration,
  token: string,
  tokens: TokenVerifiers,
  now: Date,
): Promise<ConsoleAdmission> {
  checkScope(attempt, integration)
  const principal = await verifyBy(attempt, integration, token, tokens, now)
  const right = chooseRight(attempt, principal, integration)
  const guest = { name: attempt.facts.identity?.principal ?? '', right, by: 'sso' } as const
  refuseDenied(attempt, undefined)
  return { kind: 'console', intent: attempt.intent, guest, subject: { token, principal } }
}

/** Only the integrations of the database `system` are the console's. */
export function checkScope(attempt: Attempt, { name }: Integration): void {
  const its = attempt.catalog.databases.get(systemScope)?.integrations ?? []
  if (its.includes(name)) return
  const compared = `${name} among those of database ${systemScope}: ${its.join(', ')}`
  fail(attempt, 'console', compared, 'console-integration')
}

/** What an identity may at the console; only that of a Principal lets anybody in. */
export function chooseRight(
  attempt: Attempt,
  identity: TokenIdentity,
  integration: Integration,
): ConsoleGuest['right'] {
  const { facts, catalog } = attempt
  const known = checkIdentity(attempt, identity)
  const decision = decideConsole(identity, integration, catalog)
  facts.identity = { ...known, groups: decision.groups }
  reportAll(attempt, decision.steps)
  if (decision.outcome === 'granted') return decision.right
  throw denied(decision.reason, decision.steps, {
    values: { names: bracketed(identity.names), issuer: identity.issuer },
    clientDetail: ownWords(identity),
  })
}
