import { z } from 'zod'
import { identifier, section } from '../fields.ts'

const groups = z.array(identifier('group')).prefault([])
const which =
  'They are those of `groups`, as the integrations of the database `system` map them; the roles of the groups do not matter.'

export const consoleSection = section({
  admin_groups: groups.describe(`Groups whose members may do everything at the console. ${which}`),
  stats_groups: groups.describe(
    `Groups whose members may look at the console, and change nothing. ${which}`,
  ),
})
  .prefault({})
  .describe(
    'The SQL console: what clients come to that connect to the database `system`, `portcullis` or `pgbouncer`, where `databases` has none of that name with an upstream. Without any of this nobody gets in.',
  )
