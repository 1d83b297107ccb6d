import { describe, expect, test } from 'vitest'
import { RE2JS } from 're2js'
import { decideConsole } from '../../../src/policy/decide-console.ts'
import { catalogOf, group, integration, issuer } from './catalogs.ts'

const people = integration('people', {
  mappings: { admins: 'dba', watchers: 'watch', writers: 'readwrite' },
})
const groups = ['dba', 'watch', 'readwrite'].map((name) => group(name, `role_${name}`))
const catalog = catalogOf({
  integrations: [people],
  groups,
  adminGroups: ['dba'],
  statsGroups: ['watch'],
})

function decided(
  claimed: readonly string[],
  { its = people, rules = catalog } = {},
): ReturnType<typeof decideConsole> {
  return decideConsole({ issuer, names: ['alice'], groups: claimed }, its, rules)
}

describe('the console', () => {
  test.each([
    ['a group of administrators', ['admins'], 'admin', ['dba']],
    ['a group that may look', ['watchers'], 'stats', ['watch']],
    ['both', ['watchers', 'admins'], 'admin', ['dba', 'watch']],
  ])('is open to whoever is in %s', (_, claimed, right, names) => {
    expect(decided(claimed)).toMatchObject({ outcome: 'granted', right, groups: names })
  })

  test.each([
    ['another group', ['writers']],
    ['no group', []],
    ['a value of the claim that is called like a group', ['dba']],
  ])('is closed to whoever is in %s', (_, claimed) => {
    expect(decided(claimed)).toMatchObject({ outcome: 'denied', reason: 'console-not-allowed' })
  })

  test('is closed to all where no group is named', () => {
    const rules = catalogOf({ integrations: [people], groups })
    expect(decided(['admins', 'watchers'], { rules })).toMatchObject({
      outcome: 'denied',
      reason: 'console-not-allowed',
      groups: ['dba', 'watch'],
    })
  })

  test('counts the default group', () => {
    const its = integration('people', { defaultGroup: 'watch' })
    expect(decided([], { its })).toMatchObject({ outcome: 'granted', right: 'stats' })
  })

  test('is closed to a blocked group, whatever else it is in', () => {
    const its = { ...people, blockedGroups: new Set(['contractors']) }
    expect(decided(['admins', 'contractors'], { its })).toMatchObject({
      outcome: 'denied',
      reason: 'group-blocked',
    })
    expect(decided(['admins'], { its })).toMatchObject({ outcome: 'granted' })
  })

  test('is closed to a name that a rule says is nobody', () => {
    const its = { ...people, principalPattern: RE2JS.compile('^(bob)$') }
    expect(decided(['admins'], { its })).toMatchObject({ reason: 'principal-unmapped' })
    const rules = {
      ...catalog,
      identityMap: catalogOf({ identityMap: `${issuer} bob bob` }).identityMap,
    }
    expect(decided(['admins'], { rules })).toMatchObject({ reason: 'principal-unmapped' })
  })

  test('is closed to an identity without groups where groups are required', () => {
    const its = { ...integration('people', { defaultGroup: 'dba' }), requiresGroups: true }
    expect(decided([], { its })).toMatchObject({ outcome: 'denied', reason: 'no-group' })
    expect(decided(['x'], { its })).toMatchObject({ outcome: 'granted', right: 'admin' })
  })

  test('says what it compared', () => {
    expect(decided(['writers']).steps).toEqual([
      { check: 'principal', compared: 'alice -> (none)', passed: true },
      { check: 'groups', compared: 'claim: writers; groups: readwrite', passed: true },
      {
        check: 'console',
        compared: 'readwrite among dba (admin), watch (stats)',
        passed: false,
      },
    ])
  })
})
