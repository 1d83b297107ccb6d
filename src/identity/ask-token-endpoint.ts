// Grants for which the token endpoint is asked once: whoever brings the code or the token brings it again, at
// whichever node.
import {
  customFetch,
  genericGrantRequest,
  refreshTokenGrant,
  ResponseBodyError,
} from 'openid-client'
import type { IssuerKeys } from './discovery.ts'
import { configure, failed, type SignInProvider, toSignInRefusal } from './sign-in-provider.ts'

/** What the provider gave out. Nobody has verified it. */
export interface GrantedTokens {
  /** The ID token; the access token where the provider issues no other. */
  readonly token: string
  readonly refreshToken: string | undefined
}

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
  keys: IssuerKeys,
  provider: SignInProvider,
  deviceCode: string,
  lifetimeMs: number,
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
  keys: IssuerKeys,
  provider: SignInProvider,
  refreshToken: string,
): Promise<GrantedTokens | undefined> {
  const endpoint = tokenEndpointOf(keys)
  const { configuration } = configure(keys, provider, { token_endpoint: endpoint })
  try {
    return tokensOf(await refreshTokenGrant(configuration, refreshToken))
  } catch (error) {
    if (error instanceof ResponseBodyError && error.error === 'invalid_grant') return undefined
    throw toSignInRefusal(error, endpoint)
  }
}

function tokensOf(answer: {
  readonly id_token?: string
  readonly access_token: string
  readonly refresh_token?: string
}): GrantedTokens {
  return { token: answer.id_token ?? answer.access_token, refreshToken: answer.refresh_token }
}

function tokenEndpointOf({ issuer, tokenEndpoint }: IssuerKeys): string {
  if (tokenEndpoint === undefined) {
    throw failed(`the discovery document of ${issuer} has no token_endpoint`)
  }
  return tokenEndpoint
}
