import type { RE2JS } from 're2js'
import type { Dialect } from '../identity/dialect.ts'
import type { IdentityMap } from './identity-map.ts'
import type { Pool } from './pool.ts'
import type { Pools } from './pools.ts'

export type { AuthMethod, Pool, SessionLimits, SignInFlow } from './pool.ts'

/** What the operator configured about identities and databases. A reload makes a new one, whole. */
export interface Catalog {
  readonly pools: Pools
  readonly databases: ReadonlyMap<string, Database>
  readonly integrations: ReadonlyMap<string, Integration>
  readonly groups: ReadonlyMap<string, Group>
  readonly identityMap: IdentityMap
  readonly console: ConsoleAccess
  /** The pool that it is seen from, once that is known. */
  readonly pool?: Pool
}

/** `stats` may look, `admin` may change as well. */
export type ConsoleRight = 'admin' | 'stats'

/** Who may come to the SQL console. */
export interface ConsoleAccess {
  /** By single sign-on: groups of the catalog. */
  readonly adminGroups: ReadonlySet<string>
  readonly statsGroups: ReadonlySet<string>
  /** By a secret of their own, by name. */
  readonly users: ReadonlyMap<string, ConsoleRight>
  /** Whoever can open a Unix socket of this node; undefined: nobody by that alone. */
  readonly unixSocket: ConsoleRight | undefined
}

export interface Database {
  readonly name: string
  readonly integrations: readonly string[]
  readonly primary: string | undefined
  /** Whether a token may pick its integration among those of the scope. */
  readonly selection: 'token' | 'primary'
  readonly hasUpstream: boolean
  /** Whether its server is sent the token, or one that the provider gives for it: a session token is neither. */
  readonly wantsProviderToken?: boolean | undefined
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
