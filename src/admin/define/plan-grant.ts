// GRANT and REVOKE of privileges: what a group is to have, for `portcullis grants` to bring about.
import type { ConsoleNotice } from '../answer.ts'
import type { CatalogEdit, CatalogPath, Written, WrittenMap } from '../catalog-home.ts'
import { nameOf, notice } from './faults.ts'
import type { Of, Plan } from './planned.ts'
import { get, pathOf } from './sections.ts'
import { at, entriesAt, isList, isMap, listAt } from './tree.ts'
import { grantText, readGrant, withPrivileges } from './written-grants.ts'

export function planGrant(statement: Of<'grant'>, tree: WrittenMap): Plan {
  const edits = unique(statement.groups).flatMap((group) => {
    const present = at(get(tree, 'group', group), 'grants')
    const before = isList(present) ? present : []
    const after = unique(statement.databases).reduce(
      (grants, database) => granted(grants, database, statement.privileges),
      before,
    )
    return changes(before, after, [...pathOf('group', group), 'grants'], !isList(present))
  })
  return { edits, notices: edits.length === 0 ? [] : [applied('portcullis grants apply')] }
}

export function planRevoke(statement: Of<'revoke'>, tree: WrittenMap): Plan {
  const results = unique(statement.groups).map((group) => {
    const before = listAt(get(tree, 'group', group), 'grants')
    const path = [...pathOf('group', group), 'grants']
    const edits = revoked(before, statement.databases, statement.privileges, path)
    return { group, edits }
  })
  const edits = results.flatMap((result) => result.edits)
  const inVain = results
    .filter((result) => result.edits.length === 0)
    .map(({ group }) => notice(`${nameOf('group', group)} has no such privileges`))
  const done = edits.length === 0 ? [] : [applied('portcullis grants apply --prune')]
  return { edits, notices: [...inVain, ...done] }
}

/** What it takes for nobody to have anything on a database, and who had. */
export function grantsOnDatabase(
  tree: WrittenMap,
  database: string,
): { readonly edits: readonly CatalogEdit[]; readonly groups: readonly string[] } {
  const results = entriesAt(tree, 'groups').map(([group, entry]) => ({
    group,
    edits: revoked(listAt(entry, 'grants'), [database], undefined, [
      ...pathOf('group', group),
      'grants',
    ]),
  }))
  const touched = results.filter(({ edits }) => edits.length > 0)
  return {
    edits: touched.flatMap(({ edits }) => edits),
    groups: touched.map(({ group }) => group),
  }
}

function applied(command: string): ConsoleNotice {
  return notice(
    'the catalog has it; the roles at PostgreSQL are as they were',
    `"${command}" brings them to what the catalog says, and "portcullis grants diff" shows it first.`,
  )
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)]
}

/** Joins the grant that the group has on all of the database, if it has one. */
function granted(
  grants: readonly Written[],
  database: string,
  privileges: readonly string[],
): readonly Written[] {
  const index = grants.findIndex((written) => {
    const grant = readGrant(written)
    return grant?.database === database && grant.schemas === undefined && grant.tables === undefined
  })
  const written = grants[index]
  if (written === undefined) return [...grants, grantText(privileges, database)]
  const present = readGrant(written)?.privileges ?? []
  const merged = [...new Set([...present, ...privileges])]
  if (merged.length === present.length) return grants
  return grants.with(index, withPrivileges(written, database, merged))
}

/** From what is about parts of the database, too: whoever revokes wants it gone. */
function revoked(
  grants: readonly Written[],
  databases: readonly string[],
  privileges: readonly string[] | undefined,
  path: CatalogPath,
): readonly CatalogEdit[] {
  const sets: CatalogEdit[] = []
  const removals: CatalogEdit[] = []
  for (const [index, written] of grants.entries()) {
    const grant = readGrant(written)
    if (grant === undefined || !databases.includes(grant.database)) continue
    const left = grant.privileges.filter((one) => privileges?.includes(one) === false)
    if (left.length === grant.privileges.length) continue
    if (left.length === 0) removals.unshift({ kind: 'remove', path: [...path, index] })
    else sets.push(...changeOf(written, grant.database, left, [...path, index]))
  }
  return [...sets, ...removals]
}

function changes(
  before: readonly Written[],
  after: readonly Written[],
  path: CatalogPath,
  isNew: boolean,
): readonly CatalogEdit[] {
  if (isNew) return [{ kind: 'set', path, value: after }]
  return after.flatMap((written, index) => {
    const old = before[index]
    if (old === written) return []
    const grant = readGrant(written)
    if (old === undefined || grant === undefined) {
      return [{ kind: 'set', path: [...path, index], value: written }] as const
    }
    return changeOf(old, grant.database, grant.privileges, [...path, index])
  })
}

/** Of an entry nothing but the privileges, so that the rest stays as it was written. */
function changeOf(
  written: Written,
  database: string,
  privileges: readonly string[],
  path: CatalogPath,
): readonly CatalogEdit[] {
  return isMap(written)
    ? [{ kind: 'set', path: [...path, 'privileges'], value: privileges }]
    : [{ kind: 'set', path, value: grantText(privileges, database) }]
}
