// What a token says of itself by which it can be revoked: its session at the provider, and when it was issued.
import { describe, expect, test } from 'vitest'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import {
  goodClaims,
  keysOf,
  makeToken,
  now,
  nowSeconds,
  signingKey,
  tokenRules,
  toJwk,
} from './tokens.ts'

const key = signingKey('one')
const rules = tokenRules(keysOf([toJwk(key)]))

describe('a token', () => {
  test.each([
    ['a session', 'sid-1', 'sid-1'],
    ['none', undefined, undefined],
    ['an empty one', '', undefined],
    ['a number, which is no session', 7, undefined],
    ['one of 255 bytes', 's'.repeat(255), 's'.repeat(255)],
    ['a longer one', 's'.repeat(256), undefined],
    ['one of two lines', 'a\nb', undefined],
  ])('that tells %s is of the session that can be signed out of', async (_, sid, expected) => {
    expect((await verifyToken(makeToken(key, { sid }), rules, now)).sid).toBe(expected)
  })

  test.each([
    ['when it was issued', goodClaims.iat, new Date((nowSeconds - 60) * 1_000)],
    ['no time', undefined, undefined],
  ])('that tells %s is as old as that', async (_, iat, expected) => {
    expect((await verifyToken(makeToken(key, { iat }), rules, now)).issuedAt).toEqual(expected)
  })
})
