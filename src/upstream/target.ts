import type { SecureContext } from 'node:tls'
import type { TokenForm } from './pass-token.ts'
import type { RoleCertificates } from './role-certificates.ts'
import type { SignedTokens } from './signed-tokens.ts'

export type UpstreamTls = 'verify-full' | 'verify-ca' | 'require' | 'disable'
/** The versions of the protocol that a server can be asked for; there is no 3.1. */
export type UpstreamProtocol = '3.0' | '3.2'
/** As `channel_binding` of libpq. */
export type ChannelBindingUse = 'prefer' | 'require' | 'disable'
export type PasswordMethod = 'scram-sha-256' | 'md5' | 'cleartext'

/** As `target_session_attrs` of libpq. */
export type TargetSession =
  'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby'

export interface UpstreamHost {
  /** A name, an IP address, or the directory of a Unix socket. */
  readonly host: string
  readonly port: number
}

export interface WarmLimits {
  readonly maxPerRole: number
  /** Of the upstream, over all roles. */
  readonly max: number
  readonly maxAgeMs: number
  /** Whether what a client leaves as it should waits for the next one, once it is as it was. */
  readonly reuse: 'never' | 'reset'
}

/** How a database's PostgreSQL server is reached and logged in to. */
export interface UpstreamTarget {
  /** At least one. They are tried in this order, unless they share the sessions. */
  readonly hosts: readonly UpstreamHost[]
  /** Whether sessions are spread over the hosts at random. */
  readonly isBalanced: boolean
  readonly wantedSession: TargetSession
  /** How many more times all hosts are tried when none could be reached. */
  readonly connectRetries: number
  /** The name of the database at the server. */
  readonly database: string
  readonly tls: UpstreamTls
  /** Made once for each configuration: parsing roots costs more than a handshake. */
  readonly secureContext: SecureContext
  /** The name that the certificate must have; the host where undefined. */
  readonly serverName: string | undefined
  readonly channelBinding: ChannelBindingUse
  /** What is asked for; an older server may say that it has 3.0 alone. */
  readonly protocol: UpstreamProtocol
  readonly connectTimeoutMs: number
  /** What is kept ready for logins that will come; undefined: nothing. */
  readonly warm: WarmLimits | undefined
  readonly credentials: UpstreamCredentials
}

export type UpstreamCredentials =
  | { readonly method: 'trust' }
  | { readonly method: 'certificate'; readonly certificates: RoleCertificates }
  /** What the client proved its identity with, or what that was exchanged for, is passed on. */
  /** A password is signed for each role and server. */
  | { readonly method: 'rds-iam'; readonly tokens: SignedTokens }
  | {
      readonly method: 'token'
      readonly form: TokenForm
      /** Whether the server is told that the password is a token, as CockroachDB wants it. */
      readonly isAnnounced: boolean
    }
  | {
      readonly method: 'password'
      readonly passwords: ReadonlyMap<string, string>
      /** What the server may ask for. */
      readonly allow: ReadonlySet<PasswordMethod>
    }
