import { describe, expect, test } from 'vitest'
import { until } from '../../../src/credentials/deadline.ts'
import { makeGrant } from '../../../src/credentials/make-grant.ts'
import { CredentialProblem } from '../../../src/credentials/problem.ts'
import { grantFrom } from '../../../src/credentials/sources/provider.ts'
import type { GrantedTokens } from '../../../src/identity/granted-tokens.ts'

const now = 1_800_000_000_000
const seconds = now / 1_000

function jwt(claims: object): string {
  return `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`
}

describe('a token', () => {
  test('says itself until when it is good, since when, and whose it is', () => {
    const token = jwt({ exp: seconds + 60, iat: seconds - 1, sub: 'a', email: 'a@example.com' })
    expect(makeGrant(token, { expiresAt: now + 1 }, 'x', now)).toEqual({
      token,
      issuedAt: now - 1_000,
      expiresAt: now + 60_000,
      principal: 'a@example.com',
    })
  })

  test.each<[string, string, { expiresAt?: number }, number]>([
    ['as it is said of it', 'opaque', { expiresAt: now + 7 }, now + 7],
    ['as it is said of it', jwt({ sub: 'a' }), { expiresAt: now + 7 }, now + 7],
    ['for five minutes', 'opaque', {}, now + 300_000],
    ['for five minutes', jwt({ exp: 'tomorrow' }), {}, now + 300_000],
  ])('that does not say so is good %s', (_, token, facts, expiresAt) => {
    expect(makeGrant(token, facts, 'x', now)).toMatchObject({ expiresAt, issuedAt: now })
  })

  test('is kept with what was said beside it', () => {
    const facts = { refreshToken: 'again', principal: 'alice' }
    expect(makeGrant(jwt({ sub: 'a' }), facts, 'x', now)).toMatchObject(facts)
  })

  test.each([
    ['nothing', ''],
    ['a line end', 'a\nb'],
    ['a blank', 'a b'],
    ['a zero byte', 'a\0'],
    ['other letters', 'é'],
    ['more than a password may be', 'a'.repeat(60_001)],
  ])('is none with %s, and is not told', (_, token) => {
    let problem: unknown
    try {
      makeGrant(token, {}, 'the program', now)
    } catch (error) {
      problem = error
    }
    expect(problem).toBeInstanceOf(CredentialProblem)
    const { message } = problem as CredentialProblem
    expect(message).toMatch(/^the program gave /)
    expect(message.length).toBeLessThan(80)
  })

  test('may be as long as a password may be', () => {
    expect(makeGrant('a'.repeat(60_000), {}, 'x', now).token).toHaveLength(60_000)
  })
})

describe('of the tokens of a provider', () => {
  const idToken = jwt({ sub: 'a', email: 'a@example.com', exp: seconds + 60 })
  const tokens: GrantedTokens = {
    token: idToken,
    idToken,
    accessToken: 'opaque',
    refreshToken: 'again',
    expiresInMs: 1_000,
  }
  const issuer = 'https://auth.example.com'

  test('the ID token is kept, with its own end', () => {
    const grant = grantFrom(tokens, { issuer, use: 'id_token' }, now)
    expect(grant).toMatchObject({ token: idToken, expiresAt: now + 60_000, refreshToken: 'again' })
  })

  test('the access token is kept where it is wanted, with the end that is said of it', () => {
    const grant = grantFrom(tokens, { issuer, use: 'access_token' }, now)
    expect(grant).toMatchObject({
      token: 'opaque',
      expiresAt: now + 1_000,
      principal: 'a@example.com',
    })
  })

  test('the end of an access token is not that of an ID token without one', () => {
    const endless = { ...tokens, idToken: jwt({ sub: 'a' }) }
    const grant = grantFrom(endless, { issuer, use: 'id_token' }, now)
    expect(grant.expiresAt).toBe(now + 300_000)
  })

  test('the refresh token stays what it was where there is no other, and so does who it is', () => {
    const last = { token: 'x', issuedAt: 0, expiresAt: 0, refreshToken: 'before', principal: 'a' }
    const fewer = { ...tokens, idToken: undefined, refreshToken: undefined }
    expect(grantFrom(fewer, { issuer, use: 'access_token' }, now, last)).toMatchObject({
      refreshToken: 'before',
      principal: 'a',
    })
    expect(grantFrom(tokens, { issuer, use: 'access_token' }, now, last)).toMatchObject({
      refreshToken: 'again',
    })
  })

  test.each([
    ['', undefined],
    [' for the refresh token', { token: 'x', issuedAt: 0, expiresAt: 0, refreshToken: 'before' }],
  ])('no ID token%s is a problem that says what to do', (says, last) => {
    const without = { ...tokens, idToken: undefined }
    const run = (): unknown => grantFrom(without, { issuer, use: 'id_token' }, now, last)
    expect(run).toThrow(`${issuer} gave no ID token${says}`)
    expect(run).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('--access-token') as string }),
    )
  })
})

describe('work that is waited for', () => {
  const never = new Promise<never>(() => {})

  test('is what it comes to where it is done', async () => {
    expect(await until(Promise.resolve(1), new AbortController().signal)).toBe(1)
    const error = new Error('x')
    await expect(until(Promise.reject(error), new AbortController().signal)).rejects.toBe(error)
  })

  test.each([
    ['stopped', () => AbortSignal.abort(), 'failed'],
    ['late', () => AbortSignal.timeout(5), 'unreachable'],
  ])('is a problem where it is %s', async (_, signal, kind) => {
    await expect(until(never, signal())).rejects.toMatchObject({ kind })
  })

  test('says why it was stopped where that is known', async () => {
    const why = new CredentialProblem('refused', 'x')
    await expect(until(never, AbortSignal.abort(why))).rejects.toBe(why)
  })
})
