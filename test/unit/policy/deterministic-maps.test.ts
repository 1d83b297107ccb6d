// A login must not depend on luck: not on the order of lines, not on how often it was tried, not on what a
// pattern happens to find inside of a longer name.
import { describe, expect, test } from 'vitest'
import { decide } from '../../../src/policy/decide.ts'
import { catalogOf, database, group, integration, issuer } from './catalogs.ts'

const its = integration('sso')

/** The role that a principal gets, or the reason why it gets none, by a map that is read anew. */
function outcomeOf(lines: readonly string[], name: string, user?: string, by = its): string {
  const decision = decide(
    { user, database: 'app' },
    { issuer, names: [name], groups: [] },
    by,
    catalogOf({
      databases: [database('app')],
      groups: [group('readonly', 'app_readonly')],
      identityMap: lines.map((line) => `${issuer} ${line}`).join('\n'),
    }),
  )
  return decision.outcome === 'granted' ? decision.role : decision.reason
}

describe('a thousand logins by the same map', () => {
  const lines = [
    String.raw`/^([^@]+)@(.*\.)?example\.com$ \1`,
    String.raw`/^(a)lice@ team_\1`,
    'alice@example.com ops',
    '/^alice /^x_',
  ]

  test.each([
    ['alice@example.com', 'alice', 'alice'],
    ['alice@example.com', 'team_a', 'team_a'],
    ['alice@example.com', 'ops', 'ops'],
    ['alice@example.com', 'x_1', 'x_1'],
    ['alice@example.com', undefined, 'role-not-allowed'],
    ['bob@db.example.com', undefined, 'bob'],
    ['bob@db.example.com', 'ops', 'role-not-allowed'],
    ['eve@example.org', undefined, 'principal-unmapped'],
  ])('%s as %s is always %s', (name, user, outcome) => {
    const outcomes = Array.from({ length: 1_000 }, (_, i) =>
      outcomeOf(i % 2 === 0 ? lines : lines.toReversed(), name, user),
    )
    expect(new Set(outcomes)).toEqual(new Set([outcome]))
  })
})

describe('the first line that matches', () => {
  const lines = ['/^ali alice_1', 'alice alice_2']

  test('is enough, and takes nothing from the ones behind it', () => {
    for (const order of [lines, lines.toReversed()]) {
      expect(outcomeOf(order, 'alice', 'alice_1')).toBe('alice_1')
      expect(outcomeOf(order, 'alice', 'alice_2')).toBe('alice_2')
    }
  })

  test('is not what a client gets that does not say whom it wants to be', () => {
    for (const order of [lines, lines.toReversed()]) {
      expect(outcomeOf(order, 'alice')).toBe('role-not-allowed')
    }
  })
})

describe('a pattern', () => {
  const anchored = [String.raw`/^([a-z]+)@example\.com$ \1`]

  test.each([
    'x alice@example.com',
    'alice@example.com.evil.org',
    'alice@example.com\n',
    '\nalice@example.com',
    'eve@evil.org\nalice@example.com',
    'alice@example.com\neve@evil.org',
    'alice@exampleXcom',
    'ALICE@example.com',
    'alice@example.com\u0000',
    'alice@example.com\u2028',
  ])('that is anchored finds nothing inside of %j', (name) => {
    expect(outcomeOf(anchored, name, 'alice')).toBe('principal-unmapped')
    const pattern = String.raw`^([a-z]+)@example\.com$`
    expect(outcomeOf([], name, 'alice', integration('sso', { pattern }))).toBe('principal-unmapped')
  })

  test('that is not anchored matches anywhere, as in PostgreSQL', () => {
    expect(outcomeOf(['/example app'], 'eve@example.evil.org', 'app')).toBe('app')
  })

  test.each(['alice', 'x_alice', 'alice_x', 'app_alice\n', '\napp_alice', 'x\napp_alice'])(
    'for roles that is anchored does not open %j',
    (user) => {
      expect(outcomeOf(['alice /^app_[a-z]+$'], 'alice', user)).toBe('role-not-allowed')
      expect(outcomeOf(['alice /^app_[a-z]+$'], 'alice', 'app_alice')).toBe('app_alice')
    },
  )

  test.each(['^(a+)+$', '^((a|a)*)*$', '^(a|aa)+$', '(.*)(.*)(.*)x$'])(
    '%s for roles stalls nothing',
    (expression) => {
      const startedAt = performance.now()
      expect(outcomeOf([`alice /${expression}`], 'alice', `${'a'.repeat(62)}!`)).toBe(
        'role-not-allowed',
      )
      expect(performance.now() - startedAt).toBeLessThan(1_000)
    },
  )
})

describe('the direction of a map', () => {
  test.each([
    ['from principal to role', 'user1', 'user2', 'user2'],
    ['and not to the principal', 'user1', 'user1', 'role-not-allowed'],
    ['and not back', 'user2', 'user1', 'principal-unmapped'],
    ['and not from role to role', 'user2', 'user2', 'principal-unmapped'],
  ])('is %s', (_, name, user, outcome) => {
    expect(outcomeOf(['user1 user2'], name, user)).toBe(outcome)
  })
})
