import { resolve } from 'node:path'
import type { ParsedConfig } from './schema/index.ts'

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

/** A configuration in which everything is checked, every default filled in and every path absolute. */
export type Config = DeepReadonly<ParsedConfig>

/** Paths in the file begin at its own folder, wherever the server is started from. */
export function toConfig(parsed: ParsedConfig, folder: string): Config {
  const absolute = (path: string | undefined) =>
    path === undefined ? undefined : resolve(folder, path)
  return deepFreeze({
    ...parsed,
    tls: {
      ...parsed.tls,
      certificate: resolve(folder, parsed.tls.certificate),
      key: resolve(folder, parsed.tls.key),
      client_ca: parsed.tls.client_ca === null ? null : resolve(folder, parsed.tls.client_ca),
    },
    audit: { ...parsed.audit, file: absolute(parsed.audit.file) },
    integrations: mapValues(parsed.integrations, (integration) => ({
      ...integration,
      custom_ca: absolute(integration.custom_ca),
      jwks_file: absolute(integration.jwks_file),
      decryption_keys_file: absolute(integration.decryption_keys_file),
      jwks_bearer_token_file: absolute(integration.jwks_bearer_token_file),
    })),
    databases: mapValues(parsed.databases, (database) => ({
      ...database,
      upstream: database.upstream && { ...database.upstream, ca: absolute(database.upstream.ca) },
    })),
  })
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
