import { RE2JS } from 're2js'
import { describe, expect, test } from 'vitest'
import {
  accessAt,
  accessOf,
  isOpenAnywhere,
  mostListedDatabases,
  mostListedRoles,
} from '../../../src/policy/access.ts'
import { withinPool } from '../../../src/policy/within-pool.ts'
import { catalogOf, database, group, integration, issuer, pool } from './catalogs.ts'

const people = integration('people', {
  defaultGroup: 'readonly',
  mappings: { writers: 'readwrite', admins: 'dba' },
})
const machines = integration('machines', { defaultGroup: 'readonly' })
const groups = [
  group('readonly', 'app_readonly'),
  group('readwrite', 'app_readwrite', 10),
  group('dba', 'role_dba', 20),
]
const parts = {
  integrations: [people, machines],
  groups,
  databases: [
    database('system', { integrations: ['people'], hasUpstream: false }),
    database('sandbox'),
    database('plant', { integrations: ['machines'] }),
  ],
  adminGroups: ['dba'],
}
const catalog = catalogOf(parts)

function access(
  claimed: readonly string[] = [],
  { its = people, rules = catalog, names = ['alice'] } = {},
): ReturnType<typeof accessOf> {
  return accessOf({ issuer, names, groups: claimed }, its, rules)
}

describe('what is open to an identity', () => {
  test('is the databases of the scope of its integration, and no others', () => {
    expect(access()).toEqual({
      databases: [{ database: 'sandbox', roles: ['app_readonly'], hasDefault: true, rules: [] }],
      console: undefined,
      isCut: false,
    })
    expect(access([], { its: machines }).databases).toMatchObject([{ database: 'plant' }])
  })

  test('begins with the role of whoever asks for none, in the order of ranks', () => {
    expect(access(['writers', 'admins']).databases).toMatchObject([
      { roles: ['role_dba', 'app_readwrite', 'app_readonly'], hasDefault: true },
    ])
  })

  test('has the names that may be roles, after those of groups', () => {
    const its = { ...people, mapsPrincipal: true }
    expect(access([], { its }).databases).toMatchObject([{ roles: ['app_readonly', 'alice'] }])
    const alone = { ...its, defaultGroup: undefined }
    expect(access([], { its: alone }).databases).toMatchObject([
      { roles: ['alice'], hasDefault: true },
    ])
    expect(access([], { its: alone, names: ['alice', 'bob'] }).databases).toMatchObject([
      { roles: ['alice', 'bob'], hasDefault: false },
    ])
  })

  test('does not have a role that is reserved', () => {
    const rules = catalogOf({
      ...parts,
      groups: [...groups, group('super', 'postgres', 5), group('trusted', 'pg_trusted', 4, true)],
    })
    const mappings = new Map([
      ['writers', 'super'],
      ['admins', 'trusted'],
    ])
    const its = { ...people, groupMappings: mappings }
    // Whoever asks for no role is refused then, and may ask for another one.
    expect(access(['writers'], { its, rules }).databases).toMatchObject([
      { roles: ['app_readonly'], hasDefault: false },
    ])
    expect(access(['admins'], { its, rules }).databases).toMatchObject([
      { roles: ['pg_trusted', 'app_readonly'], hasDefault: true },
    ])
  })

  test('has the rules that open roles without naming them', () => {
    const rules = catalogOf({
      ...parts,
      identityMap: [`${issuer} alice all`, `${issuer} alice +staff`, `${issuer} bob /^b`].join(
        '\n',
      ),
    })
    const its = { ...people, defaultGroup: undefined }
    expect(access([], { its, rules }).databases).toEqual([
      {
        database: 'sandbox',
        roles: [],
        hasDefault: false,
        rules: ['any role', 'members of staff'],
      },
    ])
    expect(access([], { its, rules, names: ['bob', 'bob'] }).databases).toMatchObject([
      { rules: ['/^b'] },
    ])
    expect(access([], { its, rules, names: ['carol'] }).databases).toEqual([])
  })

  test('has no rule for whoever is refused before any role is looked at', () => {
    const rules = catalogOf({ ...parts, identityMap: `${issuer} alice all` })
    const blocked = { ...people, blockedGroups: new Set(['contractors']) }
    expect(access(['contractors'], { its: blocked, rules }).databases).toEqual([])
    expect(access([], { its: blocked, rules }).databases).toHaveLength(1)
    const strict = { ...people, requiresGroups: true }
    expect(access([], { its: strict, rules }).databases).toEqual([])
    expect(access(['other'], { its: strict, rules }).databases).toMatchObject([
      { rules: ['any role'] },
    ])
    const members = { ...pool('vip', ['0.0.0.0/0']), allowedGroups: new Set(['dba']) }
    const within = withinPool(rules, members)
    expect(access([], { rules: within }).databases).toEqual([])
    expect(access(['admins'], { rules: within }).databases).toMatchObject([{ rules: ['any role'] }])
  })

  test('is the same for one database as for all of them', () => {
    const rules = catalogOf({ ...parts, identityMap: `${issuer} bob all` })
    const at = (name: string, names: readonly string[] = ['bob']): unknown =>
      accessAt(name, { issuer, names, groups: [] }, people, rules)
    const { databases } = access([], { rules, names: ['bob'] })
    expect(at('sandbox')).toEqual(databases[0])
    expect(at('sandbox')).toMatchObject({ roles: ['app_readonly'], rules: ['any role'] })
    expect(['system', 'plant', 'nowhere'].map((name) => at(name))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(at('sandbox', ['alice'])).toBeUndefined()
    const its = { ...people, defaultGroup: undefined }
    const bob = { issuer, names: ['bob'], groups: [] }
    expect(accessAt('sandbox', bob, its, rules)).toMatchObject({ roles: [], rules: ['any role'] })
    expect(accessAt('sandbox', { ...bob, groups: [] }, its, catalog)).toBeUndefined()
  })

  test('is nothing for a name that is nobody', () => {
    const its = { ...people, principalPattern: RE2JS.compile('^(bob)$') }
    expect(access(['admins'], { its })).toEqual({
      databases: [],
      console: undefined,
      isCut: false,
    })
  })

  test('is nothing by an integration that is switched off', () => {
    const off = { ...people, isEnabled: false }
    const rules = catalogOf({ ...parts, integrations: [off, machines] })
    const found = access(['admins'], { its: off, rules })
    expect(found).toEqual({ databases: [], console: undefined, isCut: false })
    expect(isOpenAnywhere(found)).toBe(false)
  })

  test('is what a pool leaves of it', () => {
    const its = pool('one', ['0.0.0.0/0'])
    const databases = withinPool(catalog, { ...its, allowedDatabases: new Set(['plant']) })
    expect(access([], { rules: databases }).databases).toEqual([])
    const integrations = withinPool(catalog, { ...its, allowedIntegrations: new Set(['machines']) })
    expect(access([], { rules: integrations }).databases).toEqual([])
    expect(access([], { rules: integrations, its: machines }).databases).toHaveLength(1)
  })

  test('is the console for its groups, by an integration of the database system alone', () => {
    expect(access(['admins']).console).toBe('admin')
    expect(access(['writers']).console).toBeUndefined()
    const its = { ...machines, groupMappings: people.groupMappings }
    expect(access(['admins'], { its }).console).toBeUndefined()
    const none = catalogOf({ ...parts, databases: [database('sandbox')] })
    expect(access(['admins'], { rules: none }).console).toBeUndefined()
  })

  test('is somewhere where it is the console alone', () => {
    const rules = catalogOf({ ...parts, databases: parts.databases.slice(0, 1) })
    expect(isOpenAnywhere(access(['admins'], { rules }))).toBe(true)
    expect(isOpenAnywhere(access([], { rules }))).toBe(false)
    expect(isOpenAnywhere(access([]))).toBe(true)
  })

  test('is told apart where a database has somebody who makes roles, and another has not', () => {
    const its = {
      ...people,
      mapsPrincipal: true,
      provisioning: { sync: 'granted', connectionLimit: undefined } as const,
    }
    const rules = catalogOf({
      ...parts,
      integrations: [its],
      databases: [
        ...parts.databases.slice(0, 1),
        database('plain'),
        database('made', { provisioner: 'maker' }),
        database('plain2'),
      ],
    })
    expect(access([], { its, rules }).databases).toMatchObject([
      { database: 'plain', roles: ['app_readonly'], hasDefault: false },
      { database: 'made', roles: ['alice', 'app_readonly'], hasDefault: true },
      { database: 'plain2', roles: ['app_readonly'], hasDefault: false },
    ])
  })

  test.each([
    [mostListedDatabases, false],
    [mostListedDatabases + 1, true],
  ])('of %i databases is cut: %s', (count, isCut) => {
    const more = Array.from({ length: count }, (_, index) => database(`db${index}`))
    const [system] = parts.databases
    const rules = catalogOf({ ...parts, databases: [system!, ...more] })
    const found = access([], { rules })
    expect(found.isCut).toBe(isCut)
    expect(found.databases).toHaveLength(mostListedDatabases)
  })

  test('is not cut for databases that are closed', () => {
    const more = Array.from({ length: mostListedDatabases }, (_, index) => database(`db${index}`))
    const [system, , plant] = parts.databases
    const rules = catalogOf({ ...parts, databases: [system!, ...more, plant!] })
    expect(access([], { rules }).isCut).toBe(false)
  })

  test.each([
    [mostListedRoles, false],
    [mostListedRoles + 1, true],
  ])('of %i roles beside the usual one is cut: %s', (count, isCut) => {
    const names = Array.from({ length: count }, (_, index) => `user${index}`)
    const its = { ...people, mapsPrincipal: true }
    const found = access([], { its, names })
    expect(found.isCut).toBe(isCut)
    expect(found.databases[0]?.roles).toHaveLength(mostListedRoles + 1)
  })

  test.each([
    [mostListedRoles, false],
    [mostListedRoles + 1, true],
  ])('of %i rules is cut: %s', (count, isCut) => {
    const lines = Array.from({ length: count }, (_, index) => `${issuer} alice +g${index}`)
    const rules = catalogOf({ ...parts, identityMap: lines.join('\n') })
    const found = access([], { rules })
    expect(found.isCut).toBe(isCut)
    expect(found.databases[0]?.rules).toHaveLength(mostListedRoles)
  })

  test('compares a name with a line of the identity map once', () => {
    let compared = 0
    const lines = [{ matches: (name: string) => (compared++, name === 'alice' ? 'al' : undefined) }]
    const rules = { ...catalog, identityMap: new Map([[issuer, lines]]) }
    expect(access([], { rules, names: ['alice', 'bob'] }).databases).toMatchObject([
      { roles: ['app_readonly', 'al'] },
    ])
    expect(compared).toBe(2)
  })
})
