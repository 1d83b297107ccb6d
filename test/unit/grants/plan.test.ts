import { describe, expect, test } from 'vitest'
import { plan, statementsOf } from '../../../src/grants/plan.ts'
import type { AccessList, DatabaseState } from '../../../src/grants/state.ts'
import type { WantedDatabase, WantedGrant } from '../../../src/grants/wanted.ts'

const everything = { schemas: 'all', tables: 'all' } as const

function wanting(
  grants: readonly Partial<WantedGrant>[],
  changes: Partial<WantedDatabase> = {},
): WantedDatabase {
  const filled = grants.map((grant): WantedGrant => ({
    group: 'g',
    privileges: ['USE'],
    ...everything,
    ...grant,
  }))
  return {
    names: ['sandbox'],
    // Only the servers' addresses are looked at, and not here.
    upstream: {} as WantedDatabase['upstream'],
    roles: [{ role: 'app', groups: ['g'], grants: filled }],
    owners: undefined,
    rolesLogIn: true,
    ...changes,
  }
}

const table = (name: string, changes: object = {}) =>
  ({
    kind: 'table',
    schema: 'public',
    name,
    owner: ['owner', true] as [string, boolean],
    acl: [] as AccessList,
    isExtensions: false,
    table: null,
    ...changes,
  }) as const

const stateOf = (changes: Partial<DatabaseState> = {}): DatabaseState => ({
  database: {
    kind: 'database',
    name: 'db',
    owner: ['owner', true],
    acl: [],
    creators: [],
    user: 'admin',
    isSuperuser: false,
    inheritsNewRoles: false,
  },
  roles: new Map([['app', { kind: 'role', name: 'app', canLogIn: true, isOurs: true }]]),
  schemas: [
    {
      kind: 'schema',
      name: 'public',
      owner: ['owner', true],
      acl: [],
      isExtensions: false,
      creators: [],
    },
  ],
  relations: [],
  columns: [],
  routines: [],
  defaults: [],
  ...changes,
})

const options = { prune: false, madeRoles: new Set<string>() }

function statements(wanted: WantedDatabase, state: DatabaseState, changes = {}): readonly string[] {
  return statementsOf(plan(wanted, state, { ...options, ...changes }))
}

/** Without those of default privileges. */
function now(wanted: WantedDatabase, state: DatabaseState, changes = {}): readonly string[] {
  return statements(wanted, state, changes).filter((one) => !one.startsWith('ALTER DEFAULT'))
}

describe('what a privilege of the catalog is', () => {
  const state = stateOf({
    relations: [table('orders'), table('orders_id_seq', { kind: 'sequence', table: 'orders' })],
    routines: [
      {
        kind: 'routine',
        schema: 'public',
        name: 'f',
        types: [['pg_catalog', 'int4']],
        owner: ['owner', true],
        acl: [],
        isExtensions: false,
      },
    ],
  })
  const onTable = (keyword: string) => `GRANT ${keyword} ON TABLE "public"."orders" TO "app";`
  const onSequence = (keyword: string) =>
    `GRANT ${keyword} ON SEQUENCE "public"."orders_id_seq" TO "app";`
  const onSchema = (keyword: string) => `GRANT ${keyword} ON SCHEMA "public" TO "app";`
  const onDatabase = (keyword: string) => `GRANT ${keyword} ON DATABASE "db" TO "app";`

  test.each([
    ['USE', [onDatabase('CONNECT'), onSchema('USAGE')]],
    ['SELECT', [onTable('SELECT'), onSequence('SELECT')]],
    ['INSERT', [onTable('INSERT'), onSequence('USAGE')]],
    ['UPDATE', [onTable('UPDATE'), onSequence('USAGE')]],
    ['DELETE', [onTable('DELETE')]],
    ['TRUNCATE', [onTable('TRUNCATE')]],
    ['REFERENCES', [onTable('REFERENCES')]],
    ['TRIGGER', [onTable('TRIGGER')]],
    ['EXECUTE', ['GRANT EXECUTE ON ROUTINE "public"."f"("pg_catalog"."int4") TO "app";']],
    ['VIEW TABLE', [onSchema('USAGE')]],
    ['VIEW VIEW', [onSchema('USAGE')]],
    ['VIEW SCHEMA', [onSchema('USAGE')]],
    ['CREATE TABLE', [onSchema('CREATE')]],
    ['CREATE VIEW', [onSchema('CREATE')]],
    ['CREATE SCHEMA', [onDatabase('CREATE')]],
  ] as const)('%s', (privilege, expected) => {
    expect(now(wanting([{ privileges: [privilege] }]), state)).toEqual(expected)
  })

  test('several of one object are one statement, in one order', () => {
    const wanted = wanting([{ privileges: ['DELETE', 'SELECT'] }, { privileges: ['INSERT'] }])
    expect(now(wanted, state)).toEqual([
      onTable('SELECT, INSERT, DELETE'),
      onSequence('USAGE, SELECT'),
    ])
  })

  test('of a table by name counts for its sequence, and for nothing else', () => {
    const more = stateOf({
      relations: [...state.relations, table('other'), table('orders2', { kind: 'sequence' })],
    })
    const wanted = wanting([{ privileges: ['INSERT'], tables: ['orders'] }])
    expect(statements(wanted, more)).toEqual([onTable('INSERT'), onSequence('USAGE')])
  })
})

describe('the statements', () => {
  test('name fifty objects at most', () => {
    const relations = Array.from({ length: 120 }, (_, index) => table(`t${index}`))
    const wanted = wanting([{ privileges: ['SELECT'] }])
    const written = now(wanted, stateOf({ relations }))
    expect(written.map((one) => one.split('"public".').length - 1)).toEqual([50, 50, 20])
  })

  test('are the same in whatever order the server tells what there is', () => {
    const relations = ['a', 'b', 'c', 'd'].map((name) => table(name))
    const wanted = wanting([{ privileges: ['SELECT'] }])
    expect(statements(wanted, stateOf({ relations }))).toEqual(
      statements(wanted, stateOf({ relations: relations.toReversed() })),
    )
  })

  test('leave out what the role has, and what an extension brought', () => {
    const relations = [
      table('had', { acl: [['app', 'SELECT', false]] }),
      table('others', { acl: [['other', 'SELECT', false]] }),
      table('extensions', { isExtensions: true }),
    ]
    expect(now(wanting([{ privileges: ['SELECT'] }]), stateOf({ relations }))).toEqual([
      'GRANT SELECT ON TABLE "public"."others" TO "app";',
    ])
  })

  test('make a role once for all databases of a server', () => {
    const state = stateOf({ roles: new Map() })
    expect(statements(wanting([]), state)).toEqual(['CREATE ROLE "app" LOGIN;'])
    expect(statements(wanting([]), state, { madeRoles: new Set(['app']) })).toEqual([])
    const people = wanting([], { rolesLogIn: false })
    expect(statements(people, state)).toEqual(['CREATE ROLE "app" NOLOGIN;'])
  })
})

describe('default privileges', () => {
  test('are of every schema, or of those that are named', () => {
    const wanted = wanting([
      { privileges: ['USE', 'SELECT'] },
      { privileges: ['EXECUTE'], schemas: ['public'] },
    ])
    const written = statements(wanted, stateOf()).filter((one) => one.startsWith('ALTER'))
    const begin = 'ALTER DEFAULT PRIVILEGES FOR ROLE "owner"'
    expect(written).toEqual([
      `${begin} IN SCHEMA "public" GRANT EXECUTE ON ROUTINES TO "app";`,
      `${begin} GRANT USAGE ON SCHEMAS TO "app";`,
      `${begin} GRANT SELECT ON SEQUENCES TO "app";`,
      `${begin} GRANT SELECT ON TABLES TO "app";`,
    ])
  })

  const creatorsOf = (wanted: WantedDatabase, state: DatabaseState) =>
    new Set(
      statements(wanted, state).flatMap((one) => /^ALTER .* FOR ROLE "(\w+)"/.exec(one)?.[1] ?? []),
    )

  const busy = stateOf({
    database: { ...stateOf().database, creators: [['schemas', true]] },
    schemas: [{ ...stateOf().schemas[0]!, creators: [['grantee', true]] }],
    relations: [
      table('a', { owner: ['tables', true] }),
      table('b', { owner: ['app', true] }),
      table('c', { owner: ['foreign', false] }),
      table('d', { owner: ['pg_something', true] }),
      table('e', { owner: ['extension', true], isExtensions: true }),
    ],
  })

  test('are of whoever owns something or may create, but for the role itself', () => {
    const wanted = wanting([{ privileges: ['SELECT'] }])
    expect(creatorsOf(wanted, busy)).toEqual(new Set(['owner', 'schemas', 'grantee', 'tables']))
    expect(plan(wanted, busy, options).notes).toEqual([
      'what role "foreign" makes from now on is not granted by itself: "admin" is no member of it',
    ])
  })

  test('are of nobody elsewhere where schemas are named, and of nobody where tables are', () => {
    const elsewhere = stateOf({
      ...busy,
      relations: [table('z', { owner: ['elsewhere', true], schema: 'other' })],
    })
    const wanted = wanting([{ privileges: ['SELECT'], schemas: ['public'] }])
    expect(creatorsOf(wanted, elsewhere)).toEqual(new Set(['owner', 'grantee']))
    const named = wanting([{ privileges: ['SELECT'], tables: ['a'] }])
    expect(creatorsOf(named, busy)).toEqual(new Set())
  })

  test('are of the owners that the catalog names, and of nobody else', () => {
    const wanted = wanting([{ privileges: ['SELECT'] }], { owners: ['chosen'] })
    expect(creatorsOf(wanted, busy)).toEqual(new Set(['chosen']))
    expect(plan(wanted, busy, options).problems).toEqual([
      'there is no role "chosen", which `owners` names',
    ])
  })

  test('are of the roles that are about to create, so that a second run finds nothing more', () => {
    const roles = [
      {
        role: 'app',
        groups: ['g'],
        grants: wanting([{ privileges: ['SELECT'] }]).roles[0]!.grants,
      },
      {
        role: 'maker',
        groups: ['m'],
        grants: wanting([{ privileges: ['CREATE TABLE'] }]).roles[0]!.grants,
      },
    ]
    const wanted = wanting([], { roles })
    const superuser = stateOf({ database: { ...stateOf().database, isSuperuser: true } })
    expect(creatorsOf(wanted, superuser)).toContain('maker')
    expect(creatorsOf(wanted, stateOf())).not.toContain('maker')
  })
})

describe('pruning', () => {
  const state = stateOf({
    relations: [
      table('named', { acl: [['app', 'SELECT', true]] }),
      table('other', {
        acl: [
          ['app', 'SELECT', false],
          ['somebody', 'SELECT', false],
        ],
      }),
      table('own', { owner: ['app', true], acl: [['app', 'SELECT', true]] }),
      table('extensions', { isExtensions: true, acl: [['app', 'SELECT', false]] }),
    ],
  })
  const wanted = wanting([{ privileges: ['SELECT'], tables: ['named'] }])

  test('takes what is not named, but not what the role owns and what an extension brought', () => {
    expect(statements(wanted, state, { prune: true })).toEqual([
      'REVOKE GRANT OPTION FOR SELECT ON TABLE "public"."named" FROM "app";',
      'REVOKE SELECT ON TABLE "public"."other" FROM "app";',
    ])
  })

  test('is not done unasked', () => {
    expect(statements(wanted, state)).toEqual([])
  })
})

test('a role that is there without LOGIN is left as it is, and noted', () => {
  const roles = new Map([
    ['app', { kind: 'role', name: 'app', canLogIn: false, isOurs: true } as const],
  ])
  const found = plan(wanting([]), stateOf({ roles }), options)
  expect(found.parts).toEqual([])
  expect(plan(wanting([], { rolesLogIn: false }), stateOf({ roles }), options).notes).toEqual([])
  expect(found.notes).toEqual([
    'role "app" is there and has no LOGIN, so that nobody logs in as it',
  ])
})
