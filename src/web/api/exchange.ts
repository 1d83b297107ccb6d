// Tokens of providers for session tokens, and session tokens for others and for nothing.
import { createHash } from 'node:crypto'
import { refreshTokens, revokeToken } from '../../identity/ask-token-endpoint.ts'
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
import { openRefresh, type SealedRefresh, sealRefresh } from './refresh-token.ts'
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
    const sealed = asked.refresh_token
    const opened = sealed === undefined ? undefined : await openOwn(services, sealed, session)
    const { identity, bounds } = session ?? known(services, caller, opened)
    const integration = enabledIntegration(services, identity.integration)
    const database = asked.database ?? bounds.database ?? systemScope
    if (bounds.database !== undefined && database !== bounds.database) {
      throw new ApiError('conflict', 'the session token is for another database')
    }
    const wanted = { database, bounds, lifetime: asked.lifetime }
    if (opened === undefined) {
      return c.json(await issue(services, caller, { identity, integration }, wanted))
    }
    const refreshed = await askAgain(services, calls, caller, { identity, integration }, opened)
    const { verified, refreshToken = opened.token } = refreshed
    const issued = await issue(services, caller, verified, wanted)
    const next = await sealRefresh(services, verified.identity, bounds, refreshToken)
    return c.json({ ...issued, refresh_token: next ?? sealed })
  })
}

/** A sealed refresh token: of the same sign-in as the session token, where both are brought. */
async function openOwn(
  services: WebServices,
  sealed: string,
  session: ReadSessionToken | undefined,
): Promise<SealedRefresh> {
  const opened = await openRefresh(services, sealed)
  if (opened === undefined) throw useless()
  if (session === undefined) return opened
  const { identity } = session
  const isOne = opened.identity.integration === identity.integration
  if (!isOne || !isSame(opened.identity, identity)) throw another()
  return opened
}

/** Who has a refresh token alone, because the session token has expired, is who it was sealed for. */
function known(
  services: WebServices,
  caller: Caller,
  opened: SealedRefresh | undefined,
): SealedRefresh {
  if (opened === undefined) {
    throw new ApiError(
      'invalid_token',
      'Authorization is to be Bearer and a session token, where there is no refresh_token',
    )
  }
  learn(caller, opened.identity)
  refuseKeptOut(services, caller, opened.identity)
  return opened
}

export async function logOut(
  c: Call,
  services: WebServices,
  calls: ProviderCalls,
): Promise<Response> {
  const asked = await readBody(c, operations.logout.body)
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
    const sealed = asked.refresh_token
    const isRefreshRevoked = sealed !== undefined && (await takeBack(services, calls, sealed))
    return c.json({
      revoked: session !== undefined,
      refresh_token_revoked: isRefreshRevoked,
      sessions_ended: ended,
    })
  })
}

/** Whether the provider has been told (RFC 7009), and does not take it any more. */
async function takeBack(
  services: WebServices,
  calls: ProviderCalls,
  sealed: string,
): Promise<boolean> {
  const opened = await openRefresh(services, sealed)
  if (opened === undefined) return false
  try {
    return await calls.run(async () => {
      const integration = integrationNamed(services, opened.identity.integration)
      const { keys, provider } = await providerOf(services, integration)
      return revokeToken(keys, provider, opened.token)
    })
  } catch (error) {
    // The session token is good for nothing all the same.
    if (error instanceof Refusal) return false
    throw error
  }
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
  { identity, integration }: Verified,
  opened: SealedRefresh,
): Promise<Refreshed> {
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
