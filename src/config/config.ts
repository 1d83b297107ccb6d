import { resolve } from 'node:path'
import { expandOidcSettings } from './expand-oidc-settings.ts'
import { expandSettings, type IntegrationConfig } from './expand-settings.ts'
import { type AuditConfig, toAudit } from './expand-audit.ts'
import { chooseProxy, type ProxyChoice } from './proxy-choice.ts'
import type { ParsedConfig } from './schema/index.ts'

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

type Expanded = Omit<
  ParsedConfig,
  'audit' | 'integrations' | 'default_upstream' | 'default_pool'
> & {
  readonly audit: AuditConfig
  /** The pool that this node has because no other is on it. */
  readonly implied_pool: string | undefined
  readonly integrations: Readonly<
    Record<string, IntegrationConfig & { proxy: ProxyChoice | undefined }>
  >
}

/**
 * A configuration in which everything is checked, every default filled in and every path absolute.
 * CockroachDB's settings are integrations of the database `system` in it, sections of defaults are where they
 * belong, and pools that are switched off are not there.
 */
export type Config = DeepReadonly<Expanded>

/** Paths in the file begin at its own folder, wherever the server is started from. */
export function toConfig(
  parsed: ParsedConfig,
  folder: string,
  environment: NodeJS.ProcessEnv,
  impliedPool: string | undefined,
): Config {
  const absolute = (path: string | undefined) =>
    path === undefined ? undefined : resolve(folder, path)
  const fromSettings = expandSettings(parsed.settings)
  const forPeople = expandOidcSettings(parsed.settings)
  return deepFreeze<Expanded>({
    ...withoutDefaults(parsed),
    implied_pool: impliedPool,
    tls: {
      ...parsed.tls,
      certificate: resolve(folder, parsed.tls.certificate),
      key: resolve(folder, parsed.tls.key),
      client_ca: parsed.tls.client_ca === null ? null : resolve(folder, parsed.tls.client_ca),
    },
    web: parsed.web && {
      ...parsed.web,
      tls: absoluteFiles(parsed.web.tls, folder),
    },
    fleet: parsed.fleet && { ...parsed.fleet, store_ca: absolute(parsed.fleet.store_ca) },
    control_socket: absolute(parsed.control_socket),
    deny_file: absolute(parsed.deny_file),
    audit: toAudit(parsed.audit, folder, environment),
    telemetry: {
      ...parsed.telemetry,
      traces: parsed.telemetry.traces && {
        ...parsed.telemetry.traces,
        ca: absolute(parsed.telemetry.traces.ca),
      },
      metrics: parsed.telemetry.metrics && {
        ...parsed.telemetry.metrics,
        ca: absolute(parsed.telemetry.metrics.ca),
      },
    },
    integrations: mapValues(
      withEntries(
        new Map([...fromSettings, ...forPeople]),
        mapValues(parsed.integrations, (integration) => ({
          ...integration,
          cockroach: undefined,
          custom_ca: absolute(integration.custom_ca),
          jwks_file: absolute(integration.jwks_file),
          decryption_keys_file: absolute(integration.decryption_keys_file),
          jwks_bearer_token_file: absolute(integration.jwks_bearer_token_file),
        })),
      ),
      (integration) => ({
        ...integration,
        proxy: chooseProxy(integration.proxy_url, environment),
      }),
    ),
    databases: withSystem(
      [...fromSettings.keys()],
      mapValues(parsed.databases, (database) => ({
        ...database,
        upstream: database.upstream && {
          ...database.upstream,
          ca: absolute(database.upstream.ca),
          auth: absoluteAuth(database.upstream.auth, folder),
        },
      })),
    ),
    connectivity_pools: mapValues(enabled(parsed.connectivity_pools), (pool) => ({
      ...pool,
      participants: pool.participants.map((participant) => ({
        ...participant,
        socket_directory: absolute(participant.socket_directory),
      })),
      tls: absoluteFiles(pool.tls, folder),
    })),
  })
}

/** What they hold is where it belongs by now. */
function withoutDefaults(
  parsed: ParsedConfig,
): Omit<ParsedConfig, 'default_upstream' | 'default_pool'> {
  const others: Partial<ParsedConfig> = { ...parsed }
  delete others.default_upstream
  delete others.default_pool
  // Nothing else was taken away.
  return others as ParsedConfig
}

function enabled<V extends { readonly enabled: boolean }>(
  entries: Readonly<Record<string, V>>,
): Readonly<Record<string, V>> {
  return Object.fromEntries(Object.entries(entries).filter(([, one]) => one.enabled))
}

interface TlsFiles {
  readonly certificate: string
  readonly key: string
}

function absoluteFiles(files: TlsFiles | undefined, folder: string): TlsFiles | undefined {
  if (files === undefined) return undefined
  return { certificate: resolve(folder, files.certificate), key: resolve(folder, files.key) }
}

type Auth = NonNullable<ParsedConfig['databases'][string]['upstream']>['auth']

function absoluteAuth(auth: Auth, folder: string): Auth {
  if (auth.method !== 'certificate') return auth
  const { ca_certificate: certificate, ca_key: key } = auth
  return {
    ...auth,
    ca_certificate: resolve(folder, certificate),
    ca_key: resolve(folder, key),
  }
}

type Databases = ParsedConfig['databases']

/** Integrations that every database may use stand in `system`, behind those that are configured there. */
function withSystem(added: readonly string[], databases: Databases): Databases {
  const [first] = added
  if (first === undefined) return databases
  const system = databases['system'] ?? {
    integrations: [],
    primary: undefined,
    integration_selection: 'token',
    upstream: undefined,
    owners: undefined,
  }
  const integrations = [...system.integrations, ...added]
  return withEntries(
    new Map([['system', { ...system, integrations, primary: system.primary ?? first }]]),
    databases,
  )
}

/** The entries of both; one that is in both is the added one. */
function withEntries<V>(
  added: ReadonlyMap<string, V>,
  entries: Readonly<Record<string, V>>,
): Readonly<Record<string, V>> {
  return Object.assign(Object.create(null) as Record<string, V>, entries, Object.fromEntries(added))
}

function mapValues<V, W>(
  entries: Readonly<Record<string, V>>,
  change: (value: V) => W,
): Readonly<Record<string, W>> {
  const changed = Object.entries(entries).map(([name, value]) => [name, change(value)] as const)
  return Object.assign(Object.create(null) as Record<string, W>, Object.fromEntries(changed))
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze)
    Object.freeze(value)
  }
  return value
}
