import { describe, expect, test } from 'vitest'
import type { Catalog } from '../../../src/policy/catalog.ts'
import type { SessionFacts } from '../../../src/session/observer.ts'
import type { Grant } from '../../../src/session/grant.ts'
import { timeZone } from '../../../src/policy/login-hours.ts'
import { noLongerAllowed } from '../../../src/session/still-allowed.ts'
import { catalogOf, database, group, integration, issuer, pool } from '../policy/catalogs.ts'
import { asked } from '../telemetry/facts.ts'

const facts: SessionFacts = {
  ...asked,
  pool: 'main',
  integration: 'people',
  peer: { address: '10.0.0.1', port: 1 },
}

const grant: Grant = {
  listener: 'main',
  intent: {
    user: 'app_readwrite',
    database: 'sandbox',
    qualifier: undefined,
    dialect: undefined,
    tokenUser: undefined,
    asksForReplication: false,
  },
  role: 'app_readwrite',
  identity: { issuer, names: ['alice'], groups: ['writers'] },
  allowsSuperuser: false,
  condition: undefined,
  memberOf: [],
}

const people = integration('people', {
  mappings: { writers: 'readwrite' },
  defaultGroup: 'readonly',
})
const main = pool('main', ['10.0.0.0/8'])
const groups = [group('readonly', 'app_readonly'), group('readwrite', 'app_readwrite')]
const sandbox = database('sandbox', { integrations: ['people'] })

type Parts = NonNullable<Parameters<typeof catalogOf>[0]>

function catalog(changes: Parts = {}): Catalog {
  return catalogOf({
    pools: [main],
    integrations: [people],
    databases: [sandbox],
    groups,
    ...changes,
  })
}

const byPassword: Grant = { ...grant, identity: undefined }
const open = { ...main, requireSso: false }

describe('a session', () => {
  test('goes on where it would be let in again', () => {
    expect(noLongerAllowed(grant, facts, catalog())).toBeUndefined()
  })

  test.each<[string, string, Parts, Partial<Grant>?, Partial<SessionFacts>?]>([
    ['whose pool is gone', 'no-pool', { pools: [] }],
    [
      'that comes by another pool now',
      'no-pool',
      { pools: [main, pool('new', ['10.0.0.0/8'], { priority: 1 })] },
    ],
    ['whose address is served no more', 'no-pool', { pools: [pool('main', ['10.0.1.0/24'])] }],
    [
      'whose listener is gone',
      'no-pool',
      { pools: [pool('main', ['10.0.0.0/8'], { listeners: ['b'] })] },
    ],
    [
      'on a database that its pool does not allow now',
      'unknown-database',
      {
        pools: [{ ...main, allowedDatabases: new Set(['other']) }],
        databases: [sandbox, database('system', { integrations: ['people'] })],
      },
    ],
    [
      'by a sign-in at one that its pool does not allow now',
      'integration-not-allowed',
      { pools: [{ ...main, ssoIntegration: 'people', allowedIntegrations: new Set(['other']) }] },
      {},
      { authMethod: 'sign-in' },
    ],
    [
      'in none of the groups that its pool allows now',
      'group-not-allowed',
      { pools: [{ ...main, allowedGroups: new Set(['other']) }] },
    ],
    [
      'by an integration that its pool does not allow now',
      'integration-not-allowed',
      { pools: [{ ...main, allowedIntegrations: new Set(['other']) }] },
    ],
    [
      'without the certificate that its pool requires now',
      'client-certificate',
      { pools: [{ ...main, requiresClientCertificate: true }] },
    ],
    [
      'whose integration is gone',
      'integration-none',
      { integrations: [], databases: [database('sandbox')] },
    ],
    [
      'whose integration is in another database',
      'integration-unknown',
      {
        databases: [database('sandbox', { integrations: ['other'] })],
        integrations: [people, integration('other')],
      },
    ],
    [
      'whose integration is switched off',
      'integration-disabled',
      { integrations: [{ ...people, isEnabled: false }] },
    ],
    [
      'whose integration is of another issuer',
      'token-issuer',
      { integrations: [{ ...people, issuer: 'https://other.example' }] },
    ],
    [
      'whose group is mapped no more',
      'role-not-allowed',
      { integrations: [integration('people', { defaultGroup: 'readonly' })] },
    ],
    [
      'whose group has another role',
      'role-not-allowed',
      { groups: [groups[0]!, group('readwrite', 'other')] },
    ],
    [
      'in a group that is blocked now',
      'group-blocked',
      { integrations: [{ ...people, blockedGroups: new Set(['writers']) }] },
    ],
    [
      'whose database is gone',
      'unknown-database',
      { databases: [{ ...sandbox, hasUpstream: false }] },
    ],
    ['that may be no superuser any more', 'role-reserved', {}, { allowsSuperuser: true }],
    [
      'for replication, where there is none now',
      'replication-not-allowed',
      {},
      { intent: { ...grant.intent, asksForReplication: true } },
    ],
    [
      'by the user id_token, who is not taken now',
      'id-token-disabled',
      { integrations: [{ ...people, allowsIdTokenUser: false }] },
      { intent: { ...grant.intent, tokenUser: 'id_token' } },
    ],
    [
      'by a sign-in at another provider',
      'sign-in-unavailable',
      { pools: [{ ...main, ssoIntegration: 'other' }] },
      {},
      { authMethod: 'sign-in' },
    ],
    [
      'by a sign-in at one that is off',
      'integration-disabled',
      {
        pools: [{ ...main, ssoIntegration: 'people' }],
        integrations: [{ ...people, isEnabled: false }],
      },
      {},
      { authMethod: 'sign-in' },
    ],
  ])('%s would be refused: %s', (_, reason, parts, more = {}, known = {}) => {
    expect(noLongerAllowed({ ...grant, ...more }, { ...facts, ...known }, catalog(parts))).toBe(
      reason,
    )
  })

  test.each<[string, Parts, Partial<Grant>?, Partial<SessionFacts>?]>([
    [
      'whose certificate was verified',
      { pools: [{ ...main, requiresClientCertificate: true }] },
      {},
      { tls: { ...asked.tls!, certificate: { thumbprint: 'a', subject: 'CN=a' } } },
    ],
    [
      'that would be given a role of more weight',
      {
        groups: [...groups, group('chief', 'chief', 99)],
        integrations: [
          integration('people', { mappings: { writers: 'readwrite' }, defaultGroup: 'chief' }),
        ],
      },
      { intent: { ...grant.intent, user: 'id_token', tokenUser: 'id_token' } },
    ],
    [
      'for replication, where there is some',
      { pools: [{ ...main, allowsReplication: true }] },
      { intent: { ...grant.intent, asksForReplication: true } },
    ],
    [
      'by a sign-in at the provider of its pool, which is nobody else’s',
      { pools: [{ ...main, ssoIntegration: 'people' }], databases: [database('sandbox')] },
      {},
      { authMethod: 'sign-in' },
    ],
    [
      'in what its pool allows, and outside of its hours',
      {
        pools: [
          {
            ...main,
            allowedDatabases: new Set(['sandbox']),
            allowedGroups: new Set(['readwrite']),
            allowedIntegrations: new Set(['people']),
            loginHours: [{ days: new Set<number>(), from: 0, to: 1, zone: timeZone('UTC') }],
          },
        ],
      },
    ],
    [
      'that may be a superuser still',
      { groups: [groups[0]!, group('readwrite', 'app_readwrite', 0, true)] },
      { allowsSuperuser: true },
    ],
  ])('%s goes on', (_, parts, more = {}, known = {}) => {
    expect(
      noLongerAllowed({ ...grant, ...more }, { ...facts, ...known }, catalog(parts)),
    ).toBeUndefined()
  })

  test('that the server has said something of goes on by the same rule alone', () => {
    const mapped = (of: string): Catalog =>
      catalog({ integrations: [integration('people')], identityMap: `${issuer} alice +${of}` })
    const proved = { ...grant, condition: { memberOf: ['writers'] } }
    expect(noLongerAllowed(proved, facts, mapped('writers'))).toBeUndefined()
    expect(noLongerAllowed(proved, facts, mapped('readers'))).toBe('role-not-allowed')
    expect(noLongerAllowed(grant, facts, mapped('writers'))).toBe('role-not-allowed')
    expect(noLongerAllowed(proved, facts, catalog())).toBeUndefined()
  })
})

test('a session as a role of its own goes on while that is to be a member of all that it was', () => {
  const own: Grant = { ...grant, role: 'alice', memberOf: ['app_readonly', 'app_readwrite'] }
  const provided = (mappings: Readonly<Record<string, string>>): Catalog =>
    catalog({
      integrations: [
        integration('people', {
          mappings,
          defaultGroup: 'readonly',
          mapsPrincipal: true,
          provisioning: { sync: 'granted', connectionLimit: undefined },
        }),
      ],
      databases: [{ ...sandbox, provisioner: 'maker' }],
    })
  expect(noLongerAllowed(own, facts, provided({ writers: 'readwrite' }))).toBeUndefined()
  expect(noLongerAllowed(own, facts, provided({}))).toBe('role-not-allowed')
  const fewer = { ...own, memberOf: ['app_readonly'] }
  expect(noLongerAllowed(fewer, facts, provided({ writers: 'readwrite' }))).toBeUndefined()
})

describe('a session by a password', () => {
  test('goes on where its pool takes one', () => {
    expect(noLongerAllowed(byPassword, facts, catalog({ pools: [open] }))).toBeUndefined()
    const named = { ...main, passwordUsers: new Set(['app_readwrite']) }
    expect(noLongerAllowed(byPassword, facts, catalog({ pools: [named] }))).toBeUndefined()
  })

  test('would be refused where its pool requires single sign-on now, or its database is gone', () => {
    expect(noLongerAllowed(byPassword, facts, catalog())).toBe('sso-required')
    const gone = catalog({ pools: [open], databases: [] })
    expect(noLongerAllowed(byPassword, facts, gone)).toBe('unknown-database')
    const elsewhere = { ...open, allowedDatabases: new Set(['other']) }
    expect(noLongerAllowed(byPassword, facts, catalog({ pools: [elsewhere] }))).toBe(
      'unknown-database',
    )
    const ofGroups = { ...open, allowedGroups: new Set(['readwrite']) }
    expect(noLongerAllowed(byPassword, facts, catalog({ pools: [ofGroups] }))).toBe('sso-required')
  })
})

describe('a session of the console', () => {
  const atConsole = { ...grant.intent, database: 'system' }
  const system = database('system', { integrations: ['people'], hasUpstream: false })
  const its: Parts = { databases: [system], adminGroups: ['readwrite'], statsGroups: ['readonly'] }
  const bySso: Grant = {
    ...grant,
    intent: atConsole,
    role: '',
    guest: { name: 'alice', right: 'admin', by: 'sso' },
  }
  const bySecret: Grant = {
    ...bySso,
    identity: undefined,
    guest: { name: 'root', right: 'admin', by: 'secret' },
  }
  const bySocket: Grant = { ...bySecret, guest: { name: 'unix', right: 'admin', by: 'socket' } }
  const named = { ...main, passwordUsers: new Set(['root']) }

  test.each<[string, Grant, Parts]>([
    ['by single sign-on goes on where it would be let in again', bySso, its],
    [
      'by a secret, in a pool that takes passwords',
      bySecret,
      { ...its, pools: [open], consoleUsers: [['root', 'admin']] },
    ],
    [
      'by a secret, in a pool that names its user',
      bySecret,
      { ...its, pools: [named], consoleUsers: [['root', 'admin']] },
    ],
    ['by the socket', bySocket, { ...its, consoleSocket: 'admin' }],
    [
      'that looked, and may do more now',
      { ...bySso, guest: { name: 'alice', right: 'stats', by: 'sso' } },
      its,
    ],
  ])('%s', (_, held, parts) => {
    expect(noLongerAllowed(held, facts, catalog(parts))).toBeUndefined()
  })

  test.each<[string, string, Grant, Parts]>([
    [
      'where a database has taken its place',
      'unknown-database',
      bySso,
      { ...its, databases: [database('system', { integrations: ['people'] })] },
    ],
    [
      'whose integration is gone',
      'integration-none',
      bySso,
      { ...its, databases: [database('system', { hasUpstream: false })] },
    ],
    [
      'whose integration is off',
      'integration-disabled',
      bySso,
      { ...its, integrations: [{ ...people, isEnabled: false }] },
    ],
    [
      'whose integration is of another issuer',
      'token-issuer',
      bySso,
      { ...its, integrations: [{ ...people, issuer: 'https://x.example' }] },
    ],
    [
      'whose group lost the console',
      'console-not-allowed',
      bySso,
      { ...its, adminGroups: [], statsGroups: [] },
    ],
    ['whose group may only look now', 'console-not-allowed', bySso, { ...its, adminGroups: [] }],
    ['whose user is gone', 'console-not-allowed', bySecret, { ...its, pools: [open] }],
    [
      'whose user may only look now',
      'console-not-allowed',
      bySecret,
      { ...its, pools: [open], consoleUsers: [['root', 'stats']] },
    ],
    [
      'whose pool wants single sign-on now',
      'sso-required',
      bySecret,
      { ...its, consoleUsers: [['root', 'admin']] },
    ],
    ['whose socket is for nobody now', 'console-not-allowed', bySocket, its],
    [
      'whose socket may only look now',
      'console-not-allowed',
      bySocket,
      { ...its, consoleSocket: 'stats' },
    ],
    ['whose pool is gone', 'no-pool', bySocket, { ...its, pools: [], consoleSocket: 'admin' }],
  ])('%s ends: %s', (_, reason, held, parts) => {
    expect(noLongerAllowed(held, facts, catalog(parts))).toBe(reason)
  })

  test('by an ID token ends where those are not taken any more', () => {
    const held = { ...bySso, intent: { ...atConsole, tokenUser: 'id_token' as const } }
    const strict = { ...people, allowsIdTokenUser: false }
    expect(noLongerAllowed(held, facts, catalog(its))).toBeUndefined()
    expect(noLongerAllowed(held, facts, catalog({ ...its, integrations: [strict] }))).toBe(
      'id-token-disabled',
    )
  })

  test('does not look at the scope that its client named', () => {
    const held = { ...bySso, intent: { ...atConsole, qualifier: 'sandbox' } }
    const databases = [system, database('sandbox', { integrations: ['other'] })]
    const integrations = [people, integration('other')]
    expect(
      noLongerAllowed(held, facts, catalog({ ...its, databases, integrations })),
    ).toBeUndefined()
  })
})
