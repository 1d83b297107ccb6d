import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { TokenRules } from '../../../src/identity/token-rules.ts'
import { logoutEvent, verifyLogoutToken } from '../../../src/identity/verify-logout-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import {
  clientId,
  issuer,
  type Json,
  keysOf,
  makeToken,
  now,
  signingKey,
  tokenRules,
  toJwk,
} from './tokens.ts'

const key = signingKey('one')
const rules = tokenRules(keysOf([toJwk(key)]), { leewayMs: 30_000 })
const nowSeconds = Math.floor(now.getTime() / 1_000)

const good: Json = {
  iss: issuer,
  aud: clientId,
  iat: nowSeconds,
  exp: nowSeconds + 120,
  jti: 'one',
  sub: 'auth0|alice',
  sid: 'sid-1',
  events: { [logoutEvent]: {} },
}

/** As the good one, but with these claims; undefined leaves one out. */
function tokenWith(claims: Json = {}, header: Json = { typ: 'logout+jwt' }): string {
  const all = { nonce: undefined, azp: undefined, nbf: undefined, ...good, ...claims }
  return makeToken(key, all, header)
}

async function refusalOf(token: string, its: TokenRules = rules): Promise<Refusal> {
  const outcome = await verifyLogoutToken(token, its, now).catch((error: unknown) => error)
  if (outcome instanceof Refusal) return outcome
  throw new Error(`not refused: ${JSON.stringify(outcome)}`)
}

describe('a logout token', () => {
  test('says who has signed out of which session', async () => {
    expect(await verifyLogoutToken(tokenWith(), rules, now)).toEqual({
      issuer,
      subject: 'auth0|alice',
      sid: 'sid-1',
      issuedAtMs: nowSeconds * 1_000,
      tokenIdHash: createHash('sha256').update('one').digest('hex'),
      freshUntilMs: (nowSeconds + 300) * 1_000 + 30_000,
    })
  })

  test.each<[string, Json, Json]>([
    ['a subject alone', { sid: undefined }, { subject: 'auth0|alice', sid: undefined }],
    ['a session alone', { sub: undefined }, { subject: undefined, sid: 'sid-1' }],
    ['several audiences', { aud: ['other', clientId] }, { subject: 'auth0|alice' }],
    ['more in the event', { events: { [logoutEvent]: { a: 1 }, other: 1 } }, { sid: 'sid-1' }],
    ['an age of five minutes', { iat: nowSeconds - 330 }, { sid: 'sid-1' }],
    ['an iat within the leeway', { iat: nowSeconds + 30 }, { sid: 'sid-1' }],
  ])('is good with %s', async (_, claims, expected) => {
    expect(await verifyLogoutToken(tokenWith(claims), rules, now)).toMatchObject(expected)
  })

  test.each<[Json]>([
    [{}],
    [{ typ: 'JWT' }],
    [{ typ: 'application/logout+jwt' }],
    [{ typ: 'LOGOUT+JWT' }],
  ])('is good with the header %j', async (header) => {
    await expect(verifyLogoutToken(tokenWith({}, header), rules, now)).resolves.toBeDefined()
  })

  test.each<[string, string, Json, Json?]>([
    ['an ID token', 'token-claim', { events: undefined }],
    ['of another event', 'token-claim', { events: { 'http://other': {} } }],
    ['with an event that is none', 'token-claim', { events: { [logoutEvent]: true } }],
    ['with a list of events', 'token-claim', { events: [logoutEvent] }],
    ['with a nonce', 'token-claim', { nonce: 'n' }],
    ['with a nonce of null', 'token-claim', { nonce: null }],
    ['about nobody', 'token-claim', { sub: undefined, sid: undefined }],
    ['of an empty subject', 'token-claim', { sub: '' }],
    ['of a number', 'token-claim', { sub: 7 }],
    ['of an empty session', 'token-claim', { sid: '' }],
    ['of a session too long to be one', 'token-claim', { sid: 'x'.repeat(256) }],
    ['of a session of null', 'token-claim', { sid: null }],
    ['without an id', 'token-claim', { jti: undefined }],
    ['with an empty id', 'token-claim', { jti: '' }],
    ['with an id of another type', 'token-claim', { jti: 1 }],
    ['without a time', 'token-claim', { iat: undefined }],
    ['without an end', 'token-claim', { exp: undefined }],
    ['that has expired', 'token-expired', { exp: nowSeconds - 30 }],
    ['of long ago', 'token-expired', { iat: nowSeconds - 331 }],
    ['of the future', 'token-claim', { iat: nowSeconds + 31 }],
    ['for another client', 'token-audience', { aud: 'another' }],
    ['of another issuer', 'token-issuer', { iss: 'https://elsewhere.example.com' }],
    ['that says that it is an access token', 'token-type', {}, { typ: 'at+jwt' }],
    ['of a type that is no text', 'token-type', {}, { typ: 7 }],
    ['by an algorithm that is not allowed', 'token-algorithm', {}, { alg: 'HS256' }],
    ['by a key that is not the issuer’s', 'token-unknown-key', {}, { kid: 'two' }],
  ])('%s is refused', async (_, reason, claims, header = { typ: 'logout+jwt' }) => {
    expect((await refusalOf(tokenWith(claims, header))).reason).toBe(reason)
  })

  test('with an audience of ours that is not the client is refused', async () => {
    const its = { ...rules, additionalAudiences: ['api'] }
    expect((await refusalOf(tokenWith({ aud: 'api' }), its)).reason).toBe('token-audience')
  })

  test('whose signature is not of its content is refused', async () => {
    const [header, , signature] = tokenWith().split('.')
    const claims = tokenWith({ sub: 'auth0|bob' }).split('.')[1]
    expect((await refusalOf([header, claims, signature].join('.'))).reason).toBe('token-signature')
  })

  test.each([
    ['nothing', ''],
    ['something else', 'eyJ'],
    ['two segments', 'e30.e30'],
  ])('that is %s is refused', async (_, token) => {
    expect((await refusalOf(token)).reason).toBe('token-malformed')
  })

  test('is not read where it is too long', async () => {
    const short = tokenWith({ filler: '' }).length
    const fill = (bytes: number): string => {
      let length = Math.floor(((bytes - short) * 3) / 4)
      let token = tokenWith({ filler: 'f'.repeat(length) })
      while (token.length < bytes) token = tokenWith({ filler: 'f'.repeat(++length) })
      return token
    }
    const longest = fill(16_381)
    expect(longest.length).toBeLessThanOrEqual(16_384)
    await expect(verifyLogoutToken(longest, rules, now)).resolves.toBeDefined()
    expect((await refusalOf(fill(16_385))).reason).toBe('token-malformed')
  })

  test('is for a client', async () => {
    const its = { ...rules, clientId: undefined }
    await expect(verifyLogoutToken(tokenWith(), its, now)).rejects.toThrow(/for a client/)
  })
})
