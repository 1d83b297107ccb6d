import { RE2JS } from 're2js'
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
    const profile = { client_id: clientId, jti: 'id-1' }
    expect(await outcomeOf(profile, accessTokens, { typ })).toBe('admitted')
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

describe('required claims', () => {
  const pattern = RE2JS.compile('[a-z]+@example\\.com')
  const requiring = (name: string, expected: string | number | boolean | RE2JS) => ({
    requiredClaims: [{ name, expected }],
  })

  test.each<[string, Json, string, string | number | boolean | RE2JS]>([
    ['a string', { hd: 'example.com' }, 'hd', 'example.com'],
    ['a number', { level: 2 }, 'level', 2],
    ['a truth value', { email_verified: true }, 'email_verified', true],
    ['one entry of a list', { amr: ['pwd', 'mfa'] }, 'amr', 'mfa'],
    ['something deeper', { ext: { tenant: 'a' } }, '/ext/tenant', 'a'],
    ['what a pattern matches', { email: 'alice@example.com' }, 'email', pattern],
    ['an entry that a pattern matches', { emails: [5, 'a@example.com'] }, 'emails', pattern],
  ])('are met by %s', async (_, claims, name, expected) => {
    expect(await outcomeOf(claims, requiring(name, expected))).toBe('admitted')
  })

  test.each<[string, Json, string, string | number | boolean | RE2JS]>([
    ['nothing', {}, 'hd', 'example.com'],
    ['another value', { hd: 'Example.com' }, 'hd', 'example.com'],
    ['a number in text', { level: '2' }, 'level', 2],
    ['text for a truth value', { email_verified: 'true' }, 'email_verified', true],
    ['an empty list', { amr: [] }, 'amr', 'mfa'],
    ['a list in a list', { amr: [['mfa']] }, 'amr', 'mfa'],
    ['an object', { amr: { mfa: true } }, 'amr', 'mfa'],
    ['a match at the beginning', { email: 'a@example.com.evil' }, 'email', pattern],
    ['a match at the end', { email: 'evil a@example.com' }, 'email', pattern],
    ['a match in one of several lines', { email: 'x\na@example.com' }, 'email', pattern],
    ['what every object inherits', {}, 'constructor', RE2JS.compile('.*')],
  ])('are not met by %s', async (_, claims, name, expected) => {
    expect(await outcomeOf(claims, requiring(name, expected))).toMatchObject({
      reason: 'token-claim',
      clientDetail: `The claim "${name}" is missing or does not have a value that is accepted.`,
      logDetail: 'sub auth0|alice',
    })
  })

  test('must all be met', async () => {
    const requiredClaims = [
      { name: 'a', expected: 1 },
      { name: 'b', expected: 2 },
    ]
    expect(await outcomeOf({ a: 1, b: 2 }, { requiredClaims })).toBe('admitted')
    expect(await outcomeOf({ a: 1 }, { requiredClaims })).toMatchObject({ reason: 'token-claim' })
    expect(await outcomeOf({ b: 2 }, { requiredClaims })).toMatchObject({ reason: 'token-claim' })
  })
})

describe('the accepted acr', () => {
  const requiredAcr = ['gold', 'silver']

  test.each(['gold', 'silver'])('admit %s', async (acr) => {
    expect(await outcomeOf({ acr }, { requiredAcr })).toBe('admitted')
  })

  test.each([undefined, 'bronze', 'Gold', ['gold'], 1])('do not admit %j', async (acr) => {
    expect(await outcomeOf({ acr }, { requiredAcr })).toMatchObject({
      reason: 'token-claim',
      clientDetail: 'The claim "acr" is missing or does not have a value that is accepted.',
    })
  })
})
