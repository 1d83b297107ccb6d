// Sign-in on another device (RFC 8628): the client shows an address and a code, somebody opens it in a
// browser, and meanwhile the token endpoint is asked.
import {
  calculatePKCECodeChallenge,
  customFetch,
  type CustomFetch,
  initiateDeviceAuthorization,
  pollDeviceAuthorizationGrant,
  randomPKCECodeVerifier,
} from 'openid-client'
import type { ProviderEndpoints } from './discovery.ts'
import { type GrantedTokens, tokensOf } from './granted-tokens.ts'
import {
  audienceOf,
  configure,
  failed,
  type SignInProvider,
  toSignInRefusal,
} from './sign-in-provider.ts'

export interface DeviceGrant {
  readonly userCode: string
  readonly verificationUri: string
  /** With the code in it. */
  readonly completeUri: string | undefined
  readonly lifetimeMs: number
  /** By which the provider is asked, and how much time is to be between two questions. */
  readonly deviceCode: string
  readonly intervalMs: number
  /** What shows that whoever asks is who began (RFC 7636); undefined where the provider has no use for it. */
  readonly verifier: string | undefined
  /** The ID token, once somebody has signed in; the access token where the provider issues no other. */
  readonly token: (signal: AbortSignal) => Promise<string>
  /** Everything that there is once somebody has signed in. */
  readonly tokens: (signal: AbortSignal) => Promise<GrantedTokens>
}

const longestCode = 64
const longestUri = 500
/** RFC 8628, 3.5: where the provider does not say. */
const usualIntervalSeconds = 5
/** The wait is long: a provider that is away for a moment must not end it. */
const mostFailures = 3

export async function beginDeviceGrant(
  keys: ProviderEndpoints,
  provider: SignInProvider,
): Promise<DeviceGrant> {
  const { issuer, tokenEndpoint, deviceAuthorizationEndpoint } = keys
  if (tokenEndpoint === undefined || deviceAuthorizationEndpoint === undefined) {
    throw failed(`the discovery document of ${issuer} has no device_authorization_endpoint`)
  }
  const { configuration, post } = configure(keys, provider, {
    token_endpoint: tokenEndpoint,
    device_authorization_endpoint: deviceAuthorizationEndpoint,
  })
  // Not in RFC 8628, but providers demand it of a device too where they do of the client.
  const verifier = keys.takesChallenge === true ? randomPKCECodeVerifier() : undefined
  const begun = await initiateDeviceAuthorization(configuration, {
    scope: provider.scopes.join(' '),
    ...audienceOf(provider),
    ...(verifier !== undefined && (await challengeOf(verifier))),
  }).catch((error: unknown) => {
    throw toSignInRefusal(error, deviceAuthorizationEndpoint)
  })
  configuration[customFetch] = patient(post)
  const tokens = async (signal: AbortSignal): Promise<GrantedTokens> => {
    try {
      const parameters = { ...audienceOf(provider), ...verifierIn(verifier) }
      const answer = pollDeviceAuthorizationGrant(configuration, begun, parameters, { signal })
      return tokensOf(await answer)
    } catch (error) {
      throw toSignInRefusal(error, tokenEndpoint, begun.expires_in)
    }
  }
  const { user_code: userCode, verification_uri: verificationUri } = begun
  const completeUri = begun.verification_uri_complete
  return {
    ...shownDevice({ userCode, verificationUri, completeUri }),
    lifetimeMs: begun.expires_in * 1_000,
    deviceCode: begun.device_code,
    intervalMs: (begun.interval ?? usualIntervalSeconds) * 1_000,
    verifier,
    token: async (signal) => (await tokens(signal)).token,
    tokens,
  }
}

/** RFC 7636, 4.3. */
async function challengeOf(verifier: string): Promise<Record<string, string>> {
  const challenge = await calculatePKCECodeChallenge(verifier)
  return { code_challenge: challenge, code_challenge_method: 'S256' }
}

/** RFC 7636, 4.5. */
export function verifierIn(verifier: string | undefined): Record<string, string> {
  return verifier === undefined ? {} : { code_verifier: verifier }
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

/** What somebody reads of a grant that was begun. */
type ShownDevice = Pick<DeviceGrant, 'userCode' | 'verificationUri' | 'completeUri'>

/** Throws where it cannot be shown. */
export function shownDevice({ userCode, verificationUri, completeUri }: ShownDevice): ShownDevice {
  return {
    userCode: shownText(userCode, longestCode),
    verificationUri: shownUri(verificationUri),
    completeUri: completeUri === undefined ? undefined : shownUri(completeUri),
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
