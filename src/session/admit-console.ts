// Who is let in at the SQL console by single sign-on. Needs no socket and no clock, like `admit-token.ts`.
import { isSessionToken } from '../identity/session-token-shape.ts'
import type { Principal } from '../identity/verify-token.ts'
import { bracketed } from '../identity/shown.ts'
import { type Integration, systemScope } from '../policy/catalog.ts'
import { decideConsole } from '../policy/decide-console.ts'
import {
  checkIdentity,
  chooseIntegration,
  integrationNamedIn,
  ownWords,
  type TokenVerifiers,
  verifyBy,
  verifySessionToken,
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
  const asked = { ...attempt, intent }
  if (!isSessionToken(token)) {
    return admitToConsoleBy(attempt, chooseIntegration(asked, token), token, tokens, now)
  }
  const principal = await verifySessionToken(attempt, token, tokens, now)
  const integration = integrationNamedIn(asked, principal)
  checkScope(attempt, integration)
  return admitPrincipal(attempt, integration, token, principal)
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
  return admitPrincipal(attempt, integration, token, principal)
}

function admitPrincipal(
  attempt: Attempt,
  integration: Integration,
  token: string,
  principal: Principal,
): ConsoleAdmission {
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
