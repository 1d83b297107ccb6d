// Tokens of providers for session tokens, and session tokens for others and for nothing.
import { createHash } from 'node:crypto'
import { refreshTokens } from '../../identity/ask-token-endpoint.ts'
import { isSameIssuer } from '../../identity/issuer-name.ts'
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import type { ReadSessionToken } from '../../identity/session-token.ts'
import { type Integration, systemScope } from '../../policy/catalog.ts'
import { Refusal } from '../../refusal.ts'
import type { EndCount } from '../../session/revocations.ts'
import { dropCookie } from '../people/cookies.ts'
import { endSession } from '../people/log-out.ts'
import { dropSession } from '../people/session-cookie.ts'
import type { WebServices } from '../services.ts'
import { ApiError } from './api-error.ts'
import { type Caller, callerOf, learn, told } from './caller.ts'
import { deviceCookie } from './device.ts'
import { issue, sessionTokens } from './issue.ts'
import { operations } from './operations.ts'
import type { ProviderCalls } from './provider-calls.ts'
import { integrationNamed, providerOf } from './provider-of.ts'
import { bearerOf, readBody } from './read-request.ts'
import { openRefresh, sealRefresh } from './refresh-token.ts'
import type { Call } from './respond.ts'
import { stateCookie } from './sign-in.ts'
import { integrationOf, isOpaque, refuseKeptOut, verify, type Verified } from './verify.ts'

export async function exchange(c: Call, services: WebServices): Promise<Response> {
  const asked = await readBody(c, operations.sso_token.body)
  sessionTokens(services)
  const isAccessToken = 'access_token' in asked
  const token = isAccessToken ? asked.access_token : asked.id_token
  const caller = callerOf(c, services, 'exchange')
  return told(services, caller, async () => {
    const integration = integrationOf(caller, services.rules(), asked, token)
    const verified = await verify(services, caller, integration, { token, isAccessToken })
    return c.json(await issue(services, caller, verified, asked))
  })
}

export async function refresh(
  c: Call,
  services: WebServices,
  calls: ProviderCalls,
): Promise<Response> {
  const asked = await readBody(c, operations.token_refresh.body)
  const caller = callerOf(c, services, 'refresh')
  return told(services, caller, async () => {
    const session = await sessionOf(c, services, caller)
    if (session === undefined) {
      throw new ApiError('invalid_token', 'Authorization is to be Bearer and a session token')
    }
    const { identity, bounds } = session
    const integration = enabledIntegration(services, identity.integration)
    const database = asked.database ?? bounds.database ?? systemScope
    if (bounds.database !== undefined && database !== bounds.database) {
      throw new ApiError('conflict', 'the session token is for another database')
    }
    const wanted = { database, bounds, lifetime: asked.lifetime }
    if (asked.refresh_token === undefined) {
      return c.json(await issue(services, caller, { identity, integration }, wanted))
    }
    const refreshed = await askAgain(services, calls, caller, session, asked.refresh_token)
    const issued = await issue(services, caller, refreshed.verified, wanted)
    const sealed = await sealRefresh(services, identity, refreshed.refreshToken)
    return c.json({ ...issued, refresh_token: sealed ?? asked.refresh_token })
  })
}

export async function logOut(c: Call, services: WebServices): Promise<Response> {
  await readBody(c, operations.logout.body)
  const caller = callerOf(c, services, 'logout')
  const visitor = c.get('visitor')
  dropSession(c)
  dropCookie(c, deviceCookie)
  dropCookie(c, stateCookie)
  return told(services, caller, async () => {
    const session = await sessionOf(c, services, caller)
    const isOut = visitor === undefined || (await endSession(services, visitor.session))
    const { ended, unanswered } =
      session === undefined ? { ended: 0, unanswered: 0 } : await revoke(services, session)
    if (unanswered > 0 || !isOut) {
      throw new ApiError(
        'temporarily_unavailable',
        'not every part of the gateway has heard of it',
        {
          hint: 'Call again.',
        },
      )
    }
    return c.json({ revoked: session !== undefined, sessions_ended: ended })
  })
}

/** Whose session token it is that comes in `Authorization`; undefined where there is none. */
async function sessionOf(
  c: Call,
  services: WebServices,
  caller: Caller,
): Promise<ReadSessionToken | undefined> {
  const token = bearerOf(c)
  if (token === undefined) return undefined
  const session = await sessionTokens(services).read(token, services.now())
  learn(caller, session.identity)
  refuseKeptOut(services, caller, session.identity)
  return session
}

/** Until it would have expired, whoever has a copy of it. */
async function revoke(
  { end }: WebServices,
  { id, expiresAt }: ReadSessionToken,
): Promise<EndCount> {
  const tokenIdHash = createHash('sha256').update(id).digest('hex')
  return end({ selectors: [{ tokenIdHash }], end: 'logged-out', refusedUntilMs: expiresAt })
}

interface Refreshed {
  readonly verified: Verified
  readonly refreshToken: string | undefined
}

/** Has the provider say again who it is: the same as before, or nobody. */
async function askAgain(
  services: WebServices,
  calls: ProviderCalls,
  caller: Caller,
  { identity }: ReadSessionToken,
  sealed: string,
): Promise<Refreshed> {
  const opened = await openRefresh(services, sealed)
  if (opened === undefined) throw useless()
  if (opened.integration !== identity.integration || !isSame(opened, identity)) throw another()
  const integration = enabledIntegration(services, opened.integration)
  const tokens = await calls.run(async () => {
    const { keys, provider } = await providerOf(services, integration)
    return refreshTokens(keys, provider, opened.token)
  })
  if (tokens === undefined) throw useless()
  const { token, refreshToken } = tokens
  const given = { token, isAccessToken: isOpaque(token) }
  const verified = await verify(services, caller, integration, given)
  if (!isSame(verified.identity, identity)) throw another()
  // What was bound to a certificate must not become everybody's.
  if (verified.identity.certificateThumbprint !== identity.certificateThumbprint) throw another()
  return { verified, refreshToken }
}

function isSame(
  one: Pick<KeptIdentity, 'issuer' | 'subject'>,
  other: Pick<KeptIdentity, 'issuer' | 'subject'>,
): boolean {
  return isSameIssuer(one.issuer, other.issuer) && one.subject === other.subject
}

function enabledIntegration(services: WebServices, name: string): Integration {
  const integration = integrationNamed(services, name)
  if (!integration.isEnabled) throw new Refusal('integration-disabled')
  return integration
}

function useless(): ApiError {
  return new ApiError('expired_token', 'refresh_token: is of no use any more: sign in again')
}

function another(): ApiError {
  return new ApiError('conflict', 'refresh_token: is of another sign-in than the session token')
}
