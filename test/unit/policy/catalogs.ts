import { RE2JS } from 're2js'
import type { Catalog, Database, Group, Integration, Pool } from '../../../src/policy/catalog.ts'
import { parseIdentityMap } from '../../../src/policy/identity-map.ts'
import { parseNetwork } from '../../../src/policy/network.ts'
import { Pools } from '../../../src/policy/pools.ts'

export const issuer = 'https://issuer.example'

interface CatalogParts {
  readonly pools?: readonly Pool[]
  readonly databases?: readonly Database[]
  readonly integrations?: readonly Integration[]
  readonly groups?: readonly Group[]
  readonly identityMap?: string
  readonly adminGroups?: readonly string[]
  readonly statsGroups?: readonly string[]
  readonly consoleUsers?: readonly (readonly [string, 'admin' | 'stats'])[]
  readonly consoleSocket?: 'admin' | 'stats'
}

export function catalogOf(parts: CatalogParts): Catalog {
  return {
    pools: new Pools(parts.pools ?? []),
    databases: byName(parts.databases ?? []),
    integrations: byName(parts.integrations ?? []),
    groups: byName(parts.groups ?? []),
    identityMap: parseIdentityMap(parts.identityMap ?? '').map,
    console: {
      adminGroups: new Set(parts.adminGroups),
      statsGroups: new Set(parts.statsGroups),
      users: new Map(parts.consoleUsers),
      unixSocket: parts.consoleSocket,
    },
  }
}

function byName<T extends { readonly name: string }>(values: readonly T[]): ReadonlyMap<string, T> {
  return new Map(values.map((value) => [value.name, value]))
}

export function pool(
  name: string,
  networks: readonly string[],
  {
    priority = 0,
    listeners = ['main'],
    unixSockets = [],
  }: { priority?: number; listeners?: readonly string[]; unixSockets?: readonly string[] } = {},
): Pool {
  return {
    name,
    networks: networks.map(parseNetwork),
    priority,
    requireSso: true,
    authMethods: ['cleartext', 'oauthbearer'],
    ssoIntegration: undefined,
    ssoFlows: ['deviceGrant', 'authorizationCode'],
    allowsReplication: false,
    serverNames: new Set(),
    requiresClientCertificate: false,
    sessionLimits: {
      expiry: 'ignore',
      graceMs: 30_000,
      maxLifetimeMs: undefined,
      idleMs: undefined,
      idleInTransactionMs: undefined,
    },
    passwordUsers: new Set(),
    listeners: new Set(listeners),
    unixSockets: new Set(unixSockets),
    allowedDatabases: undefined,
    allowedGroups: undefined,
    allowedIntegrations: undefined,
    loginHours: [],
  }
}

export function database(name: string, more: Partial<Omit<Database, 'name'>> = {}): Database {
  return {
    name,
    integrations: [],
    primary: more.integrations?.[0],
    selection: 'token',
    hasUpstream: true,
    ...more,
  }
}

type IntegrationParts = Partial<
  Omit<Integration, 'name' | 'groupMappings' | 'principalPattern'>
> & {
  readonly mappings?: Readonly<Record<string, string>>
  readonly pattern?: string
}

export function integration(name: string, parts: IntegrationParts = {}): Integration {
  const { mappings = {}, pattern, ...more } = parts
  return {
    name,
    isEnabled: true,
    issuer,
    clientId: name,
    defaultGroup: undefined,
    groupMappings: new Map(Object.entries(mappings)),
    blockedGroups: new Set(),
    principalPattern: pattern === undefined ? undefined : RE2JS.compile(pattern),
    mapsPrincipal: false,
    allowsIdTokenUser: true,
    dialect: 'portcullis',
    requiresGroups: false,
    scopes: ['openid'],
    ...more,
  }
}

export function group(name: string, role: string, rank = 0, allowsSuperuser = false): Group {
  return { name, role, rank, allowsSuperuser }
}
