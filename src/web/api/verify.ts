// Whose a token is: found out as for a login by SQL, with the same integration, the same checks and the same
// refusals. But for the role, which is asked for at the login.
import { checkDeclaredAccessToken } from '../../identity/check-kind.ts'
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import { looksLikeToken } from '../../identity/token-shape.ts'
import type { Integration } from '../../policy/catalog.ts'
import { keepIdentity } from '../../policy/keep-identity.ts'
import { resolveIntegration } from '../../policy/resolve-integration.ts'
import { Refusal } from '../../refusal.ts'
import { chooseIntegration, verifyBy } from '../../session/admit-token.ts'
import { type Attempt, denied } from '../../session/attempt.ts'
import type { ClientIntent } from '../../session/client-intent.ts'
import { throttleTokens } from '../../session/try-credential.ts'
import type { WebServices } from '../services.ts'
import type { WebRules } from '../web-rules.ts'
import { type Caller, learn } from './caller.ts'

interface Asked {
  readonly database: string
  /** By name. */
  readonly integration?: string | undefined
}

export interface Verified {
  readonly identity: KeptIdentity
  readonly integration: Integration
}

/** The integration for a token that somebody brings. */
export function integrationOf(
  caller: Caller,
  { catalog }: WebRules,
  asked: Asked,
  token: string,
): Integration {
  return chooseIntegration(attemptOf(caller, catalog, asked, undefined), token)
}

/** The integration at whose provider somebody is to sign in for a database. */
export function integrationToSignIn(
  caller: Caller,
  { catalog }: WebRules,
  { database, integration: named }: Asked,
): Integration {
  caller.facts.requested = { user: '', database, applicationName: '' }
  const request = { database, qualifier: undefined, identityProvider: named, claimed: undefined }
  const resolution = resolveIntegration(catalog, request)
  if (resolution.outcome === 'denied') {
    throw denied(resolution.reason, resolution.steps, { values: { integration: named ?? '' } })
  }
  caller.facts.integration = resolution.integration.name
  return resolution.integration
}

/** Throws where the token is nobody's, or that of somebody who is kept out. */
export async function verify(
  services: WebServices,
  caller: Caller,
  integration: Integration,
  { token, isAccessToken }: { readonly token: string; readonly isAccessToken: boolean },
): Promise<Verified> {
  const { catalog, tokens, throttled } = services.rules()
  const { facts } = caller
  const database = facts.requested?.database ?? ''
  const user = isAccessToken ? 'access_token' : undefined
  const attempt = attemptOf(caller, catalog, { database }, user)
  const verifiers = throttleTokens(tokens, facts, { throttled }, services.throttle)
  const principal = await verifyBy(attempt, integration, token, verifiers, services.now())
  if (isAccessToken) checkDeclaredAccessToken(principal.kind)
  const identity = keepIdentity(principal, integration, catalog)
  learn(caller, identity)
  refuseKeptOut(services, caller, identity)
  return { identity, integration }
}

/** What a provider gave out is an ID token or, from some, an access token that only it can read. */
export function isOpaque(token: string): boolean {
  return !looksLikeToken(token)
}

export function refuseKeptOut(
  services: WebServices,
  { facts }: Caller,
  identity: KeptIdentity,
): void {
  if (services.isKeptOut(facts.id, identity, facts.peer.address)) throw new Refusal('denied')
}

function attemptOf(
  { facts }: Caller,
  catalog: Attempt['catalog'],
  { database, integration }: Asked,
  tokenUser: ClientIntent['tokenUser'],
): Attempt {
  facts.requested = { user: '', database, applicationName: '' }
  return {
    facts,
    catalog,
    intent: {
      // Somebody: which of the roles is said at the login.
      user: tokenUser ?? 'any',
      role: undefined,
      tokenUser,
      asksForSignIn: false,
      signInFlow: undefined,
      qualifier: undefined,
      database,
      applicationName: '',
      identityProvider: integration,
      declaresToken: true,
      dialect: undefined,
      authMethod: undefined,
      asksForReplication: false,
      minorVersion: 0,
      parameters: new Map(),
    },
  }
}
