// Where the store is, and how it is reached: what `pg` is given.
import type { ConnectionOptions } from 'node:tls'
import type { ClientConfig } from 'pg'

export type StoreTls = 'disable' | 'require' | 'verify-ca' | 'verify-full'

export interface StoreAddress {
  /** A name, an IP address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly tls: StoreTls
}

export interface Reach {
  readonly address: StoreAddress
  /** PEM of the authorities that its certificate may be from; those of the system where undefined. */
  readonly authorities: string | undefined
  /** How the connection is called in `pg_stat_activity`. */
  readonly name: string
}

export const connectTimeoutMs = 5_000
/** Of one statement; the server ends it, and we do not wait for it longer. */
export const statementTimeoutMs = 4_000
const keepAliveMs = 10_000
/** PostgreSQL cuts longer ones. */
const longestName = 63

/** Nothing is left for the environment or a file of passwords to say. */
export function clientConfig({ address, authorities, name }: Reach): ClientConfig {
  const { host, port, user, password, database, tls } = address
  return {
    ...{ host, port, user, database },
    password: () => password ?? '',
    ssl: tls === 'disable' ? false : tlsOptions(tls, authorities),
    enableChannelBinding: true,
    application_name: name.slice(0, longestName),
    client_encoding: 'UTF8',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: statementTimeoutMs + 1_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
  }
}

/** As libpq has it: with authorities, `require` looks at who signed the certificate too. */
export function tlsOptions(
  tls: Exclude<StoreTls, 'disable'>,
  authorities: string | undefined,
): ConnectionOptions {
  const isVerified = tls !== 'require' || authorities !== undefined
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: isVerified,
    ...(authorities !== undefined && { ca: authorities }),
    ...(tls !== 'verify-full' && { checkServerIdentity: () => undefined }),
  }
}
