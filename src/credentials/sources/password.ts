// The password of somebody, given to us (RFC 6749, 4.3).
import { requestTokens } from '../../identity/ask-token-endpoint.ts'
import { until } from '../deadline.ts'
import type { Grant } from '../grant.ts'
import type { ProviderClient, SecretReference } from '../profile.ts'
import { readSecret } from '../read-secret.ts'
import type { SourceContext } from '../source-context.ts'
import type { TokenSource } from '../source.ts'
import { grantFrom, openProvider, refreshing } from './provider.ts'

export interface PasswordClient extends ProviderClient {
  readonly username: string
  readonly password: SecretReference
}

export function passwordSource(client: PasswordClient, context: SourceContext): TokenSource {
  const ask = async (): Promise<Grant> => {
    const { username } = client
    const whose = `the password of ${username}`
    const password = await readSecret(client.password, context.environment, whose)
    const { endpoints, provider } = await openProvider(client, context)
    const tokens = await requestTokens(endpoints, provider, 'password', { username, password })
    return grantFrom(tokens, client, context.now())
  }
  return {
    ...refreshing(client, context),
    needsPerson: false,
    obtain: async (_, signal) => until(ask(), signal),
  }
}
