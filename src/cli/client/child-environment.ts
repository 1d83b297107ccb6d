import { type LibpqConnection, libpqVariables } from '../../credentials/libpq.ts'
import type { Environment } from '../../credentials/environment.ts'
import type { Grant } from '../../credentials/grant.ts'

/** With several hosts libpq goes on to the next one after this, unless the user says otherwise. */
const nextHostSeconds = '15'

/** What a program that connects needs, in its environment alone. */
export function childEnvironment(
  connection: LibpqConnection,
  { token, expiresAt }: Pick<Grant, 'token' | 'expiresAt'>,
  environment: Environment,
): Environment {
  const all: Environment = {
    ...(connection.endpoints.length > 1 && { PGCONNECT_TIMEOUT: nextHostSeconds }),
    ...environment,
    ...libpqVariables(connection, token),
    PORTCULLIS_TOKEN_EXPIRES_AT: new Date(expiresAt).toISOString(),
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
