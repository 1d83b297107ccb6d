import type { PrivilegeName } from '../schema/grant.ts'
import type { Finding, View } from './view.ts'

/** What is not about a table alone has no meaning for some of them. */
const notOfTables: ReadonlySet<PrivilegeName> = new Set([
  'EXECUTE',
  'CREATE TABLE',
  'CREATE VIEW',
  'CREATE SCHEMA',
])

/** `portcullis grants` needs a server for each database, and privileges that fit what they are on. */
export function* checkGrants({ groups, databases }: View): Generator<Finding> {
  const servers = [...databases].filter(([, one]) => one.upstream !== undefined)
  const known = servers.map(([name]) => name)
  for (const [group, { grants = [] }] of groups) {
    for (const [index, { privileges, database, schemas, tables }] of grants.entries()) {
      const path = ['groups', group, 'grants', index]
      // One that is not there yet is for a notice: what is granted may be written down before it.
      if ('upstream' in (databases.get(database) ?? {}) && !known.includes(database)) {
        const message = 'this database has no `upstream`: name one that has'
        yield { path: [...path, 'database'], message }
      }
      const other = privileges.find((one) => notOfTables.has(one))
      if (tables !== 'all' && other !== undefined) {
        const message = `is not allowed with ${other}, which is not about single tables: make it an entry of its own`
        yield { path: [...path, 'tables'], message, isAboutKey: true }
      }
      if (schemas !== 'all' && privileges.includes('CREATE SCHEMA')) {
        const message =
          'is not allowed with CREATE SCHEMA, which is about the whole database: make it an entry of its own'
        yield { path: [...path, 'schemas'], message, isAboutKey: true }
      }
    }
  }
}

/** Where nothing is granted nobody owns what is. */
export function* checkOwners({ databases }: View): Generator<Finding> {
  for (const [name, database] of databases) {
    const hasNoServer = 'upstream' in database && database.upstream === undefined
    if (database.owners === undefined || !hasNoServer) continue
    const message = 'is only allowed with `upstream`'
    yield { path: ['databases', name, 'owners'], message, isAboutKey: true }
  }
}
