// Signs for AWS RDS with whatever credentials the environment, the machine or the cluster gives us. Loaded
// only where it is configured.
import { fromNodeProviderChain } from '@aws-sdk/credential-providers'
import { Signer } from '@aws-sdk/rds-signer'
import type { TokenScope } from './signed-tokens.ts'

/** Credentials are asked for once for all tokens, and again before they expire. */
export function signerForRds(region: string): (scope: TokenScope) => Promise<string> {
  const credentials = fromNodeProviderChain()
  return async ({ host: hostname, port, role: username }) =>
    new Signer({ region, hostname, port, username, credentials }).getAuthToken()
}
