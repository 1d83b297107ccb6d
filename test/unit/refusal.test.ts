import { describe, expect, test } from 'vitest'
import { printable, type Reason, Refusal, reasons } from '../../src/refusal.ts'

const names = Object.keys(reasons) as Reason[]

/** What the session and the refusals fill in. */
const placeholders = new Set([
  ...['bound', 'asked'],
  'method',
  'flow',
  'seconds',
  'address',
  'database',
  'integration',
  'kind',
  'limit',
  'name',
  'pool',
  'principal',
  'setting',
  'user',
  'version',
])

/** Messages whose exact text Ocient's clients look for. */
const upperCase = new Set<Reason>(['sso-required', 'oauth-discovery'])

interface Entry {
  readonly sqlstate: string
  readonly message: string
  readonly hint?: string
  readonly meaning: string
  readonly remedy: string
}

function entry(name: Reason): Entry {
  return reasons[name]
}

describe.each(names)('the reason %s', (name) => {
  const { sqlstate, message, hint, meaning, remedy } = entry(name)

  test('has a SQLSTATE of five characters that is an error', () => {
    expect(sqlstate).toMatch(/^[0-9A-Z]{5}$/)
    expect(sqlstate).not.toMatch(/^0[01]/)
  })

  test('has a message of one line without a full stop', () => {
    expect(message).toMatch(/^[^\r\n]*[^.\s]$/)
  })

  test.skipIf(upperCase.has(name))('has a message that begins in lower case', () => {
    expect(message).toMatch(/^\p{Ll}/u)
  })

  test('has only placeholders that are known', () => {
    const used = [...message.matchAll(/\{(\w*)\}/g)].map(([, word]) => word)
    expect(used.filter((word) => !placeholders.has(word ?? ''))).toEqual([])
  })

  test('leaves no placeholder to the client, whatever is known', () => {
    expect(new Refusal(name).messageFor({})).not.toMatch(/[{}]/)
  })

  test('has whole sentences for hint, meaning and remedy', () => {
    for (const text of [hint ?? 'None.', meaning, remedy]) expect(text).toMatch(/^[A-Z`].*[.]$/s)
  })

  test('has no placeholder in its hint, where none is filled in', () => {
    expect(hint ?? '').not.toMatch(/[{}]/)
  })

  test('is what a Refusal of it is', () => {
    expect(new Refusal(name)).toMatchObject({ reason: name, sqlstate, message, hint })
  })
})

describe('the exact texts', () => {
  test.each<[Reason, string, string]>([
    ['sso-required', '28000', 'This connectivity pool requires SSO authentication'],
    ['tls-required', '28000', 'connection is insecure (try using `sslmode=require`)'],
    ['early-data', '08P01', 'received unencrypted data after SSL request'],
    ['no-user', '28000', 'no PostgreSQL user name specified in startup packet'],
    ['token-signature', '28P01', 'password authentication failed for user "alice"'],
    ['wrong-password', '28P01', 'password authentication failed for user "alice"'],
    ['unknown-database', '3D000', 'database "app" does not exist'],
    ['too-many-sessions', '53300', 'sorry, too many clients already'],
    ['empty-password', '28P01', 'empty password returned by client'],
    ['malformed-password', '08P01', 'expected password response, got something else'],
  ])('of %s are %s and %j', (reason, sqlstate, message) => {
    const refusal = new Refusal(reason)
    expect([refusal.sqlstate, refusal.messageFor({ user: 'alice', database: 'app' })]).toEqual([
      sqlstate,
      message,
    ])
  })

  test('are the same for everything that is found before a token is verified', () => {
    const unverified: Reason[] = [
      'token-malformed',
      'token-algorithm',
      'token-issuer',
      'token-unknown-key',
      'token-signature',
    ]
    const told = unverified.map((reason) => {
      const { sqlstate, message, hint } = new Refusal(reason)
      return JSON.stringify([sqlstate, message, hint])
    })
    expect(new Set(told).size).toBe(1)
  })
})

describe('the message of a refusal', () => {
  test('has the values of the refusal before those of the session', () => {
    const refusal = new Refusal('integration-unknown', { values: { integration: 'mine' } })
    expect(refusal.messageFor({ integration: 'session', database: 'app' })).toBe(
      'identity provider "mine" is not available for database "app"',
    )
  })

  test('fills in nothing twice, and expands no replacement pattern', () => {
    const refusal = new Refusal('role-not-allowed')
    expect(refusal.messageFor({ principal: '{user}', user: '$& $1 $`' })).toBe(
      'identity "{user}" may not log in as user "$& $1 $`"',
    )
  })

  test('shows values fit for one line', () => {
    const refusal = new Refusal('unknown-database')
    expect(refusal.messageFor({ database: 'a\r\nFATAL: \u202ex' })).toBe(
      'database "a??FATAL: ?x" does not exist',
    )
  })
})

describe('a printable value', () => {
  test.each([
    ['a newline', 'a\nb', 'a?b'],
    ['a carriage return', 'a\rb', 'a?b'],
    ['an escape', '\x1b[31mred', '?[31mred'],
    ['a NUL', 'a\0b', 'a?b'],
    ['DEL', 'a\x7fb', 'a?b'],
    ['a C1 control', 'a\x9bb', 'a?b'],
    ['a right-to-left override', 'a\u202eb', 'a?b'],
    ['a bidirectional isolate', 'a\u2066b', 'a?b'],
    ['a zero width space', 'a\u200bb', 'a?b'],
    ['a byte order mark', '\ufeffa', '?a'],
    ['a line separator', 'a\u2028b', 'a?b'],
    ['a paragraph separator', 'a\u2029b', 'a?b'],
    ['a lone surrogate', 'a\ud800b', 'a?b'],
    ['letters of any script', 'žluťoučký 漢字 ع \u{1f600}', 'žluťoučký 漢字 ع \u{1f600}'],
    ['nothing', '', ''],
  ])('of %s has no way out of its line', (_, value, shown) => {
    expect(printable(value)).toBe(shown)
  })

  test.each([
    [200, 'x'.repeat(200)],
    [201, `${'x'.repeat(200)}...`],
    [100_000, `${'x'.repeat(200)}...`],
  ])('of %d characters is cut at 200', (length, shown) => {
    expect(printable('x'.repeat(length))).toBe(shown)
  })

  test('is not cut within a character', () => {
    expect(printable(`${'x'.repeat(199)}\u{1f600}\u{1f600}`).isWellFormed()).toBe(true)
  })
})
