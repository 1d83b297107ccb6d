import {
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  type CustomFetch,
  tokenIntrospection,
} from 'openid-client'
import { FetchError } from './bounded-fetch.ts'
import { formFetch } from './oauth-client.ts'
import type { ProviderAccess } from './provider-access.ts'

type Claims = Readonly<Record<string, unknown>>

/** How the provider is asked about an access token (RFC 7662). */
export interface IntrospectionAccess extends Pick<ProviderAccess, 'customCa' | 'limits' | 'proxy'> {
  /** Undefined for the one of the discovery document. */
  readonly endpoint: string | undefined
  readonly clientId: string
  readonly clientSecret: string
  readonly authentication: 'basic' | 'post'
  /** How long an answer is good for at most; 0 to ask each time. */
  readonly cacheMs: number
}

/**
 * What the provider says of a token: its claims, or undefined where it is not active. Throws whatever kept
 * the provider from saying so, and never with a part of what it said: that is about somebody.
 */
export async function askIntrospection(
  endpoint: string,
  token: string,
  issuer: string,
  access: IntrospectionAccess,
): Promise<Claims | undefined> {
  const authenticate = access.authentication === 'basic' ? ClientSecretBasic : ClientSecretPost
  const configuration = new Configuration(
    { issuer, introspection_endpoint: endpoint },
    access.clientId,
    undefined,
    authenticate(access.clientSecret),
  )
  let failure: Error | undefined
  const post = jsonOf(formFetch(access))
  configuration[customFetch] = async (url, options) =>
    post(url, options).catch((error: unknown) => {
      failure = error instanceof Error ? error : new FetchError('the request failed')
      throw failure
    })
  try {
    const hint = { token_type_hint: 'access_token' }
    // The library refuses an answer in which `active` is no boolean.
    const answer: Claims = await tokenIntrospection(configuration, token, hint)
    const { active, ...claims } = answer
    return active === true ? claims : undefined
  } catch (error) {
    // The library's own errors have the whole answer as their cause.
    const why = error instanceof Error ? error.message : 'failed'
    throw failure ?? new FetchError(`${endpoint}: ${why}`)
  }
}

/** Refuses any other answer. */
function jsonOf(fetch: CustomFetch): CustomFetch {
  return async (url, options) => {
    const response = await fetch(url, options)
    if (response.status !== 200) throw new FetchError(`${url} answered ${response.status}`)
    // Also where it could be read as JSON: a page that somebody else put there, or a signed response that
    // nobody asked for.
    const type = String(response.headers.get('content-type'))
    if (!/^application\/json\s*(?:;|$)/i.test(type)) {
      throw new FetchError(`${url} did not answer with JSON`)
    }
    return response
  }
}
