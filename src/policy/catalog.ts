import type { RE2JS } from 're2js'
import type { Dialect } from '../identity/dialect.ts'
import type { IdentityMap } from './identity-map.ts'
import type { Network } from './network.ts'

/** What the operator configured about identities and databases. A reload makes a new one, whole. */
export interface Catalog {
  readonly pools: readonly Pool[]
  readonly databases: ReadonlyMap<string, Database>
  readonly integrations: ReadonlyMap<string, Integration>
  readonly groups: ReadonlyMap<string, Group>
  readonly identityMap: IdentityMap
  readonly console: ConsoleAccess
}

/** Who may come to the SQL console by single sign-on: groups of the catalog, by name. */
export interface ConsoleAccess {
  readonly adminGroups: ReadonlySet<string>
  readonly statsGroups: ReadonlySet<string>
}

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

export interface Database {
  readonly name: string
  readonly integrations: readonly string[]
  readonly primary: string | undefined
  /** Whether a token may pick its integration among those of the scope. */
  readonly selection: 'token' | 'primary'
  readonly hasUpstream: boolean
  /** The role by which roles of identities are made there. */
  readonly provisioner?: string | undefined
}

/** What policy needs of an SSO integration; identity has the rest. */
export interface Integration {
  readonly name: string
  /** One that is switched off is still found, and refuses whoever it is found for. */
  readonly isEnabled: boolean
  readonly issuer: string
  readonly clientId: string | undefined
  readonly defaultGroup: string | undefined
  /** Value of a groups claim -> group of the catalog. */
  readonly groupMappings: ReadonlyMap<string, string>
  /** Values of a groups claim that refuse the login, whatever else the identity has. */
  readonly blockedGroups: ReadonlySet<string>
  readonly principalPattern: RE2JS | undefined
  /** Whether a principal's name may be a role as it is. */
  readonly mapsPrincipal: boolean
  readonly allowsIdTokenUser: boolean
  /** With `cockroachdb`, names are folded, and groups are ours by their names. */
  readonly dialect: Dialect
  /** Whether identities have roles of their own, which are made for them. */
  readonly provisioning?: Provisioning | undefined
  /** Whether an identity without any group is refused, whatever its name may be. */
  readonly requiresGroups: boolean
  /** What is asked for in interactive sign-in. */
  readonly scopes: readonly string[]
}

export interface Provisioning {
  /** What is revoked at a login: what we have granted, or whatever is not by a group. */
  readonly sync: 'granted' | 'exact'
  /** For a role that is made. */
  readonly connectionLimit: number | undefined
}

export interface Group {
  readonly name: string
  readonly role: string
  /** Among several groups the highest rank gives the role. */
  readonly rank: number
  readonly allowsSuperuser: boolean
}

/** The scope that databases without an integration of their own fall back to. */
export const systemScope = 'system'
