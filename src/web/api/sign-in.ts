// Sign-in with a browser, for pages that are not ours and for tools that keep cookies: authorization code flow, as for
// our own pages, with a state of its own purpose: neither's browser can finish what was begun for the other.
import { getCookie } from 'hono/cookie'
import {
  beginAuthorization,
  type PendingAuthorization,
  redeemAuthorization,
} from '../../identity/authorization-code.ts'
import type { SessionTokenBounds } from '../../identity/session-token.ts'
import { cookiePrefix, dropCookie, fits, keepCookie } from '../people/cookies.ts'
import type { WebServices } from '../services.ts'
import { ApiError } from './api-error.ts'
import { callerOf, told } from './caller.ts'
import { issue, sessionTokens } from './issue.ts'
import { operations } from './operations.ts'
import type { ProviderCalls } from './provider-calls.ts'
import { integrationNamed, providerOf } from './provider-of.ts'
import { readBody, readQuery } from './read-request.ts'
import { sealRefresh } from './refresh-token.ts'
import type { Call } from './respond.ts'
import { integrationToSignIn, verify } from './verify.ts'

interface ApiSignIn extends PendingAuthorization {
  readonly integration: string
  readonly database: string
  readonly bounds: SessionTokenBounds
  readonly lifetime?: number | undefined
}

const purpose = 'API sign-in'
export const stateCookie = `${cookiePrefix}api-state`
const stateLifetimeMs = 10 * 60_000
/** A code and a state, as long as providers may make them. */
const longestQuery = 8_192

export async function beginSignIn(
  c: Call,
  services: WebServices,
  calls: ProviderCalls,
): Promise<Response> {
  const asked = await readBody(c, operations.sso_authentication.body)
  sessionTokens(services)
  const { database, bounds, lifetime, do_redirect: isRedirect } = asked
  const caller = callerOf(c, services, 'sign-in')
  const url = await told(services, caller, async () => {
    const integration = integrationToSignIn(caller, services.rules(), asked)
    const { url: address, ...pending } = await calls.run(async () => {
      const { keys, provider } = await providerOf(services, integration)
      const redirectUri = `${services.publicUrl}${operations.callback.path}`
      return beginAuthorization(keys, provider, redirectUri)
    })
    const { name } = integration
    const state: ApiSignIn = { ...pending, integration: name, database, bounds, lifetime }
    const sealed = await services.sealer.seal(
      purpose,
      state,
      services.now().getTime() + stateLifetimeMs,
    )
    if (!fits(stateCookie, sealed)) {
      throw new ApiError('invalid_request', 'bounds: is more than a cookie can keep')
    }
    keepCookie(c, stateCookie, sealed, stateLifetimeMs)
    return address
  }).catch((error: unknown) => {
    const isNone = error instanceof ApiError && error.details.doc?.endsWith('#integration-none')
    if (isNone === true && !isRedirect) return ''
    throw error
  })
  if (isRedirect) c.header('Location', url)
  return c.json({ redirect_url: url }, isRedirect ? 302 : 200)
}

export async function finishSignIn(
  c: Call,
  services: WebServices,
  calls: ProviderCalls,
): Promise<Response> {
  const { search } = new URL(c.req.url)
  if (search.length > longestQuery) throw unknownState()
  const query = readQuery(c, operations.callback.query)
  sessionTokens(services)
  const sealed = getCookie(c, stateCookie)
  // What we have sealed has the shape that we gave it.
  const state =
    sealed === undefined
      ? undefined
      : ((await services.sealer.open(purpose, sealed)) as ApiSignIn | undefined)
  if (state?.state !== query.state) throw unknownState()
  // Whatever comes of it: a way through the provider is gone once.
  dropCookie(c, stateCookie)
  const caller = callerOf(c, services, 'sign-in')
  return told(services, caller, async () => {
    const integration = integrationNamed(services, state.integration)
    const { database, bounds, lifetime } = state
    caller.facts.integration = integration.name
    caller.facts.requested = { user: '', database, applicationName: '' }
    const { idToken, refreshToken } = await calls.run(async () => {
      const { keys, provider } = await providerOf(services, integration)
      return redeemAuthorization(keys, provider, state, search)
    })
    const given = { token: idToken, isAccessToken: false }
    const verified = await verify(services, caller, integration, given)
    const issued = await issue(services, caller, verified, { database, bounds, lifetime })
    const refresh = await sealRefresh(services, verified.identity, bounds, refreshToken)
    return c.json({ ...issued, ...(refresh !== undefined && { refresh_token: refresh }) })
  })
}

function unknownState(): ApiError {
  return new ApiError(
    'invalid_request',
    'state: this browser has begun no such sign-in, or has completed it already',
  )
}
