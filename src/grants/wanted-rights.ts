// The rights that a role should have in a database as it is: what its grants say, object by object.
import { printable } from '../refusal.ts'
import { type Keyword, translations } from './privileges.ts'
import type { DefaultObjects, Right, Target } from './right.ts'
import type { Actor, DatabaseState } from './state.ts'
import type { WantedDatabase, WantedGrant, WantedRole } from './wanted.ts'

export interface WantedRights {
  readonly rights: readonly Right[]
  /** What cannot be granted, since it is not there. */
  readonly problems: readonly string[]
  /** Who makes what is not covered, since the session may not act as them. */
  readonly uncovered: readonly string[]
}

export function rightsOf(
  wanted: WantedDatabase,
  { role, grants }: WantedRole,
  state: DatabaseState,
): WantedRights {
  const rights: Right[] = []
  const problems: string[] = []
  const uncovered = new Set<string>()
  for (const grant of grants) {
    const schemas = schemasOf(grant, state)
    rights.push(...rightsOnContainers(grant, schemas), ...rightsOnObjects(grant, schemas, state))
    problems.push(...whatIsMissing(grant, schemas, state))
    for (const [creator, isOurs] of creatorsFor(grant, wanted, state)) {
      // An owner has everything on what it makes.
      if (creator === role) continue
      if (isOurs) rights.push(...defaultRights(grant, creator))
      else uncovered.add(creator)
    }
  }
  return { rights, problems, uncovered: [...uncovered].sort() }
}

function schemasOf({ schemas }: WantedGrant, state: DatabaseState): ReadonlySet<string> {
  const names = state.schemas
    .filter(({ name, isExtensions }) =>
      schemas === 'all' ? !isExtensions : schemas.includes(name),
    )
    .map(({ name }) => name)
  return new Set(names)
}

function rightsOnContainers(
  { privileges }: WantedGrant,
  schemas: ReadonlySet<string>,
): readonly Right[] {
  return privileges.flatMap((name): readonly Right[] => {
    const { database, schema: onSchema } = translations[name]
    return [
      ...(database === undefined
        ? []
        : [{ target: { kind: 'database' } as const, privilege: database }]),
      ...(onSchema === undefined
        ? []
        : [...schemas].map((schema) => ({
            target: { kind: 'schema', schema } as const,
            privilege: onSchema,
          }))),
    ]
  })
}

/** What belongs to an extension is its own business, unless a table is named. */
function rightsOnObjects(
  { privileges, tables }: WantedGrant,
  schemas: ReadonlySet<string>,
  { relations, routines }: DatabaseState,
): readonly Right[] {
  const meant: { readonly kind: 'table' | 'sequence' | 'routine'; readonly target: Target }[] = []
  for (const { kind, schema, name, isExtensions, table } of relations) {
    const isMeant = tables === 'all' ? !isExtensions : tables.includes(table ?? name)
    // A sequence of its own has the name of no table.
    const isNamed = tables === 'all' || kind === 'table' || table !== null
    if (schemas.has(schema) && isMeant && isNamed) {
      meant.push({ kind, target: { kind, schema, name } })
    }
  }
  for (const { kind, schema, name, types, isExtensions } of routines) {
    if (tables === 'all' && schemas.has(schema) && !isExtensions) {
      meant.push({ kind, target: { kind, schema, name, types } })
    }
  }
  return meant.flatMap(({ kind, target }) =>
    keywordsFor(privileges, kind).map((privilege) => ({ target, privilege })),
  )
}

function keywordsFor(
  privileges: WantedGrant['privileges'],
  kind: 'schema' | 'table' | 'sequence' | 'routine',
): readonly Keyword[] {
  const found = privileges.map((name) => translations[name][kind])
  return [...new Set(found.filter((one) => one !== undefined))]
}

function* whatIsMissing(
  { group, schemas, tables }: WantedGrant,
  found: ReadonlySet<string>,
  { relations }: DatabaseState,
): Generator<string> {
  const missing = schemas === 'all' ? [] : schemas.filter((name) => !found.has(name))
  for (const name of missing) yield `group ${show(group)}: there is no schema ${show(name)}`
  if (tables === 'all' || missing.length > 0) return
  for (const name of tables) {
    const isThere = relations.some(
      (one) => one.kind === 'table' && one.name === name && found.has(one.schema),
    )
    if (!isThere) yield `group ${show(group)}: there is no table ${show(name)} in its schemas`
  }
}

/** What a creator makes from now on is granted by default privileges, which are of that creator alone. */
function defaultRights({ privileges, schemas }: WantedGrant, creator: string): readonly Right[] {
  const of = (schema: string | null, objects: DefaultObjects, found: readonly Keyword[]) =>
    found.map((privilege): Right => ({
      target: { kind: 'default', creator, schema, objects },
      privilege,
    }))
  const places = schemas === 'all' ? [null] : schemas
  return [
    ...places.flatMap((schema) => [
      ...of(schema, 'tables', keywordsFor(privileges, 'table')),
      ...of(schema, 'sequences', keywordsFor(privileges, 'sequence')),
      ...of(schema, 'routines', keywordsFor(privileges, 'routine')),
    ]),
    ...(schemas === 'all' ? of(null, 'schemas', keywordsFor(privileges, 'schema')) : []),
  ]
}

function creatorsFor(
  grant: WantedGrant,
  wanted: WantedDatabase,
  state: DatabaseState,
): ReadonlyMap<string, boolean> {
  if (grant.tables !== 'all') return new Map()
  if (wanted.owners !== undefined) {
    // Whether the session may act as them the server says by itself: they were asked for.
    return new Map(wanted.owners.map((name) => [name, true]))
  }
  return new Map([...foundCreators(grant, state), ...futureCreators(grant, wanted, state)])
}

/** Whoever owns something where the grant is, or may make something there; not what the system has. */
function foundCreators(
  { schemas }: WantedGrant,
  { database, schemas: known, relations, routines }: DatabaseState,
): readonly Actor[] {
  const isMeant = (schema: string): boolean => schemas === 'all' || schemas.includes(schema)
  const found = [
    ...(schemas === 'all' ? [database.owner, ...database.creators] : []),
    ...known
      .filter(({ name, isExtensions }) => isMeant(name) && !isExtensions)
      .flatMap(({ owner, creators }) => [owner, ...creators]),
    ...[...relations, ...routines]
      .filter(({ schema, isExtensions }) => isMeant(schema) && !isExtensions)
      .map(({ owner }) => owner),
  ]
  return found.filter(([name]) => !name.startsWith('pg_'))
}

/** Roles that may make something there once the plan is carried out. */
function futureCreators(
  { schemas }: WantedGrant,
  { roles: wantedRoles }: WantedDatabase,
  { database, roles }: DatabaseState,
): readonly Actor[] {
  return wantedRoles
    .filter(({ grants }) => grants.some((grant) => createsIn(grant, schemas)))
    .map(({ role }) => {
      const isOurs = roles.get(role)?.isOurs ?? (database.isSuperuser || database.inheritsNewRoles)
      return [role, isOurs]
    })
}

function createsIn(grant: WantedGrant, schemas: WantedGrant['schemas']): boolean {
  const makes = grant.privileges.some((name) => translations[name].schema === 'CREATE')
  const makesSchemas = grant.privileges.includes('CREATE SCHEMA')
  if (schemas === 'all') return makes || makesSchemas
  return makes && (grant.schemas === 'all' || grant.schemas.some((one) => schemas.includes(one)))
}

function show(name: string): string {
  return `"${printable(name)}"`
}
