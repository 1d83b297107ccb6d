// A provider, and we as its client: what every flow there begins with, and how each goes on without anybody.
import {
  type GrantedTokens,
  refreshTokens,
  revokeToken,
} from '../../identity/ask-token-endpoint.ts'
import { endpointsIn, fetchMetadata, type ProviderEndpoints } from '../../identity/discovery.ts'
import type { SignInProvider } from '../../identity/sign-in-provider.ts'
import type { Grant } from '../grant.ts'
import { makeGrant } from '../make-grant.ts'
import { CredentialProblem } from '../problem.ts'
import type { ProviderClient } from '../profile.ts'
import { readSecret } from '../read-secret.ts'
import type { SourceContext } from '../source-context.ts'
import type { TokenSource } from '../source.ts'
import { until } from '../deadline.ts'

/** Ready to be asked for something. */
export interface OpenProvider {
  readonly endpoints: ProviderEndpoints
  readonly provider: SignInProvider
}

/** RFC 8725, 3.1: none of them takes a secret that others know, and none is no signature at all. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
]

/** Asks the provider where it is asked for what; anew each time, since a process may live for months. */
export async function openProvider(
  { issuer, clientId, clientSecret, scopes, audience }: ProviderClient,
  { environment, network }: SourceContext,
): Promise<OpenProvider> {
  const secret =
    clientSecret && (await readSecret(clientSecret, environment, 'the secret of the client'))
  const access = { ...(await network()), bearerTokenFile: undefined }
  const metadata = await fetchMetadata({ issuer, ...access })
  // OpenID Connect Discovery 3: where nothing is said, it is client_secret_basic.
  const { token_endpoint_auth_methods_supported: methods } = metadata
  const takesBasic = methods?.includes('client_secret_basic') ?? true
  const isPost = !takesBasic && methods?.includes('client_secret_post') === true
  const authentication = secret === undefined ? 'none' : isPost ? 'post' : 'basic'
  return {
    endpoints: endpointsIn(metadata),
    provider: {
      client: { id: clientId, secret, authentication },
      ...{ access, scopes, algorithms, audience },
    },
  }
}

/** The one of the tokens that is wanted; the refresh token stays what it was where there is no other. */
export function grantFrom(
  tokens: GrantedTokens,
  { issuer, use }: Pick<ProviderClient, 'issuer' | 'use'>,
  now: number,
  last?: Grant,
): Grant {
  const token = use === 'id_token' ? tokens.idToken : tokens.accessToken
  if (token === undefined) throw noIdToken(issuer, last !== undefined)
  const { expiresInMs, refreshToken = last?.refreshToken } = tokens
  // What is said of its life is said of the access token.
  const isSaid = use === 'access_token' && expiresInMs !== undefined
  const expiresAt = isSaid ? now + expiresInMs : undefined
  const whose = tokens.idToken === undefined ? undefined : nameIn(tokens.idToken, now)
  return makeGrant(
    token,
    { expiresAt, refreshToken, principal: whose ?? last?.principal },
    issuer,
    now,
  )
}

function nameIn(idToken: string, now: number): string | undefined {
  return makeGrant(idToken, {}, '', now).principal
}

function noIdToken(issuer: string, isRefresh: boolean): CredentialProblem {
  return new CredentialProblem(
    'configuration',
    `${issuer} gave no ID token${isRefresh ? ' for the refresh token' : ''}`,
    {
      hint: 'Ask for the scope openid, or sign in with --access-token where the gateway takes access tokens of this provider.',
    },
  )
}

/** What is done with what is left of the last token: the same for every flow at a provider. */
export function refreshing(
  client: ProviderClient,
  context: SourceContext,
): Pick<TokenSource, 'refresh' | 'revoke'> {
  return {
    refresh: async (last, signal) => {
      const { refreshToken } = last
      if (refreshToken === undefined) return undefined
      const ask = async (): Promise<Grant | undefined> => {
        const { endpoints, provider } = await openProvider(client, context)
        const tokens = await refreshTokens(endpoints, provider, refreshToken)
        return tokens && grantFrom(tokens, client, context.now(), last)
      }
      return until(ask(), signal)
    },
    revoke: async ({ refreshToken }, signal) => {
      if (refreshToken === undefined) return
      const tell = async (): Promise<void> => {
        const { endpoints, provider } = await openProvider(client, context)
        await revokeToken(endpoints, provider, refreshToken)
      }
      await until(tell(), signal)
    },
  }
}
