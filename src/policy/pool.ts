import type { LoginHours } from './login-hours.ts'
import type { Network } from './network.ts'

/**
 * How a client is asked for its credential: AuthenticationCleartextPassword, SASL OAUTHBEARER, or SASL
 * SCRAM-SHA-256, whose messages are passed on so that its password is never seen here.
 */
export type AuthMethod = 'cleartext' | 'oauthbearer' | 'scram-sha-256'

/** How somebody signs in with a browser: at a page of the provider (RFC 8628), or by way of one of ours. */
export type SignInFlow = 'deviceGrant' | 'authorizationCode'

/** A connectivity pool: who may connect where, and whether only by single sign-on. */
export interface Pool {
  readonly name: string
  readonly networks: readonly Network[]
  readonly priority: number
  readonly requireSso: boolean
  /** Break-glass users, who may use a password although the pool requires single sign-on. */
  readonly passwordUsers: ReadonlySet<string>
  /** How clients may be asked for their credential; the first is for those that choose none. */
  readonly authMethods: readonly AuthMethod[]
  /** The integration that clients which look for a token are sent to; the primary where undefined. */
  readonly ssoIntegration: string | undefined
  /** How people may sign in; the first that is possible is for clients that choose none. */
  readonly ssoFlows: readonly SignInFlow[]
  readonly allowsReplication: boolean
  /** The names by which clients ask for the pool in TLS (SNI), in lower case; empty: any, or none. */
  readonly serverNames: ReadonlySet<string>
  /** Whether a client must have a certificate of `tls.client_ca`, besides its credential. */
  readonly requiresClientCertificate: boolean
  readonly sessionLimits: SessionLimits
  /** The databases that there are for its clients; undefined: all. */
  readonly allowedDatabases: ReadonlySet<string> | undefined
  /** Groups of which an identity must be in one; undefined: none of them. */
  readonly allowedGroups: ReadonlySet<string> | undefined
  /** The integrations whose tokens it takes; undefined: all. */
  readonly allowedIntegrations: ReadonlySet<string> | undefined
  /** When logins may begin; none: always. */
  readonly loginHours: readonly LoginHours[]
  /** The sockets of this node on which the pool listens, as the registry of listeners names them. */
  readonly listeners: ReadonlySet<string>
  /** The Unix sockets of this node on which it listens, whose peers have no address. */
  readonly unixSockets: ReadonlySet<string>
}

/** What bounds the sessions of a pool; undefined is no limit. */
export interface SessionLimits {
  /**
   * What the expiry of its token is to a session: nothing, the end when its transaction is over, or that
   * and the end of whatever it does after the grace.
   */
  readonly expiry: 'ignore' | 'idle' | 'hard'
  /** How long after its expiry, or its lifetime, a session may go on with what it has begun. */
  readonly graceMs: number
  readonly maxLifetimeMs: number | undefined
  readonly idleMs: number | undefined
  readonly idleInTransactionMs: number | undefined
}
