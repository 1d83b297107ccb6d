import { describe, expect, test } from 'vitest'
import { decide } from '../../../src/policy/decide.ts'
import { decideConsole } from '../../../src/policy/decide-console.ts'
import { resolveIntegration } from '../../../src/policy/resolve-integration.ts'
import { allowsDatabase, withinPool } from '../../../src/policy/within-pool.ts'
import { isConsole } from '../../../src/session/console-guest.ts'
import { catalogOf, database, group, integration, issuer, pool } from './catalogs.ts'

const shared = integration('shared', { defaultGroup: 'readonly' })
const own = integration('own', { defaultGroup: 'readonly' })
const all = catalogOf({
  databases: [
    { ...database('system', { integrations: ['shared'] }), provisioner: 'maker' },
    database('sandbox'),
    database('secret', { integrations: ['own'] }),
  ],
  integrations: [shared, own],
  groups: [group('readonly', 'app_readonly'), group('readwrite', 'app_readwrite')],
})
const main = pool('main', ['0.0.0.0/0'])
const narrow = { ...main, allowedDatabases: new Set(['sandbox', 'nowhere']) }

const request = {
  database: 'secret',
  qualifier: undefined,
  identityProvider: undefined,
  claimed: undefined,
}
const nobody = { issuer, names: ['alice'], groups: [] }

describe('within a pool', () => {
  test('that allows all databases there are all of them', () => {
    const within = withinPool(all, main)
    expect(within.pool).toBe(main)
    expect([...within.databases.keys()]).toEqual(['system', 'sandbox', 'secret'])
    expect(within.databases.get('system')?.hasUpstream).toBe(true)
  })

  test('that allows some there are no others, but for the integrations of system', () => {
    const within = withinPool(all, narrow)
    expect([...within.databases.keys()]).toEqual(['system', 'sandbox'])
    expect(within.databases.get('system')).toMatchObject({
      hasUpstream: false,
      integrations: ['shared'],
    })
    const system = withinPool(all, { ...main, allowedDatabases: new Set(['system']) })
    expect(system.databases.get('system')?.hasUpstream).toBe(true)
    expect(allowsDatabase(narrow, 'sandbox')).toBe(true)
    expect(allowsDatabase(narrow, 'secret')).toBe(false)
    expect(allowsDatabase(main, 'secret')).toBe(true)
  })

  test('a database that is not allowed is as one that does not exist', () => {
    const within = withinPool(all, narrow)
    const unknown = withinPool(all, { ...narrow, name: 'other' })
    for (const name of ['secret', 'not_there']) {
      const asked = { ...request, database: name }
      const resolution = resolveIntegration(within, asked)
      expect(resolution).toMatchObject({ outcome: 'resolved', integration: { name: 'shared' } })
      expect(resolution).toEqual(resolveIntegration(unknown, { ...asked, database: 'x' }))
      expect(resolveIntegration(within, { ...asked, qualifier: name })).toEqual(resolution)
      const decision = decide({ user: undefined, database: name }, nobody, shared, within)
      expect(decision).toMatchObject({ outcome: 'denied', reason: 'unknown-database' })
    }
    expect(resolveIntegration(all, request)).toMatchObject({ integration: { name: 'own' } })
  })

  test('who is not let in for another reason does not learn which databases there are', () => {
    const within = withinPool(all, { ...narrow, allowedGroups: new Set(['readwrite']) })
    for (const name of ['sandbox', 'secret', 'not_there']) {
      const decision = decide({ user: undefined, database: name }, nobody, shared, within)
      expect(decision).toMatchObject({ reason: 'group-not-allowed', openRoles: [] })
    }
  })

  test('a group that is allowed is enough, whichever role is asked for', () => {
    const both = integration('both', {
      defaultGroup: 'readonly',
      mappings: { writers: 'readwrite' },
    })
    const within = withinPool(all, { ...main, allowedGroups: new Set(['readwrite']) })
    const writer = { ...nobody, groups: ['writers'] }
    for (const user of ['app_readonly', 'app_readwrite']) {
      expect(decide({ user, database: 'sandbox' }, writer, both, within)).toMatchObject({
        outcome: 'granted',
        role: user,
      })
      expect(decide({ user, database: 'sandbox' }, nobody, both, within)).toMatchObject({
        reason: 'group-not-allowed',
      })
    }
  })

  test('an integration that is not allowed is chosen as ever, and refused', () => {
    const within = withinPool(all, { ...main, allowedIntegrations: new Set(['shared']) })
    expect(resolveIntegration(within, request)).toMatchObject({
      outcome: 'denied',
      reason: 'integration-not-allowed',
      integration: { name: 'own' },
      steps: [
        { passed: true },
        { passed: true },
        {
          check: 'pool integrations',
          compared: 'own among shared of pool main',
          passed: false,
        },
      ],
    })
    expect(resolveIntegration(within, { ...request, database: 'sandbox' })).toMatchObject({
      outcome: 'resolved',
    })
  })

  test('one that is switched off is refused as that', () => {
    const off = catalogOf({
      databases: [database('system', { integrations: ['off'] })],
      integrations: [integration('off', { isEnabled: false })],
    })
    const within = withinPool(off, { ...main, allowedIntegrations: new Set(['other']) })
    expect(resolveIntegration(within, request)).toMatchObject({ reason: 'integration-disabled' })
  })

  test('the console is among the databases that are allowed', () => {
    const names = ['system', 'portcullis', 'pgbouncer']
    const consoles = catalogOf({ databases: [database('system', { hasUpstream: false })] })
    for (const name of names) {
      expect(isConsole(name, withinPool(consoles, main))).toBe(true)
      expect(isConsole(name, withinPool(consoles, narrow))).toBe(false)
      const allowing = { ...main, allowedDatabases: new Set([name]) }
      expect(isConsole(name, withinPool(consoles, allowing))).toBe(true)
    }
    // A database of that name is not the console where it is not allowed either.
    expect(isConsole('system', withinPool(all, narrow))).toBe(false)
  })

  test('the console is for the groups that are allowed', () => {
    const access = { ...all.console, adminGroups: new Set(['readonly']) }
    const catalog = { ...all, console: access }
    const closed = withinPool(catalog, { ...main, allowedGroups: new Set(['readwrite']) })
    expect(decideConsole(nobody, shared, closed)).toMatchObject({
      outcome: 'denied',
      reason: 'group-not-allowed',
    })
    const open = withinPool(catalog, { ...main, allowedGroups: new Set(['readonly']) })
    const decision = decideConsole(nobody, shared, open)
    expect(decision).toMatchObject({ outcome: 'granted', right: 'admin' })
    expect(decision.steps.find(({ check }) => check === 'pool groups')).toEqual({
      check: 'pool groups',
      compared: 'readonly among readonly of pool main',
      passed: true,
    })
  })
})
