import { z } from 'zod'
import { flag, identifier, integer, secret, section } from '../fields.ts'

/** Of an integration: whether whoever logs in by it has a role of their own. */
export const provisioning = section({
  enabled: flag()
    .prefault(false)
    .describe(
      'Whether whoever logs in by this integration has a role of their own, which is made at the first login and is a member of the roles of their groups. Needs `upstream.provisioner` of each database, and `map_principal`, `principal_regex` or `identity_map` for the name of the role.',
    ),
  sync: z
    .enum(['granted', 'exact'])
    .default('granted')
    .describe(
      'What is revoked at a login: `granted` is memberships that the provisioner has granted, `exact` is every membership that is not by a group. With `exact` a login is refused if there is one that the provisioner may not revoke.',
    ),
  connection_limit: integer(1, 10_000)
    .optional()
    .describe(
      'How many sessions a role may have at the server, for roles that are made from now on.',
    ),
})

/** Of an upstream: who makes roles there. */
export const provisioner = section({
  role: identifier('role').describe(
    'The role by which Portcullis makes the roles of identities and grants them those of their groups: with CREATEROLE, with ADMIN OPTION for the roles of the groups, and no superuser. Nobody else should be able to log in as it, and nobody can by single sign-on. Needs PostgreSQL 16 or newer.',
  ),
  password: secret().optional().meta({
    description: 'Its password, which is only ever proved by SCRAM-SHA-256.',
    'x-default': 'none: it logs in by the `auth` of the upstream, `certificate` or `trust`',
  }),
  connections: integer(1, 20)
    .prefault(2)
    .describe(
      'How many connections of each worker it may have open. They are closed when they were idle for half a minute.',
    ),
})
