// A regular expression of RE2 takes linear time, and JavaScript makes it a slow one.
import { RE2JS } from 're2js'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import type { TokenRules } from '../../../src/identity/token-rules.ts'
import { type Json, keysOf, makeToken, now, signingKey, tokenRules, toJwk } from './tokens.ts'

const key = signingKey('one')
const keys = keysOf([toJwk(key)])

async function reasonOf(claims: Json, demands: Partial<TokenRules>): Promise<string> {
  return verifyToken(makeToken(key, claims), tokenRules(keys, demands), now).then(
    () => 'admitted',
    (error: unknown) => (error instanceof Refusal ? error.reason : String(error)),
  )
}

describe('a required claim with a pattern', () => {
  const pattern = RE2JS.compile('a+')
  const requiredClaims = [{ name: 'x', expected: pattern }]
  const longest = Math.floor(200_000 / pattern.programSize())
  const a = (length: number): string => 'a'.repeat(length)
  const b = (length: number): string => 'b'.repeat(length)

  test.each<[string, unknown, string]>([
    ['is met by a value as long as may be', a(longest), 'admitted'],
    ['is not met by a longer one', a(longest + 1), 'token-claim'],
    ['is met by an entry behind one that is too long', [a(longest + 1), 'a'], 'admitted'],
    ['is met while there is time left', [b(longest - 5), a(5)], 'admitted'],
    ['is not met when there is none', [b(longest - 5), a(6)], 'token-claim'],
    ['is not met by what is no text, however much', [5, {}, null, ['a']], 'token-claim'],
    [
      'is met by one of a thousand groups',
      [...Array.from({ length: 999 }, () => 'beta'), 'a'],
      'admitted',
    ],
  ])('%s', async (_, x, outcome) => {
    expect(await reasonOf({ x }, { requiredClaims })).toBe(outcome)
  })

  test('costs more with a larger pattern', async () => {
    const larger = {
      requiredClaims: [{ name: 'x', expected: RE2JS.compile('(?:a{1,5}){1,50}a*') }],
    }
    expect(await reasonOf({ x: a(300) }, larger)).toBe('admitted')
    expect(await reasonOf({ x: a(2_000) }, larger)).toBe('token-claim')
    expect(await reasonOf({ x: a(2_000) }, { requiredClaims })).toBe('admitted')
  })

  test('is not bounded where a value is expected, and not a pattern', async () => {
    const exact = { requiredClaims: [{ name: 'x', expected: a(40_000) }] }
    expect(await reasonOf({ x: a(40_000) }, exact)).toBe('admitted')
  })
})

describe('the names of one principal', () => {
  const byList = { principalClaim: 'names' }
  const hundred = Array.from({ length: 100 }, (_, i) => `n${i}`)
  /** Eight names of 255 bytes are 2,040. */
  const long = Array.from({ length: 8 }, (_, i) => `${i}`.padEnd(255, 'x'))

  test.each<[string, unknown, string]>([
    ['may be a hundred', hundred, 'admitted'],
    ['may not be a hundred and one', [...hundred, 'more'], 'token-claim'],
    ['may be a hundred, each many times', [...hundred, ...hundred], 'admitted'],
    ['may have 2,048 bytes between them', [...long, 'y'.repeat(8)], 'admitted'],
    ['may not have 2,049', [...long, 'y'.repeat(9)], 'token-claim'],
    ['are counted in bytes', [...long, 'é'.repeat(5)], 'token-claim'],
  ])('%s', async (_, names, outcome) => {
    expect(await reasonOf({ names }, byList)).toBe(outcome)
  })
})
