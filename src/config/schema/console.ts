import { z } from 'zod'
import { dictionary, identifier, secret, section } from '../fields.ts'

const groups = z.array(identifier('group')).prefault([])
const which =
  'They are those of `groups`, as the integrations of the database `system` map them; the roles of the groups do not matter.'

const user = section({
  secret: secret().describe(
    'What it proves by SCRAM-SHA-256: a verifier as PostgreSQL keeps it in `pg_authid` (`SCRAM-SHA-256$4096:...`), or the password itself as `${file:...}` or `${env:...}`. It is never sent in the clear.',
  ),
  right: z
    .enum(['admin', 'stats'])
    .default('stats')
    .describe('Whether it may do everything (`admin`), or look and change nothing (`stats`).'),
})

export const consoleSection = section({
  admin_groups: groups.describe(`Groups whose members may do everything at the console. ${which}`),
  stats_groups: groups.describe(
    `Groups whose members may look at the console, and change nothing. ${which}`,
  ),
  users: dictionary(identifier('user'), user)
    .prefault({})
    .describe(
      'Users of the console with a secret of their own, for the time before single sign-on works and for when it does not. A pool with `require_sso` lets them in if `password_users` names them.',
    ),
  unix_socket: z
    .enum(['none', 'stats', 'admin'])
    .default('none')
    .describe(
      'What whoever can open a Unix socket of a pool may at the console without anything else: with `socket_mode: 0600`, which it needs, that is the user that Portcullis runs as, and root.',
    ),
})
  .prefault({})
  .describe(
    'The SQL console: what clients come to that connect to the database `system`, `portcullis` or `pgbouncer`, where `databases` has none of that name with an upstream. Without any of this nobody gets in.',
  )
