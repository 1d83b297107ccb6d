import { describe, expect, test } from 'vitest'
import { type AccessRequest, decide, type Identity } from '../../../src/policy/decide.ts'
import type { Decision } from '../../../src/policy/decision.ts'
import { catalogOf, database, group, integration, issuer } from './catalogs.ts'

type Integration = ReturnType<typeof integration>

const longest = 'r'.repeat(63)

const groups = [
  group('readonly', 'app_readonly'),
  group('readwrite', 'app_readwrite', 10),
  group('audit', 'app_audit', 10),
  group('admins', 'postgres', 20, true),
  group('careless', 'postgres', 30),
  group('monitors', 'pg_monitor', 30),
  group('visitors', 'app_visitor'),
  group('guests', 'app_guest'),
]

const databases = [database('app'), database('system', { hasUpstream: false })]

const everyone = integration('sso', {
  defaultGroup: 'readonly',
  mappings: {
    writers: 'readwrite',
    'readwrite-role': 'readwrite',
    auditors: 'audit',
    admins: 'admins',
    careless: 'careless',
    monitors: 'monitors',
    ghosts: 'gone',
    visitors: 'visitors',
    guests: 'guests',
  },
})
const onlyMapped = { ...everyone, defaultGroup: undefined }

function ask(
  user: AccessRequest['user'],
  identity: Partial<Identity> = {},
  its: Integration = everyone,
  identityMap = '',
  name = 'app',
): Decision {
  return decide(
    { user, database: name },
    { issuer, names: ['alice'], groups: [], ...identity },
    its,
    catalogOf({ groups, databases, identityMap }),
  )
}

/** The role, or the reason why there is none. */
function outcomeOf(...asked: Parameters<typeof ask>): string {
  const decision = ask(...asked)
  return decision.outcome === 'granted' ? decision.role : decision.reason
}

describe('the groups of an identity', () => {
  test.each<[string, readonly string[], Integration, readonly string[]]>([
    ['the default group', [], everyone, ['readonly']],
    ['the default group and each that is mapped', ['writers'], everyone, ['readwrite', 'readonly']],
    [
      'each once, however often it is mapped',
      ['writers', 'readwrite-role'],
      everyone,
      ['readwrite', 'readonly'],
    ],
    [
      'in the order of their ranks, then of their names',
      ['writers', 'auditors'],
      everyone,
      ['audit', 'readwrite', 'readonly'],
    ],
    [
      'in that order whatever the token says',
      ['auditors', 'writers'],
      everyone,
      ['audit', 'readwrite', 'readonly'],
    ],
    [
      'those that are mapped before the default one, of the same rank',
      ['visitors', 'guests'],
      everyone,
      ['guests', 'visitors', 'readonly'],
    ],
    [
      'those before the default one, whatever it is called',
      ['visitors'],
      { ...everyone, groupMappings: new Map([['visitors', 'visitors']]), defaultGroup: 'guests' },
      ['visitors', 'guests'],
    ],
    ['none for a value that is not mapped', ['nobody'], everyone, ['readonly']],
    ['none for a value in other letters', ['WRITERS'], everyone, ['readonly']],
    ['none for the name of a group of ours', ['readwrite'], everyone, ['readonly']],
    ['none for a group that the catalog has not', ['ghosts'], everyone, ['readonly']],
    ['none for a name that every object has', ['constructor', '__proto__'], everyone, ['readonly']],
    ['those that are mapped, without a default', ['writers'], onlyMapped, ['readwrite']],
    ['none at all', ['nobody'], onlyMapped, []],
  ])('are %s', (_, claimed, its, names) => {
    expect(ask(undefined, { groups: claimed }, its).groups).toEqual(names)
  })

  test.each<[string, readonly string[], Integration, string]>([
    ['id_token gets the role of the default group', [], everyone, 'app_readonly'],
    ['id_token gets the role of the highest rank', ['writers'], everyone, 'app_readwrite'],
    [
      'id_token gets the first by name among equals',
      ['writers', 'auditors'],
      everyone,
      'app_audit',
    ],
    ['id_token without any group gets none', [], onlyMapped, 'no-group'],
    ['id_token without any known group gets none', ['ghosts', 'x'], onlyMapped, 'no-group'],
  ])('give a role: %s', (_, claimed, its, outcome) => {
    expect(outcomeOf(undefined, { groups: claimed }, its)).toBe(outcome)
  })

  test.each([
    ['app_readonly', 'app_readonly'],
    ['app_readwrite', 'app_readwrite'],
    ['app_audit', 'role-not-allowed'],
    ['APP_READONLY', 'role-not-allowed'],
    ['readwrite', 'role-not-allowed'],
    ['alice', 'role-not-allowed'],
    ['', 'role-not-allowed'],
  ])('let the user %j be: %s', (user, outcome) => {
    expect(outcomeOf(user, { groups: ['writers'] })).toBe(outcome)
  })
})

describe('the principal itself', () => {
  const mapping = integration('sso', { mapsPrincipal: true })
  const capturing = integration('sso', { pattern: '^([^@]+)@example\\.com$' })

  test.each<[string, string | undefined, string, Integration, string]>([
    ['is no role by accident', 'alice', 'alice', everyone, 'role-not-allowed'],
    ['is no role by accident without groups', 'alice', 'alice', onlyMapped, 'no-group'],
    ['is a role where the operator said so', 'alice', 'alice', mapping, 'alice'],
    ['is the role of id_token where there is no group', undefined, 'alice', mapping, 'alice'],
    ['is no other role', 'bob', 'alice', mapping, 'role-not-allowed'],
    ['is what the pattern captures', 'alice', 'alice@example.com', capturing, 'alice'],
    ['is that for id_token', undefined, 'alice@example.com', capturing, 'alice'],
    [
      'is not the whole then',
      'alice@example.com',
      'alice@example.com',
      capturing,
      'role-not-allowed',
    ],
    [
      'is nobody where the pattern does not match',
      'alice',
      'alice@example.org',
      capturing,
      'principal-unmapped',
    ],
    ['is nobody behind a newline', 'alice', 'alice@example.com\n', capturing, 'principal-unmapped'],
    [
      'is nobody where the pattern captures nothing',
      '',
      'x',
      integration('sso', { pattern: '^(.*)x$' }),
      'principal-unmapped',
    ],
    [
      'is nobody where the group took no part',
      undefined,
      'x',
      integration('sso', { pattern: '^(a)?x$' }),
      'principal-unmapped',
    ],
    ['may be as long as a name of PostgreSQL', longest, longest, mapping, longest],
    ['is not cut to be a role', longest, `${longest}x`, mapping, 'no-group'],
    ['is no longer role either', `${longest}x`, `${longest}x`, mapping, 'no-group'],
    ['is measured in bytes', 'é'.repeat(32), 'é'.repeat(32), mapping, 'no-group'],
  ])('%s', (_, user, name, its, outcome) => {
    expect(outcomeOf(user, { names: [name] }, its)).toBe(outcome)
  })

  test('gives way to a group for id_token, and not for its own name', () => {
    const its = { ...mapping, defaultGroup: 'readonly' }
    expect(outcomeOf(undefined, {}, its)).toBe('app_readonly')
    expect(outcomeOf('alice', {}, its)).toBe('alice')
  })

  test('is nobody even with a default group, where the pattern does not match', () => {
    const its = { ...capturing, defaultGroup: 'readonly' }
    expect(outcomeOf(undefined, { names: ['eve@evil.org'] }, its)).toBe('principal-unmapped')
    expect(outcomeOf('app_readonly', { names: ['eve@evil.org'] }, its)).toBe('principal-unmapped')
  })
})

describe('the identity map', () => {
  const map = `
${issuer} alice first
${issuer} alice second
${issuer} bob ops
${issuer} /^(.*)@example\\.com$ \\1`

  test.each<[string, string | undefined, string, Integration, string]>([
    ['lets a principal be each of its users', 'second', 'alice', onlyMapped, 'second'],
    ['needs no map_principal', 'ops', 'bob', onlyMapped, 'ops'],
    ['takes expressions', 'carol', 'carol@example.com', onlyMapped, 'carol'],
    ['does not let a principal be its own name', 'alice', 'alice', onlyMapped, 'role-not-allowed'],
    [
      'does not with map_principal either',
      'alice',
      'alice',
      { ...onlyMapped, mapsPrincipal: true },
      'role-not-allowed',
    ],
    [
      'refuses who has no line',
      'eve',
      'eve',
      { ...onlyMapped, mapsPrincipal: true },
      'principal-unmapped',
    ],
    [
      'refuses who has no line even with a default group',
      undefined,
      'eve',
      everyone,
      'principal-unmapped',
    ],
    ['gives id_token the only user', undefined, 'bob', onlyMapped, 'ops'],
    ['gives id_token none of several', undefined, 'alice', onlyMapped, 'role-not-allowed'],
    ['leaves the groups open', 'app_readonly', 'alice', everyone, 'app_readonly'],
    [
      'maps what the pattern captured',
      'ops',
      'bob@x',
      integration('sso', { pattern: '^(.*)@x$' }),
      'ops',
    ],
  ])('%s', (_, user, name, its, outcome) => {
    expect(outcomeOf(user, { names: [name] }, its, map)).toBe(outcome)
  })

  test('of another issuer does not apply', () => {
    const its = integration('sso', { mapsPrincipal: true })
    const theirs = { issuer: 'https://other.example' }
    expect(outcomeOf('alice', theirs, its, map)).toBe('alice')
    expect(outcomeOf('first', theirs, its, map)).toBe('role-not-allowed')
    expect(outcomeOf('first', theirs, onlyMapped, map)).toBe('no-group')
  })

  test('gives a user that PostgreSQL would cut to nobody', () => {
    const long = `${issuer} alice ${longest}x\n${issuer} alice app`
    expect(outcomeOf(`${longest}x`, {}, onlyMapped, long)).toBe('role-not-allowed')
    expect(outcomeOf(undefined, {}, onlyMapped, long)).toBe('app')
  })
})

describe('a line of the identity map that names no role', () => {
  const any = `${issuer} alice all`
  const some = `${issuer} alice /^app_[a-z]+$`
  const members = `${issuer} alice +ops\n${issuer} alice +dba\n${issuer} alice +ops`

  test.each<[string, string | undefined, string, Integration, string]>([
    ['all opens what is asked for', 'whatever', any, onlyMapped, 'whatever'],
    ['all is no answer to id_token', undefined, any, onlyMapped, 'role-not-allowed'],
    ['all leaves id_token its group', undefined, any, everyone, 'app_readonly'],
    ['all leaves id_token its only user', undefined, `${any}\n${issuer} alice a`, onlyMapped, 'a'],
    ['all opens no name that is cut', `${longest}x`, any, onlyMapped, 'role-not-allowed'],
    ['all opens no empty name', '', any, onlyMapped, 'role-not-allowed'],
    ['all opens the longest name', longest, any, onlyMapped, longest],
    ['an expression opens what matches', 'app_x', some, onlyMapped, 'app_x'],
    ['an expression opens nothing around it', 'my_app_x', some, onlyMapped, 'role-not-allowed'],
    ['an expression opens no next line', 'app_x\nroot', some, onlyMapped, 'role-not-allowed'],
    ['an expression is no answer to id_token', undefined, some, onlyMapped, 'role-not-allowed'],
    [
      'an expression opens no name that is cut to match',
      `${'x'.repeat(59)}_ro_extra`,
      `${issuer} alice /_ro`,
      onlyMapped,
      'role-not-allowed',
    ],
    ['a plus opens what is asked for', 'bob', members, onlyMapped, 'bob'],
    ['a plus opens the role itself', 'ops', members, onlyMapped, 'ops'],
    ['a plus is no answer to id_token', undefined, members, onlyMapped, 'role-not-allowed'],
    [
      'nothing is opened for others',
      'bob',
      `${issuer} carol all`,
      onlyMapped,
      'principal-unmapped',
    ],
  ])('%s', (_, user, map, its, outcome) => {
    expect(outcomeOf(user, {}, its, map)).toBe(outcome)
  })

  test.each<[string, string, string, object | undefined]>([
    ['all', 'bob', any, { memberOf: [] }],
    ['an expression', 'app_x', some, { memberOf: [] }],
    ['a plus', 'bob', members, { memberOf: ['ops', 'dba'] }],
    ['all beside a plus', 'bob', `${members}\n${any}`, { memberOf: [] }],
    [
      'a plus beside an expression that does not match',
      'b',
      `${some}\n${members}`,
      { memberOf: ['ops', 'dba'] },
    ],
    ['a plus beside the name', 'bob', `${members}\n${issuer} alice bob`, undefined],
    ['a plus beside a group', 'app_readonly', members, undefined],
  ])('leaves something to prove: %s', (_, user, map, condition) => {
    const decision = ask(user, {}, everyone, map)
    expect(decision).toMatchObject({ outcome: 'granted', role: user, allowsSuperuser: false })
    expect(decision).toHaveProperty('steps')
    expect('condition' in decision ? decision.condition : undefined).toEqual(condition)
  })

  test.each(['postgres', 'pg_monitor', 'pg_'])('opens no reserved role: %s', (user) => {
    for (const map of [any, members, `${issuer} alice /.`]) {
      expect(outcomeOf(user, {}, onlyMapped, map)).toBe('role-reserved')
    }
  })

  test('is told in the steps', () => {
    const { steps } = ask('bob', {}, onlyMapped, `${any}\n${members}\n${some}`)
    expect(steps.find(({ check }) => check === 'principal')?.compared).toBe(
      'alice -> any role, members of ops, members of dba, members of ops, /^app_[a-z]+$',
    )
  })
})

describe('a reserved role is refused', () => {
  const mapping = integration('sso', { mapsPrincipal: true })
  test.each(['postgres', 'pg_monitor', 'pg_', 'pg_x'])('as the principal %s', (name) => {
    expect(outcomeOf(name, { names: [name] }, mapping)).toBe('role-reserved')
    expect(outcomeOf(undefined, { names: [name] }, mapping)).toBe('role-reserved')
    expect(outcomeOf(name, {}, onlyMapped, `${issuer} alice ${name}`)).toBe('role-reserved')
  })

  test('as the role of a group that does not say so', () => {
    expect(outcomeOf(undefined, { groups: ['careless'] })).toBe('role-reserved')
    expect(outcomeOf('pg_monitor', { groups: ['monitors'] })).toBe('role-reserved')
  })

  test('but not as the role of a group that allows a superuser', () => {
    expect(ask('postgres', { groups: ['admins'] })).toMatchObject({
      outcome: 'granted',
      role: 'postgres',
      allowsSuperuser: true,
    })
  })

  test.each(['PG_x', 'pgbouncer', 'Postgres', 'postgres2'])('but not for being like %s', (name) => {
    expect(outcomeOf(name, { names: [name] }, mapping)).toBe(name)
  })

  test('and only a group lets a role be a superuser', () => {
    for (const [user, its] of [
      ['alice', mapping],
      ['app_readonly', everyone],
    ] as const) {
      expect(ask(user, {}, its)).toMatchObject({ outcome: 'granted', allowsSuperuser: false })
    }
  })
})

describe('whoever may not be the role asked for is told what it may be', () => {
  const names = `${issuer} alice app_one\n${issuer} alice app_readonly\n${issuer} alice pg_any`
  test.each<[string, Parameters<typeof ask>, readonly string[]]>([
    ['the roles of its groups', ['x', { groups: ['writers'] }], ['app_readwrite', 'app_readonly']],
    ['not one that is reserved', ['x', { groups: ['careless'] }], ['app_readonly']],
    [
      'one that is reserved where the group says so',
      ['x', { groups: ['admins'] }],
      ['postgres', 'app_readonly'],
    ],
    ['then its own, each once', ['x', {}, everyone, names], ['app_readonly', 'app_one']],
    [
      'all of its own, if it does not say which',
      [undefined, {}, onlyMapped, names],
      ['app_one', 'app_readonly'],
    ],
    [
      'none that is open without a name',
      ['root', {}, everyone, `${issuer} alice /^app_.*$`],
      ['app_readonly'],
    ],
  ])('%s', (_, asked, openRoles) => {
    expect(ask(...asked)).toMatchObject({ reason: 'role-not-allowed', openRoles })
  })

  test.each<[string, Parameters<typeof ask>]>([
    ['for another reason', ['postgres', { groups: ['careless'] }]],
    ['by CockroachDB', ['root', {}, { ...everyone, dialect: 'cockroachdb' }]],
  ])('but not %s', (_, asked) => {
    expect(ask(...asked)).toMatchObject({ outcome: 'denied', openRoles: [] })
  })
})

describe('the database', () => {
  test.each(['unknown', 'system', '', '__proto__'])('%j has no upstream', (name) => {
    expect(outcomeOf(undefined, {}, everyone, '', name)).toBe('unknown-database')
  })

  test.each<[string, Parameters<typeof ask>]>([
    ['no-group', [undefined, {}, onlyMapped, '']],
    ['role-not-allowed', ['root', {}, everyone, '']],
    ['role-reserved', ['postgres', { groups: ['careless'] }, everyone, '']],
    ['principal-unmapped', [undefined, {}, everyone, `${issuer} bob ops`]],
  ])('is not told apart from one that exists by who is refused for %s', (reason, asked) => {
    const [user, identity, its, map] = asked
    const known = ask(user, identity, its, map, 'app')
    const unknown = ask(user, identity, its, map, 'unknown')
    expect(known).toMatchObject({ outcome: 'denied', reason })
    expect(unknown).toEqual(known)
  })
})

describe('the steps of a decision', () => {
  test('say how many names there are more when there are many', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => `group-${i}`)
    const { steps } = ask('app_readonly', { groups: many })
    const compared = steps.find((step) => step.check === 'groups')?.compared ?? ''
    expect(compared).toContain('group-19 and 9980 more')
    expect(compared.length).toBeLessThan(500)
    const twenty = ask('app_readonly', { groups: many.slice(0, 20) })
    expect(twenty.steps.find((step) => step.check === 'groups')?.compared).toContain('group-19;')
  })

  test('are all there, in order, when it is granted', () => {
    expect(ask('app_readwrite', { groups: ['writers', 'x'] })).toEqual({
      outcome: 'granted',
      role: 'app_readwrite',
      allowsSuperuser: false,
      groups: ['readwrite', 'readonly'],
      steps: [
        { check: 'principal', compared: 'alice -> (none)', passed: true },
        {
          check: 'groups',
          compared: 'claim: writers, x; groups: readwrite, readonly',
          passed: true,
        },
        {
          check: 'role',
          compared: 'app_readwrite among app_readwrite, app_readonly',
          passed: true,
        },
        { check: 'reserved role', compared: 'app_readwrite', passed: true },
        { check: 'database', compared: 'app', passed: true },
      ],
    })
  })

  test.each<[string, Parameters<typeof ask>, string, string]>([
    [
      'principal-unmapped',
      [undefined, {}, everyone, `${issuer} bob ops`],
      'principal',
      'alice -> no match',
    ],
    ['no-group', [undefined, {}, onlyMapped], 'groups', 'claim: (none); groups: (none)'],
    ['role-not-allowed', ['root'], 'role', 'root among app_readonly'],
    [
      'role-not-allowed',
      [undefined, {}, onlyMapped, `${issuer} alice a\n${issuer} alice b`],
      'role',
      'the first group among a, b',
    ],
    ['role-reserved', [undefined, { groups: ['careless'] }], 'reserved role', 'postgres'],
    ['unknown-database', [undefined, {}, everyone, '', 'nowhere'], 'database', 'nowhere'],
  ])('end with the one that failed: %s', (reason, asked, check, compared) => {
    const decision = ask(...asked)
    expect(decision).toMatchObject({ outcome: 'denied', reason })
    expect(decision.steps.at(-1)).toEqual({ check, compared, passed: false })
    expect(decision.steps.slice(0, -1).every((step) => step.passed)).toBe(true)
    const order = ['principal', 'groups', 'role', 'reserved role', 'database']
    expect(decision.steps.map((step) => step.check)).toEqual(order.slice(0, decision.steps.length))
  })
})

describe('a principal with several names', () => {
  const mapping = integration('sso', { mapsPrincipal: true })
  const capturing = integration('sso', { pattern: '^([^@]+)@example\\.com$' })
  const names = ['alice', 'ops']

  test.each<[string, string | undefined, readonly string[], Integration, string]>([
    ['may be each of them', 'ops', names, mapping, 'ops'],
    ['may be no other', 'bob', names, mapping, 'role-not-allowed'],
    ['must say which', undefined, names, mapping, 'role-not-allowed'],
    ['need not where they are one role', undefined, ['a@example.com', 'a'], capturing, 'a'],
    ['may be what the pattern takes', 'b', ['x', 'b@example.com'], capturing, 'b'],
    [
      'may not be what it does not take',
      'x',
      ['x', 'b@example.com'],
      capturing,
      'role-not-allowed',
    ],
    ['is nobody where it takes none', 'x', ['x', 'y'], capturing, 'principal-unmapped'],
    ['has the role of its group', undefined, names, everyone, 'app_readonly'],
  ])('%s', (_, user, its, rules, outcome) => {
    expect(outcomeOf(user, { names: its }, rules)).toBe(outcome)
  })

  test('is mapped by each, in their order', () => {
    const map = `${issuer} ops second\n${issuer} alice first\n${issuer} alice second`
    expect(outcomeOf('first', { names }, onlyMapped, map)).toBe('first')
    expect(outcomeOf('alice', { names }, onlyMapped, map)).toBe('role-not-allowed')
    expect(outcomeOf(undefined, { names: ['ops', 'eve'] }, onlyMapped, map)).toBe('second')
    expect(ask('first', { names }, onlyMapped, map).steps[0]).toEqual({
      check: 'principal',
      compared: 'alice, ops -> first, second',
      passed: true,
    })
  })
})

describe('a blocked group', () => {
  const blocking = { ...everyone, blockedGroups: new Set(['leavers']), mapsPrincipal: true }

  test.each<[string | undefined]>([[undefined], ['app_readwrite'], ['alice']])(
    'refuses the user %s, whatever else the identity may be',
    (user) => {
      expect(outcomeOf(user, { groups: ['writers'] }, blocking)).toBe(user ?? 'app_readwrite')
      const decision = ask(user, { groups: ['writers', 'leavers'] }, blocking)
      expect(decision).toMatchObject({
        reason: 'group-blocked',
        steps: [{ check: 'blocked groups', compared: 'leavers', passed: false }],
      })
    },
  )

  test('is meant as it is written', () => {
    expect(outcomeOf('alice', { groups: ['Leavers', 'leavers2'] }, blocking)).toBe('alice')
  })
})
