// What is decided otherwise for an integration of CockroachDB's settings.
import { describe, expect, test } from 'vitest'
import type { Integration } from '../../../src/policy/catalog.ts'
import { decide, type Identity } from '../../../src/policy/decide.ts'
import { resolveIntegration } from '../../../src/policy/resolve-integration.ts'
import { catalogOf, database, group, integration, issuer } from './catalogs.ts'

const cockroach: Partial<Integration> = {
  clientId: undefined,
  dialect: 'cockroachdb',
  mapsPrincipal: true,
}
const plain = integration('cockroachdb', cockroach)
const grouped = integration('cockroachdb', { ...cockroach, requiresGroups: true })

const catalog = catalogOf({
  databases: [database('app')],
  groups: [group('Readers', 'App_Reader'), group('chiefs', 'root', 5, true)],
  identityMap: 'https://mapped.example a Roach',
})

function outcomeOf(
  user: string | undefined,
  who: Partial<Identity>,
  its: Integration = plain,
  where = 'app',
): string {
  const identity = { issuer, names: ['alice'], groups: [], ...who }
  const decision = decide({ user, database: where }, identity, its, catalog)
  return decision.outcome === 'granted' ? `is ${decision.role}` : decision.reason
}

test.each<[string, string | undefined, Partial<Identity>, string]>([
  ['the user of the token', 'alice', {}, 'is alice'],
  ['another', 'bob', {}, 'role-not-allowed'],
  ['a user in other case', 'ALICE', {}, 'is alice'],
  ['a user in other case, who is in a group too', 'ALICE', { groups: ['Readers'] }, 'is alice'],
  ['a token in other case', 'alice', { names: ['Alice'] }, 'is alice'],
  ['another form of the same letters', 'e\u0301lise', { names: ['\u00c9lise'] }, 'is \u00e9lise'],
  [
    'a mapped name in other case',
    'roach',
    { issuer: 'https://mapped.example', names: ['a'] },
    'is roach',
  ],
  [
    'the name that is mapped away',
    'a',
    { issuer: 'https://mapped.example', names: ['a'] },
    'role-not-allowed',
  ],
  [
    'a name that no line is about',
    'b',
    { issuer: 'https://mapped.example', names: ['b'] },
    'principal-unmapped',
  ],
  ['one of several names', 'b', { names: ['a', 'B'] }, 'is b'],
  ['no user, and one name', undefined, { names: ['A', 'a'] }, 'is a'],
  ['no user, and several names', undefined, { names: ['a', 'b'] }, 'role-not-allowed'],
  ['no user, and one name beside groups', undefined, { groups: ['readers'] }, 'is alice'],
  [
    'a name that is too long for a role',
    'a'.repeat(64),
    { names: ['a'.repeat(64)] },
    'principal-unmapped',
  ],
  [
    'a name that is too long in lower case',
    'x',
    { names: ['\u0130'.repeat(31)] },
    'principal-unmapped',
  ],
  [
    'the role of a group of the token, in any case',
    'app_reader',
    { groups: ['READERS'] },
    'is App_Reader',
  ],
  [
    'its own name, and not the group of the same',
    'app_reader',
    { names: ['app_reader'], groups: ['readers'] },
    'is app_reader',
  ],
  [
    'the group of the very name',
    'App_Reader',
    { names: ['app_reader'], groups: ['readers'] },
    'is App_Reader',
  ],
  [
    'the role of a group that it is not in',
    'app_reader',
    { groups: ['writers'] },
    'role-not-allowed',
  ],
  ['root', 'root', { names: ['root'] }, 'role-reserved'],
  ['ROOT', 'ROOT', { names: ['Root'] }, 'role-reserved'],
  ['node', 'node', { names: ['node'] }, 'role-reserved'],
  ['postgres', 'postgres', { names: ['POSTGRES'] }, 'role-reserved'],
  ['pg_monitor', 'pg_monitor', { names: ['PG_monitor'] }, 'role-reserved'],
  ['crdb_internal_x', 'crdb_internal_x', { names: ['crdb_internal_x'] }, 'role-reserved'],
  ['root, where a group says so', 'root', { groups: ['Chiefs'] }, 'is root'],
])('%s', (_, user, who, outcome) => {
  expect(outcomeOf(user, who)).toBe(outcome)
})

describe('where groups are required', () => {
  test.each<[string, string, readonly string[], string, string]>([
    ['none is refused', 'alice', [], 'app', 'no-group'],
    ['one that is not ours is enough', 'alice', ['strangers'], 'app', 'is alice'],
    ['the user comes first', 'bob', [], 'app', 'role-not-allowed'],
    ['the database comes last', 'alice', [], 'nowhere', 'no-group'],
  ])('%s', (_, user, groups, where, outcome) => {
    expect(outcomeOf(user, { groups }, grouped, where)).toBe(outcome)
  })
})

test('that some group is there is a step', () => {
  const identity = { issuer, names: ['alice'], groups: ['strangers'] }
  const { steps } = decide({ user: 'alice', database: 'app' }, identity, grouped, catalog)
  expect(steps).toContainEqual({ check: 'some group', compared: 'strangers', passed: true })
})

test('an ordinary integration folds no name and takes no group by its name', () => {
  const ordinary = integration('sso', { mapsPrincipal: true })
  expect(outcomeOf('alice', { names: ['Alice'] }, ordinary)).toBe('role-not-allowed')
  expect(outcomeOf('App_Reader', { groups: ['Readers'] }, ordinary)).toBe('role-not-allowed')
  expect(outcomeOf('root', { names: ['root'] }, ordinary)).toBe('is root')
})

describe('the integration', () => {
  const slash = `${issuer}/`
  const its = catalogOf({
    databases: [
      database('system', {
        integrations: ['people', 'cockroachdb', 'cockroachdb_2'],
        primary: 'people',
      }),
      database('own', { integrations: ['people'] }),
      database('mixed', {
        integrations: ['strangers', 'people', 'cockroachdb'],
        primary: 'strangers',
      }),
      database('slashed', {
        integrations: ['cockroachdb_3', 'cockroachdb_2'],
        primary: 'cockroachdb_3',
      }),
    ],
    integrations: [
      integration('people', { clientId: 'people' }),
      integration('cockroachdb', cockroach),
      integration('cockroachdb_2', { ...cockroach, issuer: slash }),
      integration('cockroachdb_3', { ...cockroach, issuer: 'https://third.example' }),
      integration('strangers', { issuer: 'https://third.example' }),
    ],
  })
  const chosen = (where: string, dialect: 'cockroachdb' | undefined, iss: string): string => {
    const request = { database: where, qualifier: undefined, identityProvider: undefined, dialect }
    const claimed = { issuer: iss, authorizedParty: 'people' }
    const resolution = resolveIntegration(its, { ...request, claimed })
    return resolution.outcome === 'resolved' ? resolution.integration.name : resolution.reason
  }

  test.each<[string, string, 'cockroachdb' | undefined, string, string]>([
    [
      'is one of the settings for a client that opts in',
      'app',
      'cockroachdb',
      issuer,
      'cockroachdb',
    ],
    [
      'is the one with the slash where the token has it',
      'app',
      'cockroachdb',
      slash,
      'cockroachdb_2',
    ],
    ['is the first of them for an unknown issuer', 'app', 'cockroachdb', 'x', 'cockroachdb'],
    ['is the ordinary one for a client that does not', 'app', undefined, issuer, 'people'],
    ['is the primary for an unknown issuer then', 'app', undefined, 'x', 'people'],
    ['is the ordinary one of two that fit', 'mixed', undefined, issuer, 'people'],
    ['is the one that fits but for a slash', 'slashed', 'cockroachdb', issuer, 'cockroachdb_2'],
    ['is that of the database, if it has one', 'own', 'cockroachdb', issuer, 'people'],
  ])('%s', (_, where, dialect, iss, name) => {
    expect(chosen(where, dialect, iss)).toBe(name)
  })
})
