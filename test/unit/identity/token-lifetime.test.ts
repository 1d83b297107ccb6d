// Until when a verified token is believed without being looked at again.
import { describe, expect, test } from 'vitest'
import { readIdentity } from '../../../src/identity/token-identity.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { goodClaims, issuer, keysOf, makeToken, now, nowSeconds } from './tokens.ts'
import { signingKey, tokenRules, toJwk } from './tokens.ts'

const key = signingKey('one')
const keys = keysOf([toJwk(key)])

describe('a token is good', () => {
  test.each([
    ['until it expires, where its age is not limited', {}, undefined, goodClaims.exp],
    ['until it is too old', { iat: nowSeconds - 60 }, 300_000, nowSeconds + 240],
    ['no longer than it says itself', { iat: nowSeconds }, 86_400_000, goodClaims.exp],
    ['until both come together', { iat: goodClaims.exp - 900 }, 900_000, goodClaims.exp],
  ])('%s', async (_, claims, maxTokenAgeMs, seconds) => {
    const rules = tokenRules(keys, { maxTokenAgeMs })
    const { goodUntil } = await verifyToken(makeToken(key, claims), rules, now)
    expect(goodUntil).toEqual(new Date(seconds * 1_000))
  })
})

test.each<[string, Record<string, unknown>, Record<string, string>]>([
  ['that is missing', {}, { claim: 'email', issuer }],
  ['that is null', { email: null }, { claim: 'email', issuer, value: 'null' }],
  ['that is a list', { email: [[]] }, { claim: 'email', issuer, value: '(array)' }],
])('a principal claim %s is told', (_, claims, values) => {
  const rules = tokenRules(keys, { principalClaim: 'email' })
  expect(() => readIdentity({ ...goodClaims, ...claims }, issuer, rules)).toThrow(
    expect.objectContaining({ reason: 'token-claim', values }) as Error,
  )
})

test('claims without expiry or subject name nobody', () => {
  const rules = tokenRules(keys)
  for (const claims of [{ sub: 'alice' }, { exp: goodClaims.exp }]) {
    expect(() => readIdentity(claims, issuer, rules)).toThrow(
      expect.objectContaining({ reason: 'token-claim' }) as Error,
    )
  }
})
