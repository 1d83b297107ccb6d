import { describe, expect, test } from 'vitest'
import type { Explanation } from '../../../src/cli/explanation.ts'
import { formatExplanation } from '../../../src/cli/format-explanation.ts'

const refusal: NonNullable<Explanation['refusal']> = {
  reason: 'token-expired',
  sqlstate: '28P01',
  fault: 'client',
  message: 'password authentication failed for user "app"',
  detail: 'The token expired.',
  hint: null,
  log: 'sub alice',
  meaning: 'Its time has passed.',
  remedy: 'Get a fresh token.',
}

function formatted(changes: Partial<Explanation>): string {
  return formatExplanation({
    outcome: 'granted',
    request: { user: 'app', database: 'db', from: '10.0.0.1', listener: '0.0.0.0:6432' },
    steps: [
      { check: 'pool', compared: 'a -> b', passed: true, verified: true },
      { check: 'signature', compared: 'kid "k"', passed: true, verified: true },
    ],
    pool: 'b',
    credential: 'token',
    integration: 'people',
    principal: 'alice',
    groups: ['readers'],
    role: 'app',
    console: null,
    expiresAt: null,
    refusal: null,
    ...changes,
  })
}

describe('an explanation as text', () => {
  test('has who asked, the steps in columns and the role', () => {
    expect(formatted({})).toBe(`Login as user "app" to database "db" from 10.0.0.1 at 0.0.0.0:6432:

  ok    pool       a -> b
  ok    signature  kid "k"

GRANTED: role "app", by the groups readers.
`)
  })

  test('has no groups where a role is the own one', () => {
    expect(formatted({ groups: [] })).toContain('GRANTED: role "app".\n')
  })

  test('says who decides on a membership', () => {
    const pool = { check: 'pool', compared: 'a -> b', passed: true, verified: true }
    const step = { check: 'membership', compared: 'app in ops', passed: null, verified: true }
    const text = formatted({ outcome: 'undecided', steps: [pool, step] })
    expect(text).toContain('  ?     membership  app in ops\n')
    expect(text.slice(text.indexOf('UNDECIDED'))).toBe(
      'UNDECIDED: PostgreSQL decides whether "app" is a member of a role that is named above. ' +
        'If it is, that is the role.\n',
    )
    const unverified = formatted({ outcome: 'undecided', steps: [{ ...step, verified: false }] })
    expect(unverified).toContain('If the token is genuine, the role is "app"')
    expect(unverified).toContain('And PostgreSQL decides whether "app" is a member')
  })

  test('has what failed, and what the client gets, without empty lines', () => {
    const steps = [{ check: 'times', compared: 'exp', passed: false, verified: true }]
    const text = formatted({ outcome: 'denied', role: null, steps, refusal })
    expect(text).toContain('  FAIL  times  exp\n')
    expect(text.slice(text.indexOf('DENIED'))).toBe(`DENIED: token-expired
  client gets  FATAL: 28P01: password authentication failed for user "app"
               DETAIL: The token expired.
  log has      sub alice
  meaning      Its time has passed.
  remedy       Get a fresh token.
`)
  })

  test('marks what nobody has verified, and what could not be checked', () => {
    const text = formatted({
      outcome: 'undecided',
      steps: [
        { check: 'signature', compared: 'kid', passed: null, verified: false },
        { check: 'times', compared: 'exp', passed: true, verified: false },
      ],
    })
    expect(text).toContain('  ?     signature  kid\n')
    expect(text).toContain('  ok    times      exp (not verified)\n')
    expect(text).toContain('UNDECIDED: the signature was not checked.')
    expect(text).toContain('Without --offline')
  })

  test('says that a denial holds although nothing is verified', () => {
    const steps = [{ check: 'times', compared: 'exp', passed: false, verified: false }]
    const text = formatted({ outcome: 'denied', role: null, steps, refusal })
    expect(text).toContain('  FAIL  times  exp (not verified)\n')
    expect(text).toContain('DENIED: token-expired, whoever signed the token\n')
  })

  test('has the refusal of a gate without keys', () => {
    const text = formatted({
      outcome: 'undecided',
      refusal: { ...refusal, reason: 'keys-unavailable' },
    })
    expect(text).toContain('A gate that has no keys either answers:\n  client gets  FATAL')
  })

  test('leaves a password to PostgreSQL', () => {
    expect(formatted({ outcome: 'undecided', credential: 'password', groups: [] })).toContain(
      'UNDECIDED: PostgreSQL decides on the password of user "app".',
    )
  })

  test('keeps what was asked for within its line', () => {
    const request = { user: 'a\n\x1b[2J', database: 'b\u202e', from: '::1', listener: '[::]:1' }
    expect(formatted({ request }).split('\n')[0]).toBe(
      'Login as user "a??[2J" to database "b?" from ::1 at [::]:1:',
    )
  })
})
