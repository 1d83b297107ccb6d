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
import type { IssuerKeys } from './discovery.ts'
import { configure, failed, type SignInProvider, toSignInRefusal } from './sign-in-provider.ts'

/** One way through the provider. Verifier and nonce are known here alone. */
export interface Authorization {
  /** Where the browser is sent. */
  readonly url: string
  /** What it comes back with. */
  readonly state: string
  /** The ID token for the query that the browser came back with. */
  readonly redeem: (query: string) => Promise<string>
}

export async function beginAuthorization(
  keys: IssuerKeys,
  provider: SignInProvider,
  redirectUri: string,
): Promise<Authorization> {
  const { authorizationEndpoint, tokenEndpoint } = authorizationEndpoints(keys)
  const { configuration } = configure(keys, provider, {
    authorization_endpoint: authorizationEndpoint,
    token_endpoint: tokenEndpoint,
  })
  const [state, expectedNonce, pkceCodeVerifier] = [
    randomState(),
    randomNonce(),
    randomPKCECodeVerifier(),
  ]
  const url = buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    scope: provider.scopes.join(' '),
    state,
    nonce: expectedNonce,
    code_challenge: await calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  return {
    url: url.href,
    state,
    redeem: async (query) => {
      const answer = new URL(redirectUri)
      answer.search = query
      try {
        const checks = { expectedState: state, expectedNonce, pkceCodeVerifier }
        const { id_token: token } = await authorizationCodeGrant(configuration, answer, checks)
        if (token === undefined) throw failed(`${tokenEndpoint} issued no ID token`)
        return token
      } catch (error) {
        throw toSignInRefusal(error, tokenEndpoint)
      }
    },
  }
}

/** Throws where the provider cannot be signed in at by this flow. */
export function authorizationEndpoints({
  issuer,
  authorizationEndpoint,
  tokenEndpoint,
}: IssuerKeys): { readonly authorizationEndpoint: string; readonly tokenEndpoint: string } {
  const isUsable = authorizationEndpoint?.startsWith('https://') === true
  if (!isUsable || !URL.canParse(authorizationEndpoint)) {
    throw failed(`the discovery document of ${issuer} has no authorization_endpoint over https`)
  }
  if (tokenEndpoint === undefined) {
    throw failed(`the discovery document of ${issuer} has no token_endpoint`)
  }
  return { authorizationEndpoint, tokenEndpoint }
}
