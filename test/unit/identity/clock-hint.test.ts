import { describe, expect, test } from 'vitest'
import { withClockHint } from '../../../src/identity/clock-hint.ts'
import { KeyCache } from '../../../src/identity/key-cache.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { type Reason, Refusal } from '../../../src/refusal.ts'
import { createLocalJWKSet } from 'jose'
import { issuer, makeToken, now, nowSeconds, signingKey, toJwk, tokenRules } from './tokens.ts'

const leewayMs = 30_000

function hinted(reason: Reason, aheadMs: number | undefined): Refusal {
  const plain = new Refusal(reason, { clientDetail: 'Since then.', logDetail: 'sub alice' })
  const error = withClockHint(plain, aheadMs, leewayMs)
  if (!(error instanceof Refusal)) throw new Error('not a refusal any more')
  expect(error).toMatchObject({ reason, clientDetail: 'Since then.' })
  return error
}

describe('a refusal by the times of a token', () => {
  test.each<[Reason, number, string]>([
    ['token-expired', -30_001, '30.001 seconds ahead of'],
    ['token-expired', -90_000, '90 seconds ahead of'],
    ['token-not-yet-valid', 30_001, '30.001 seconds behind'],
    ['token-not-yet-valid', 90_000, '90 seconds behind'],
  ])('%s says that the clocks differ by %d ms', (reason, aheadMs, difference) => {
    const told = `the clock of the gateway was at least ${difference} that of the identity provider`
    const refusal = hinted(reason, aheadMs)
    expect(refusal.hint).toContain(told)
    expect(refusal.logDetail).toContain(`sub alice; ${told}`)
  })

  test.each<[Reason, number | undefined]>([
    ['token-expired', -30_000],
    ['token-expired', 0],
    ['token-expired', 90_000],
    ['token-expired', undefined],
    ['token-not-yet-valid', 30_000],
    ['token-not-yet-valid', -90_000],
    ['token-not-yet-valid', undefined],
    ['token-audience', -90_000],
    ['token-audience', 90_000],
    ['token-signature', -90_000],
  ])('%s says nothing of clocks that differ by %s ms', (reason, aheadMs) => {
    const refusal = hinted(reason, aheadMs)
    expect(refusal.hint).toBe(new Refusal(reason).hint)
    expect(refusal.logDetail).toBe('sub alice')
  })

  test('without a word for the log has this one', () => {
    const refusal = withClockHint(new Refusal('token-not-yet-valid'), 90_000, leewayMs)
    expect(refusal).toMatchObject({
      logDetail: expect.stringMatching(/^the clock of the gateway/) as string,
    })
  })

  test('keeps its cause', () => {
    const cause = new Error('the library')
    const refusal = withClockHint(new Refusal('token-expired', { cause }), -90_000, leewayMs)
    expect(refusal).toMatchObject({ cause, hint: expect.stringContaining('90 seconds') as string })
  })

  test.each([new Error('bug'), undefined])('is left as it is where it is a bug: %s', (bug) => {
    expect(withClockHint(bug, -90_000, leewayMs)).toBe(bug)
  })
})

describe('a token', () => {
  const key = signingKey('one')

  async function hintOf(token: string, clockAheadMs: number): Promise<string | undefined> {
    const keys = new KeyCache({
      issuer,
      fetch: async () =>
        Promise.resolve({
          issuer,
          clockAheadMs,
          findKey: createLocalJWKSet({ keys: [{ kty: '', ...toJwk(key) }] }),
        }),
      observer: { keysRefreshed() {}, unknownKey() {} },
    })
    const error: unknown = await verifyToken(token, tokenRules(keys), now).catch(
      (thrown: unknown) => thrown,
    )
    return error instanceof Refusal ? `${error.reason}: ${error.hint ?? ''}` : undefined
  }

  const old = { exp: nowSeconds - 60 }

  test.each([
    ['that expired', old, -90_000, /^token-expired: .* 90 seconds ahead of/],
    [
      'that is not valid yet',
      { nbf: nowSeconds + 60 },
      90_000,
      /^token-not-yet.* 90 seconds behind/,
    ],
    [
      'that is of the future',
      { iat: nowSeconds + 60 },
      90_000,
      /^token-not-yet.* 90 seconds behind/,
    ],
    ['that expired, where the clocks agree', old, 0, /^token-expired: Get a fresh token/],
    ['of another audience', { aud: 'other' }, -90_000, /^token-audience: (?!.*clock)/],
  ])('%s is told of the clocks as far as they explain it', async (_, claims, aheadMs, told) => {
    expect(await hintOf(makeToken(key, claims), aheadMs)).toMatch(told)
  })

  test('that is forged is told nothing of clocks', async () => {
    const forged = makeToken({ ...signingKey('one'), kid: 'one' }, old)
    expect(await hintOf(forged, -90_000)).toMatch(/^token-signature: (?!.*clock)/)
  })
})
