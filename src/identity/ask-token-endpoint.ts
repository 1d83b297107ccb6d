// Grants for which the token endpoint is asked once: whoever brings the code or the token brings it again, at
// whichever node.
import {
  customFetch,
  genericGrantRequest,
  refreshTokenGrant,
  ResponseBodyError,
  tokenRevocation,
} from 'openid-client'
import { type DeviceGrant, verifierIn } from './device-grant.ts'
import type { ProviderEndpoints } from './discovery.ts'
import { type GrantedTokens, tokensOf } from './granted-tokens.ts'
import {
  audienceOf,
  configure,
  failed,
  type SignInProvider,
  toSignInRefusal,
} from './sign-in-provider.ts'

export type { GrantedTokens } from './granted-tokens.ts'

/** RFC 8628, 3.5. */
export type DeviceAnswer =
  | { readonly kind: 'signed-in'; readonly tokens: GrantedTokens }
  | { readonly kind: 'pending' }
  /** The next question is to come later than was said. */
  | { readonly kind: 'slow-down' }
  /** The code was used, or is not known any more. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'unanswered'; readonly refusal: Error }

const deviceGrantType = 'urn:ietf:params:oauth:grant-type:device_code'

/** Asks once whether somebody has signed in for a device. Throws where nobody will. */
export async function askAboutDevice(
  keys: ProviderEndpoints,
  provider: SignInProvider,
  { deviceCode, lifetimeMs, verifier }: Pick<DeviceGrant, 'deviceCode' | 'lifetimeMs' | 'verifier'>,
): Promise<DeviceAnswer> {
  const endpoint = tokenEndpointOf(keys)
  const { configuration, post } = configure(keys, provider, { token_endpoint: endpoint })
  const heard = { isAnswer: true }
  configuration[customFetch] = async (url, options) =>
    post(url, options).catch((error: unknown) => {
      heard.isAnswer = false
      throw error
    })
  try {
    const answer = await genericGrantRequest(configuration, deviceGrantType, {
      device_code: deviceCode,
      ...verifierIn(verifier),
    })
    return { kind: 'signed-in', tokens: tokensOf(answer) }
  } catch (error) {
    if (error instanceof ResponseBodyError) {
      if (error.error === 'authorization_pending') return { kind: 'pending' }
      if (error.error === 'slow_down') return { kind: 'slow-down' }
      if (error.error === 'invalid_grant') return { kind: 'gone' }
    }
    const refusal = toSignInRefusal(error, endpoint, Math.round(lifetimeMs / 1_000))
    if (heard.isAnswer) throw refusal
    return { kind: 'unanswered', refusal }
  }
}

/** RFC 6749, 6. Undefined where the provider does not take the refresh token any more. */
export async function refreshTokens(
  keys: ProviderEndpoints,
  provider: SignInProvider,
  refreshToken: string,
): Promise<GrantedTokens | undefined> {
  const endpoint = tokenEndpointOf(keys)
  const { configuration } = configure(keys, provider, { token_endpoint: endpoint })
  try {
    return tokensOf(await refreshTokenGrant(configuration, refreshToken, audienceOf(provider)))
  } catch (error) {
    if (error instanceof ResponseBodyError && error.error === 'invalid_grant') return undefined
    throw toSignInRefusal(error, endpoint)
  }
}

/** What needs no more than one request: the client's own grant (RFC 6749, 4.4), or a password (4.3). */
export async function requestTokens(
  keys: ProviderEndpoints,
  provider: SignInProvider,
  grantType: 'client_credentials' | 'password',
  parameters: Readonly<Record<string, string>>,
): Promise<GrantedTokens> {
  const endpoint = tokenEndpointOf(keys)
  const { configuration } = configure(keys, provider, { token_endpoint: endpoint })
  const scope = provider.scopes.join(' ')
  try {
    return tokensOf(
      await genericGrantRequest(configuration, grantType, {
        ...parameters,
        ...(scope !== '' && { scope }),
        ...audienceOf(provider),
      }),
    )
  } catch (error) {
    throw toSignInRefusal(error, endpoint)
  }
}

/** RFC 7009. Whether there was anybody to tell. */
export async function revokeToken(
  keys: ProviderEndpoints,
  provider: SignInProvider,
  refreshToken: string,
): Promise<boolean> {
  const { revocationEndpoint: endpoint } = keys
  if (endpoint === undefined) return false
  const { configuration } = configure(keys, provider, { revocation_endpoint: endpoint })
  try {
    await tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' })
    return true
  } catch (error) {
    throw toSignInRefusal(error, endpoint)
  }
}

function tokenEndpointOf({ issuer, tokenEndpoint }: ProviderEndpoints): string {
  if (tokenEndpoint === undefined) {
    throw failed(`the discovery document of ${issuer} has no token_endpoint`)
  }
  return tokenEndpoint
}
