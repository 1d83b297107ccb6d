import { z } from 'zod'
import { identifier, section } from '../fields.ts'
import { expecting } from '../messages.ts'
import { suggestion } from '../nearest-name.ts'

/** By the names of Ocient where it has one, else by those of PostgreSQL. */
export const privilegeNames = [
  'USE',
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'TRUNCATE',
  'REFERENCES',
  'TRIGGER',
  'EXECUTE',
  'VIEW TABLE',
  'VIEW VIEW',
  'VIEW SCHEMA',
  'CREATE TABLE',
  'CREATE VIEW',
  'CREATE SCHEMA',
] as const

export type PrivilegeName = (typeof privilegeNames)[number]

const listRule = 'must be a list of privileges such as [USE, SELECT]'

const privilege = z.string({ error: expecting(listRule) }).transform((written, context) => {
  const name = normalized(written)
  const known = privilegeNames.find((one) => one === name)
  if (known !== undefined) return known
  const message = `unknown privilege; ${suggestion(name, privilegeNames)}`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

const privileges = z
  .preprocess(
    (value) => (typeof value === 'string' ? value.split(',') : value),
    z.array(privilege, { error: expecting(listRule) }).min(1),
  )
  .meta({
    description:
      'The privileges: `USE`, `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, `REFERENCES`, `TRIGGER`, `EXECUTE`, `VIEW TABLE`, `VIEW VIEW`, `VIEW SCHEMA`, `CREATE TABLE`, `CREATE VIEW`, `CREATE SCHEMA`. What each is in PostgreSQL is in [grants.md](grants.md).',
    type: ['array', 'string'],
    'x-type': 'list of privileges',
  })

function names(kind: string, what: string) {
  const one = identifier('name')
  const rule = `must be all, or a list of ${what}`
  return z
    .union([z.literal('all'), z.array(one).min(1)], { error: expecting(rule) })
    .default('all')
    .meta({ 'x-type': `\`all\` or list of ${kind}` })
}

const entry = section({
  privileges,
  database: identifier('database').describe('A database of the catalog.'),
  schemas: names('schema', 'schemas').describe(
    'The schemas whose objects are meant. `all` is all but those of the system, and those that are made later.',
  ),
  tables: names('table', 'tables').describe(
    'The tables that are meant, by their names in those schemas. `all` is all, and those that are made later; then sequences and, for `EXECUTE`, routines are meant too.',
  ),
})

/** `GRANT SELECT ON DATABASE sandbox`, whose first word may be left out. */
const statement = /^(?:GRANT\s)?(.+?)\sON\sDATABASE\s("(?:[^"]|"")+"|[^\s";]+)\s*;?$/is
const statementRule =
  'must be an entry with `privileges` and `database`, or read as "SELECT ON DATABASE sandbox"'

export const grant = z
  .preprocess((value, context) => {
    if (typeof value !== 'string') return value
    const [, list, database] = statement.exec(value.trim()) ?? []
    if (list !== undefined && database !== undefined) {
      const name = database.startsWith('"') ? database.slice(1, -1).replaceAll('""', '"') : database
      return { privileges: list, database: name }
    }
    const isToGroup = /\sTO\s/i.test(value)
    const message = isToGroup
      ? `${statementRule}: without TO, since it stands under its group`
      : statementRule
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  }, entry)
  .meta({ type: ['object', 'string'], 'x-type': 'statement or section' })

function normalized(written: string): string {
  return written.trim().replaceAll(/\s+/g, ' ').toUpperCase()
}
