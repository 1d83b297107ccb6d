import type { SecureContext } from 'node:tls'

export type UpstreamTls = 'verify-full' | 'verify-ca' | 'require' | 'disable'
export type PasswordMethod = 'scram-sha-256' | 'md5' | 'cleartext'

/** How a database's PostgreSQL server is reached and logged in to. */
export interface UpstreamTarget {
  readonly host: string
  readonly port: number
  /** The name of the database at the server. */
  readonly database: string
  readonly tls: UpstreamTls
  /** Made once for each configuration: parsing roots costs more than a handshake. */
  readonly secureContext: SecureContext
  /** The name that the certificate must have; the host where undefined. */
  readonly serverName: string | undefined
  readonly connectTimeoutMs: number
  readonly credentials: UpstreamCredentials
}

export type UpstreamCredentials =
  | { readonly method: 'trust' }
  /** What the client proved its identity with, or what that was exchanged for, is passed on. */
  | { readonly method: 'token' }
  | {
      readonly method: 'password'
      readonly passwords: ReadonlyMap<string, string>
      /** What the server may ask for. */
      readonly allow: ReadonlySet<PasswordMethod>
    }
