import type { z } from 'zod'
import { dictionary, identifier, name, section } from '../fields.ts'
import { databases } from './database.ts'
import { group, integration } from './integration.ts'
import { pool } from './pool.ts'
import * as server from './server.ts'
import { settings } from './settings.ts'
import { signIn } from './sign-in.ts'

/** What one value may be by itself; what values mean to each other is in ../checks. */
export const configSchema = section({
  node: server.node,
  workers: server.workers,
  tls: server.tls,
  http: server.http,
  sign_in: signIn,
  timeouts: server.timeouts,
  limits: server.limits,
  log: server.log,
  audit: server.audit,
  control_socket: server.controlSocket,
  deny_file: server.denyFile,
  enforce_on_reload: server.enforceOnReload,
  trusted_proxies: server.trustedProxies,
  integrations: dictionary(name(), integration)
    .prefault({})
    .describe('Identity providers, each under a name of its own.'),
  identity_map: server.identityMap,
  groups: dictionary(identifier('group'), group)
    .prefault({})
    .describe('Groups of identities, each with the PostgreSQL role that they may use.'),
  databases,
  connectivity_pools: dictionary(name(), pool)
    .prefault({})
    .describe(
      'Listeners and the rules of what comes in by them. At least one must be on this node.',
    ),
  settings,
}).meta({
  title: 'Portcullis configuration',
  description: 'The single-sign-on gate for PostgreSQL.',
})

export type ParsedConfig = z.output<typeof configSchema>
