// A program as itself (RFC 6749, 4.4).
import { requestTokens } from '../../identity/ask-token-endpoint.ts'
import { until } from '../deadline.ts'
import type { Grant } from '../grant.ts'
import { CredentialProblem } from '../problem.ts'
import type { ProviderClient } from '../profile.ts'
import type { SourceContext } from '../source-context.ts'
import type { TokenSource } from '../source.ts'
import { grantFrom, openProvider, refreshing } from './provider.ts'

export function clientCredentialsSource(
  client: ProviderClient,
  context: SourceContext,
): TokenSource {
  const ask = async (): Promise<Grant> => {
    if (client.clientSecret === undefined) {
      throw new CredentialProblem(
        'configuration',
        'client credentials need the secret of a client',
        {
          hint: 'Name where it is found: client_secret in the profile, --client-secret-file or --client-secret-env.',
        },
      )
    }
    const { endpoints, provider } = await openProvider(client, context)
    const tokens = await requestTokens(endpoints, provider, 'client_credentials', {})
    // Nobody has signed in, and so there is no ID token of anybody.
    const use = tokens.idToken === undefined ? 'access_token' : client.use
    return grantFrom(tokens, { ...client, use }, context.now())
  }
  return {
    ...refreshing(client, context),
    needsPerson: false,
    obtain: async (_, signal) => until(ask(), signal),
  }
}
