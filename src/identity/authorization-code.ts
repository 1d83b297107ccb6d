// Sign-in with a browser that comes back to a page of ours (RFC 6749, 4.1; OpenID Connect Core, 3.1), with
// everything that RFC 9700 asks for: PKCE with S256, a nonce, and the issuer of the answer compared.
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
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

/**
 * One way through the provider. Plain data, with which whoever has it can finish what somebody began: it stays
 * in this process, or is sealed.
 */
export interface PendingAuthorization {
  /** What the browser comes back with. */
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly redirectUri: string
}

export interface Authorization extends PendingAuthorization {
  /** Where the browser is sent. */
  readonly url: string
}

/** What is asked of the provider beside the usual (OpenID Connect Core, 3.1.2.1). */
export type AuthorizationExtras = Readonly<
  Partial<Record<'acr_values' | 'max_age' | 'prompt', string>>
>

export interface IssuedTokens extends GrantedTokens {
  readonly idToken: string
}

export async function beginAuthorization(
  keys: ProviderEndpoints,
  provider: SignInProvider,
  redirectUri: string,
  extras: AuthorizationExtras = {},
): Promise<Authorization> {
  const { configuration } = configure(keys, provider, endpointsOf(keys))
  const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()]
  const url = buildAuthorizationUrl(configuration, {
    ...extras,
    ...audienceOf(provider),
    redirect_uri: redirectUri,
    scope: provider.scopes.join(' '),
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  return { url: url.href, state, nonce, verifier, redirectUri }
}

/** The tokens for the query that the browser came back with. Nobody has verified them. */
export async function redeemAuthorization(
  keys: ProviderEndpoints,
  provider: SignInProvider,
  pending: PendingAuthorization,
  query: string,
): Promise<IssuedTokens> {
  const tokens = await redeem(keys, provider, pending, query, true)
  const { idToken } = tokens
  if (idToken === undefined) throw failed(`${keys.tokenEndpoint ?? ''} issued no ID token`)
  return { ...tokens, idToken }
}

/** The same for whoever has no use for an ID token: there is none where the scopes do not ask for it. */
export async function redeemForAccess(
  keys: ProviderEndpoints,
  provider: SignInProvider,
  pending: PendingAuthorization,
  query: string,
): Promise<GrantedTokens> {
  return redeem(keys, provider, pending, query, provider.scopes.includes('openid'))
}

async function redeem(
  keys: ProviderEndpoints,
  provider: SignInProvider,
  { state, nonce, verifier, redirectUri }: PendingAuthorization,
  query: string,
  isOpenId: boolean,
): Promise<GrantedTokens> {
  const endpoints = endpointsOf(keys)
  const { configuration } = configure(keys, provider, endpoints)
  const answer = new URL(redirectUri)
  answer.search = query
  try {
    const tokens = await authorizationCodeGrant(
      configuration,
      answer,
      {
        expectedState: state,
        pkceCodeVerifier: verifier,
        // It is in ID tokens alone.
        ...(isOpenId && { expectedNonce: nonce }),
      },
      audienceOf(provider),
    )
    return tokensOf(tokens)
  } catch (error) {
    throw toSignInRefusal(error, endpoints.token_endpoint)
  }
}

function endpointsOf(keys: ProviderEndpoints): {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
} {
  const { authorizationEndpoint, tokenEndpoint } = authorizationEndpoints(keys)
  return { authorization_endpoint: authorizationEndpoint, token_endpoint: tokenEndpoint }
}

/** Throws where the provider cannot be signed in at by this flow. */
export function authorizationEndpoints({
  issuer,
  authorizationEndpoint,
  tokenEndpoint,
}: ProviderEndpoints): { readonly authorizationEndpoint: string; readonly tokenEndpoint: string } {
  const isUsable = authorizationEndpoint?.startsWith('https://') === true
  if (!isUsable || !URL.canParse(authorizationEndpoint)) {
    throw failed(`the discovery document of ${issuer} has no authorization_endpoint over https`)
  }
  if (tokenEndpoint === undefined) {
    throw failed(`the discovery document of ${issuer} has no token_endpoint`)
  }
  return { authorizationEndpoint, tokenEndpoint }
}
