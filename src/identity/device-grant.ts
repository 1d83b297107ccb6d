// Sign-in on another device (RFC 8628): the client shows an address and a code, somebody opens it in a
// browser, and meanwhile the token endpoint is asked.
import {
  Configuration,
  customFetch,
  type CustomFetch,
  initiateDeviceAuthorization,
  pollDeviceAuthorizationGrant,
  ResponseBodyError,
} from 'openid-client'
import { Refusal } from '../refusal.ts'
import { FetchError } from './bounded-fetch.ts'
import type { IssuerKeys } from './discovery.ts'
import { authenticationOf, formFetch, type OauthClient } from './oauth-client.ts'
import type { ProviderAccess } from './provider-access.ts'
import { withoutSecretIfRefused } from './public-client.ts'

/** How somebody signs in at the provider of an integration. */
export interface SignInProvider {
  readonly client: OauthClient
  readonly access: Pick<ProviderAccess, 'customCa' | 'limits' | 'proxy'>
  readonly scopes: readonly string[]
  readonly algorithms: readonly string[]
}

export interface DeviceGrant {
  readonly userCode: string
  readonly verificationUri: string
  /** With the code in it. */
  readonly completeUri: string | undefined
  readonly lifetimeMs: number
  /** The ID token, once somebody has signed in; the access token where the provider issues no other. */
  readonly token: (signal: AbortSignal) => Promise<string>
}

const longestCode = 64
const longestUri = 500
/** The wait is long: a provider that is away for a moment must not end it. */
const mostFailures = 3

export async function beginDeviceGrant(
  keys: IssuerKeys,
  provider: SignInProvider,
): Promise<DeviceGrant> {
  const { issuer, tokenEndpoint, deviceAuthorizationEndpoint } = keys
  if (tokenEndpoint === undefined || deviceAuthorizationEndpoint === undefined) {
    throw failed(`the discovery document of ${issuer} has no device_authorization_endpoint`)
  }
  const configuration = new Configuration(
    {
      issuer,
      token_endpoint: tokenEndpoint,
      device_authorization_endpoint: deviceAuthorizationEndpoint,
      id_token_signing_alg_values_supported: [...provider.algorithms],
    },
    provider.client.id,
    {},
    authenticationOf(provider.client),
  )
  const post = withoutSecretIfRefused(formFetch(provider.access), provider.client.id)
  configuration[customFetch] = post
  const begun = await initiateDeviceAuthorization(configuration, {
    scope: provider.scopes.join(' '),
  }).catch((error: unknown) => {
    throw toRefusal(error, deviceAuthorizationEndpoint)
  })
  configuration[customFetch] = patient(post)
  return {
    userCode: shownText(begun.user_code, longestCode),
    verificationUri: shownUri(begun.verification_uri),
    completeUri:
      begun.verification_uri_complete === undefined
        ? undefined
        : shownUri(begun.verification_uri_complete),
    lifetimeMs: begun.expires_in * 1_000,
    token: async (signal) => {
      try {
        const tokens = await pollDeviceAuthorizationGrant(configuration, begun, undefined, {
          signal,
        })
        return tokens.id_token ?? tokens.access_token
      } catch (error) {
        throw toRefusal(error, tokenEndpoint, begun.expires_in)
      }
    },
  }
}

/** RFC 8628, 3.5: where there is no answer, the next question comes later. */
function patient(post: CustomFetch): CustomFetch {
  let failures = 0
  return async (url, options) => {
    try {
      const response = await post(url, options)
      failures = 0
      return response
    } catch (error) {
      failures++
      if (failures > mostFailures) throw error
      return Response.json({ error: 'slow_down' }, { status: 400 })
    }
  }
}

/** It goes to a terminal: nothing but what can be typed. */
function shownText(text: string, longest: number): string {
  if (text.length <= longest && /^[\x21-\x7e]+$/.test(text)) return text
  throw failed('the device authorization response has a code that cannot be shown')
}

function shownUri(uri: string): string {
  const isFit = URL.canParse(uri) && new URL(uri).protocol === 'https:'
  if (!isFit) throw failed('the device authorization response has no https verification_uri')
  return shownText(uri, longestUri)
}

function failed(logDetail: string, cause?: unknown): Refusal {
  return new Refusal('sign-in-failed', { logDetail, cause })
}

/** The library's own errors have whole responses beside them. */
function toRefusal(error: unknown, endpoint: string, seconds = 0): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof ResponseBodyError) {
    if (error.error === 'access_denied') return new Refusal('sign-in-denied')
    if (error.error === 'expired_token') {
      return new Refusal('sign-in-timeout', { values: { seconds } })
    }
    const code = /^[a-z_]{1,40}$/.test(error.error) ? error.error : 'an error of its own'
    return failed(`${endpoint} answered ${error.status}: ${code}`)
  }
  const cause =
    error instanceof Error && error.cause instanceof FetchError ? error.cause : undefined
  return failed(`${endpoint}: no usable answer`, cause)
}
