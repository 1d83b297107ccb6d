import { describe, expect, test } from 'vitest'
import { allowedTypes, type TokenRules } from '../../../src/identity/token-rules.ts'
import { VerifiedTokens } from '../../../src/identity/verified-tokens.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import {
  clientId,
  goodClaims,
  type Json,
  keysOf,
  makeToken,
  now,
  nowSeconds,
  signingKey,
  tokenRules,
  toJwk,
} from './tokens.ts'

const key = signingKey('one')
const keys = keysOf([toJwk(key)])

/** `admitted`, or the reason and what the client is told. */
async function outcomeOf(claims: Json, demands: Partial<TokenRules>, header: Json = {}) {
  const verified = verifyToken(makeToken(key, claims, header), tokenRules(keys, demands), now)
  return verified.then(
    () => 'admitted',
    (refusal: unknown) => refusal,
  )
}

describe('a limit to the age of a token', () => {
  const hour = { maxTokenAgeMs: 3_600_000, leewayMs: 30_000 }

  test.each([
    ['just issued', nowSeconds],
    ['as old as the limit', nowSeconds - 3_600],
    ['older, within the leeway', nowSeconds - 3_629],
  ])('admits one %s', async (_, iat) => {
    expect(await outcomeOf({ iat }, hour)).toBe('admitted')
  })

  test('refuses one that is older, whenever it expires', async () => {
    expect(await outcomeOf({ iat: nowSeconds - 3_630 }, hour)).toMatchObject({
      reason: 'token-expired',
      clientDetail:
        'The token was issued at 2026-03-01T10:59:30.000Z, 3630 seconds ago, and at most 3600 are accepted.',
      logDetail: 'sub auth0|alice',
    })
    expect(await outcomeOf({ iat: -1e308 }, hour)).toMatchObject({ reason: 'token-expired' })
  })

  test('refuses one that does not say when it was issued', async () => {
    expect(await outcomeOf({ iat: undefined }, hour)).toMatchObject({
      reason: 'token-claim',
      clientDetail: 'The token has no claim "iat", and its age is limited.',
    })
    expect(await outcomeOf({ iat: undefined }, {})).toBe('admitted')
  })

  test('holds for a token that is remembered', async () => {
    const tokens = new VerifiedTokens(
      tokenRules(keys, { maxTokenAgeMs: 60_000, leewayMs: 0 }),
      65_536,
    )
    const token = makeToken(key, { iat: nowSeconds - 50 })
    await tokens.verify(token, now)
    const later = new Date(now.getTime() + 10_000)
    await expect(tokens.verify(token, later)).rejects.toMatchObject({ reason: 'token-expired' })
  })
})

describe('the allowed types', () => {
  const accessTokens = { allowedTypes: allowedTypes(['application/at+JWT']) }

  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt'])('admit %s', async (typ) => {
    expect(await outcomeOf({}, accessTokens, { typ })).toBe('admitted')
  })

  test.each([
    ['JWT', 'The token is of type "JWT".'],
    ['none', 'The token is of type "none".'],
    ['text/at+jwt', 'The token is of type "text/at+jwt".'],
    ['application/x/at+jwt', 'The token is of type "application/x/at+jwt".'],
    [undefined, 'The token has no type.'],
    [['at+jwt'], 'The token is of type "at+jwt".'],
  ])('do not admit %j', async (typ, clientDetail) => {
    const refusal = await outcomeOf({}, accessTokens, { typ })
    expect(refusal).toMatchObject({ reason: 'token-type', clientDetail })
  })

  test('tell a token without a type from one whose type is called none', async () => {
    const untyped = { allowedTypes: allowedTypes(['none']) }
    expect(await outcomeOf({}, untyped, { typ: undefined })).toBe('admitted')
    expect(await outcomeOf({}, untyped, { typ: 'none' })).toMatchObject({ reason: 'token-type' })
  })
})

describe('strict audiences', () => {
  const strict = { strictAudiences: true }

  test.each([
    ['ours alone', clientId],
    ['ours in an array', [clientId]],
    ['several of ours', [clientId, 'https://db.example']],
  ])('admit %s', async (_, aud) => {
    expect(await outcomeOf({ aud }, strict)).toBe('admitted')
  })

  test.each([
    ['another first', ['https://other.example', clientId]],
    ['another last', [clientId, 'https://other.example']],
    ['something that is no string', [clientId, null]],
  ])('do not admit %s', async (_, aud) => {
    expect(await outcomeOf({ ...goodClaims, aud }, strict)).toMatchObject({
      reason: 'token-audience',
    })
    expect(await outcomeOf({ ...goodClaims, aud }, {})).toBe('admitted')
  })
})
