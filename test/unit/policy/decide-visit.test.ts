import { describe, expect, test } from 'vitest'
import type { Integration } from '../../../src/policy/catalog.ts'
import { visitRight, whyNoVisit } from '../../../src/policy/decide-visit.ts'
import { catalogOf, database, group, integration, issuer } from './catalogs.ts'

const people = integration('people', { mappings: { writers: 'readwrite' } })

function why(
  claimed: readonly string[],
  more: Partial<Integration> = {},
  identityMap = '',
): string | undefined {
  const its = { ...people, ...more }
  const catalog = catalogOf({
    integrations: [its],
    groups: [group('readwrite', 'app_readwrite'), group('readonly', 'app_readonly')],
    identityMap,
  })
  return whyNoVisit({ issuer, names: ['alice'], groups: claimed }, its, catalog)
}

const everyName = `${issuer} /^(.*)$ \\1`
const nobodyElse = `${issuer} bob app_bob`
const anyRole = `${issuer} alice all`

describe('the pages', () => {
  test.each<[string, readonly string[], Partial<Integration>, string]>([
    ['a mapped group', ['writers'], {}, ''],
    ['the default group', [], { defaultGroup: 'readonly' }, ''],
    ['a role of their own', [], { mapsPrincipal: true }, ''],
    ['a role by the identity map', [], {}, everyName],
    ['a rule of the identity map', [], {}, anyRole],
    ['some group, where one is required', ['x', 'writers'], { requiresGroups: true }, ''],
  ])('are open to whoever has %s', (_, claimed, more, map) => {
    expect(why(claimed, more, map)).toBeUndefined()
  })

  test.each<[string, readonly string[], Partial<Integration>, string, string]>([
    ['has nothing', [], {}, '', 'no-group'],
    ['has a group that nobody knows', ['x'], {}, '', 'no-group'],
    ['is nobody by the map', ['writers'], {}, nobodyElse, 'principal-unmapped'],
    [
      'has no group where one is required',
      [],
      { requiresGroups: true, mapsPrincipal: true },
      '',
      'no-group',
    ],
    [
      'has a group that is blocked, beside another',
      ['writers', 'leavers'],
      { blockedGroups: new Set(['leavers']) },
      '',
      'group-blocked',
    ],
    [
      'is of an integration that is off',
      ['writers'],
      { isEnabled: false },
      '',
      'integration-disabled',
    ],
  ])('are closed to whoever %s', (_, claimed, more, map, reason) => {
    expect(why(claimed, more, map)).toBe(reason)
  })
})

describe('the pages for operators', () => {
  const right = (
    claimed: readonly string[],
    more: Partial<Integration> = {},
    scopes: readonly string[] = ['system'],
  ): string | undefined => {
    const its = { ...people, ...more }
    const names = new Set(['system', 'sandbox', ...scopes])
    const base = catalogOf({
      integrations: [its],
      groups: [group('readwrite', 'app_readwrite'), group('readonly', 'app_readonly')],
      databases: [...names].map((name) =>
        database(name, { integrations: scopes.includes(name) ? ['people'] : [] }),
      ),
    })
    const console = {
      ...base.console,
      adminGroups: new Set(['readwrite']),
      statsGroups: new Set(['readonly']),
    }
    const catalog = { ...base, console }
    return visitRight({ issuer, names: ['alice'], groups: claimed }, its, catalog)
  }
  const fallback = { defaultGroup: 'readonly' }

  test.each<[string, readonly string[], readonly string[], string]>([
    ['act on for a group of administrators', ['writers'], ['system'], 'admin'],
    ['look at for a group of others', [], ['system'], 'stats'],
    [
      'act on by an integration of the gate and of a database',
      ['writers'],
      ['system', 'x'],
      'admin',
    ],
    ['act on by an integration of the pages alone', ['writers'], [], 'admin'],
  ])('are there to %s', (_, claimed, scopes, expected) => {
    expect(right(claimed, fallback, scopes)).toBe(expected)
  })

  test.each<[string, readonly string[], Partial<Integration>, readonly string[]]>([
    ['without such a group', [], {}, ['system']],
    ['by an integration of a database alone', ['writers'], {}, ['sandbox']],
    ['by one that is off', ['writers'], { isEnabled: false }, ['system']],
  ])('are closed %s', (_, claimed, more, scopes) => {
    expect(right(claimed, more, scopes)).toBeUndefined()
  })
})
