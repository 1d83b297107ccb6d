import type { z } from 'zod'
import { dictionary, name, section } from '../fields.ts'
import { audit } from './audit.ts'
import { catalog } from './catalog.ts'
import { consoleSection } from './console.ts'
import { databases, defaultUpstream } from './database.ts'
import { defaultPool } from './default-pool.ts'
import { groups, integration } from './integration.ts'
import { fleet } from './fleet.ts'
import { pool } from './pool.ts'
import * as server from './server.ts'
import { settings } from './settings.ts'
import { telemetry } from './telemetry.ts'
import { web } from './web.ts'

/** What one value may be by itself; what values mean to each other is in ../checks. */
export const configSchema = section({
  node: server.node,
  region: server.region,
  workers: server.workers,
  tls: server.tls,
  http: server.http,
  web,
  fleet,
  timeouts: server.timeouts,
  limits: server.limits,
  log: server.log,
  audit,
  telemetry,
  control_socket: server.controlSocket,
  deny_file: server.denyFile,
  catalog,
  enforce_on_reload: server.enforceOnReload,
  trusted_proxies: server.trustedProxies,
  integrations: dictionary(name(), integration)
    .prefault({})
    .describe('Identity providers, each under a name of its own.'),
  identity_map: server.identityMap,
  groups,
  default_upstream: defaultUpstream,
  databases,
  default_pool: defaultPool,
  connectivity_pools: dictionary(name(), pool)
    .prefault({})
    .describe(
      'Listeners and the rules of what comes in by them. See [connectivity pools](connectivity-pools.md).',
    ),
  console: consoleSection,
  settings,
}).meta({
  title: 'Portcullis configuration',
  description: 'The single-sign-on gate for PostgreSQL.',
})

export type ParsedConfig = z.output<typeof configSchema>
