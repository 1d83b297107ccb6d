import { describe, expect, test } from 'vitest'
import { load, minimal, noticesOf, problemsOf } from './load.ts'

const withGrants = (...grants: readonly string[]): string => `${minimal}
databases:
  system: { integrations: [] }
  sandbox: { upstream: { host: db, auth: { method: trust } } }
  a "b": { upstream: { host: db, auth: { method: trust } } }
groups:
  g:
    role: app
    grants:
${grants.map((grant) => `      - ${grant}`).join('\n')}
`

const entry = { database: 'sandbox', schemas: 'all', tables: 'all' }

function grantsOf(grant: string) {
  return load(withGrants(grant)).config.groups['g']?.grants?.[0]
}

describe('a grant', () => {
  test.each([
    ['SELECT ON DATABASE sandbox', { ...entry, privileges: ['SELECT'] }],
    ['GRANT USE ON DATABASE "sandbox";', { ...entry, privileges: ['USE'] }],
    [
      'grant use,  view   table on database sandbox',
      { ...entry, privileges: ['USE', 'VIEW TABLE'] },
    ],
    [
      `'CREATE TABLE, CREATE VIEW ON DATABASE "a ""b"""'`,
      { ...entry, database: 'a "b"', privileges: ['CREATE TABLE', 'CREATE VIEW'] },
    ],
    ['{ privileges: SELECT, database: sandbox }', { ...entry, privileges: ['SELECT'] }],
    [
      '{ privileges: [use, select], database: sandbox, schemas: [public], tables: [a, b] }',
      { ...entry, privileges: ['USE', 'SELECT'], schemas: ['public'], tables: ['a', 'b'] },
    ],
  ])('reads %s', (written, expected) => {
    expect(grantsOf(written)).toEqual(expected)
  })

  test('may come before its database', () => {
    expect(noticesOf(withGrants('SELECT ON DATABASE sandbx'))).toEqual([
      expect.stringContaining(
        'groups.g.grants[0].database: has no effect yet: there is no such database; did you mean "sandbox"?',
      ),
    ])
  })

  test.each([
    [
      'SELEKT ON DATABASE sandbox',
      'grants[0].privileges: unknown privilege; did you mean "SELECT"?',
    ],
    ['VIEW TABEL ON DATABASE sandbox', 'unknown privilege; did you mean "VIEW TABLE"?'],
    ['OWN ON DATABASE sandbox', 'unknown privilege; known are "USE", "SELECT"'],
    ['SELECT ON DATABASE system', 'this database has no `upstream`'],
    ['SELECT ON SCHEMA public', 'must be an entry with `privileges` and `database`, or read as'],
    ['GRANT USE ON DATABASE sandbox TO GROUP g', 'without TO, since it stands under its group'],
    ['{ privileges: [], database: sandbox }', 'privileges: must be a list of privileges'],
    ['{ privileges: [USE] }', 'database: is required'],
    ['{ privileges: [USE], database: sandbox, schema: public }', 'did you mean "schemas"?'],
    [
      '{ privileges: [USE], database: sandbox, schemas: public }',
      'must be all, or a list of schemas',
    ],
    [
      '{ privileges: [EXECUTE], database: sandbox, tables: [a] }',
      'tables: is not allowed with EXECUTE',
    ],
    [
      '{ privileges: [CREATE SCHEMA], database: sandbox, schemas: [a] }',
      'is about the whole database',
    ],
  ])('is refused as %s', (written, problem) => {
    const problems = problemsOf(withGrants(written))
    expect(problems.join('\n')).toContain(problem)
    expect(problems).toHaveLength(1)
  })
})

test('owners are of a database that has a server', () => {
  const yaml = `${minimal}databases: { system: { integrations: [], owners: [app] } }`
  expect(problemsOf(yaml).join()).toContain('owners: is only allowed with `upstream`')
})
