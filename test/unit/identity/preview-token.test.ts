import { describe, expect, test } from 'vitest'
import { describeCheck } from '../../../src/identity/describe-check.ts'
import type { TokenCheck } from '../../../src/identity/token-check.ts'
import type { TokenRules } from '../../../src/identity/token-rules.ts'
import { previewToken, verifyToken } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import { readUnverified } from '../../../src/identity/token-shape.ts'
import {
  type Json,
  keysOf,
  makeToken,
  now,
  nowSeconds,
  signingKey,
  tokenRules,
  toJwk,
} from './tokens.ts'

const key = signingKey('ec')
const stranger = signingKey('ec')
const rules = tokenRules(keysOf([toJwk(key)]))

interface Outcome {
  readonly begun: readonly TokenCheck[]
  readonly reason?: string
  readonly name?: string
}

async function verify(token: string): Promise<Outcome> {
  const begun: TokenCheck[] = []
  try {
    const {
      names: [name],
    } = await verifyToken(token, rules, now, (check) => begun.push(check))
    return { begun, ...(name !== undefined && { name }) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { begun, reason: error.reason }
  }
}

function preview(token: string): Outcome {
  const begun: TokenCheck[] = []
  try {
    const {
      names: [name],
    } = previewToken(token, rules, now, (check) => begun.push(check))
    return { begun, ...(name !== undefined && { name }) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { begun, reason: error.reason }
  }
}

describe('the checks of a token', () => {
  test.each<[string, Json, Json, TokenCheck, string]>([
    ['alg', {}, { alg: 'HS256' }, 'algorithm', 'token-algorithm'],
    ['iss', { iss: 'https://other.example' }, {}, 'issuer', 'token-issuer'],
    ['kid', {}, { kid: 'unknown' }, 'signature', 'token-unknown-key'],
    ['aud', { aud: 'other' }, {}, 'audience', 'token-audience'],
    ['no aud', { aud: undefined }, {}, 'audience', 'token-audience'],
    ['exp', { exp: nowSeconds - 60 }, {}, 'times', 'token-expired'],
    ['no exp', { exp: undefined }, {}, 'times', 'token-claim'],
    ['nbf', { nbf: nowSeconds + 60 }, {}, 'times', 'token-not-yet-valid'],
    ['nbf that is text', { nbf: 'soon' }, {}, 'times', 'token-claim'],
    ['iat', { iat: nowSeconds + 60 }, {}, 'times', 'token-not-yet-valid'],
    ['typ', {}, { typ: 'logout+jwt' }, 'type', 'token-type'],
    ['azp', { azp: 'other' }, {}, 'authorized party', 'token-authorized-party'],
    ['no sub', { sub: undefined }, {}, 'principal claim', 'token-claim'],
    ['an empty sub', { sub: '' }, {}, 'principal claim', 'token-claim'],
  ])('end with the one that failed: %s', async (_, claims, header, check, reason) => {
    const outcome = await verify(makeToken(key, claims, header, 'ES256'))
    expect(outcome.reason).toBe(reason)
    expect(outcome.begun.at(-1)).toBe(check)
  })

  test('all begin for a token that logs in', async () => {
    expect((await verify(makeToken(key))).begun).toEqual([
      ...['format', 'algorithm', 'keys', 'issuer', 'signature', 'audience', 'times'],
      ...['type', 'kind', 'authorized party', 'principal claim'],
    ])
  })
})

describe('a preview', () => {
  test.each<[string, Json, Json]>([
    ['good', {}, {}],
    ['of another issuer', { iss: 'https://other.example' }, {}],
    ['without an issuer', { iss: undefined }, {}],
    ['for another audience', { aud: 'other' }, {}],
    ['expired', { exp: nowSeconds - 60 }, {}],
    ['expired within the leeway', { exp: nowSeconds - 10 }, {}],
    ['without an end', { exp: undefined }, {}],
    ['of the future', { nbf: nowSeconds + 60 }, {}],
    ['issued in the future', { iat: nowSeconds + 60 }, {}],
    ['for a logout', {}, { typ: 'logout+jwt' }],
    ['of another client', { azp: 'other' }, {}],
    ['of nobody', { sub: undefined }, {}],
  ])('of a token that is %s says what verification says', async (_, claims, header) => {
    const token = makeToken(key, claims, header)
    const { begun, ...outcome } = preview(token)
    const { begun: all, ...expected } = await verify(token)
    expect(outcome).toEqual(expected)
    expect(begun).toEqual(all.slice(3))
  })

  test('does not look at the signature, and proves nothing', () => {
    const forged = makeToken(stranger, {}, { kid: 'ec' })
    const identity = previewToken(forged, rules, now, () => {})
    expect(identity.names).toEqual(['auth0|alice'])
    // A principal has a mark that only verification gives.
    expect(Object.getOwnPropertySymbols(identity)).toEqual([])
  })

  test('of what is no token is refused', () => {
    expect(preview('eyJhbGciOiJSUzI1NiJ9')).toMatchObject({ reason: 'token-malformed' })
  })

  test('lets the issuer differ in one slash, as its discovery document may', () => {
    const token = makeToken(key, { iss: `${rules.keys.issuer}/` })
    expect(preview(token)).toMatchObject({ name: 'auth0|alice' })
  })
})

describe('what a check compares', () => {
  function describeOf(check: TokenCheck, claims: Json = {}, more = {}): string {
    return describeCheck(check, readUnverified(makeToken(key, claims))!, { ...rules, ...more }, now)
  }

  test.each<[TokenCheck, Json, string]>([
    ['issuer', { iss: 5 }, 'iss "5", issuer "https://issuer.example"'],
    ['signature', {}, 'kid "ec" among the keys of the issuer'],
    ['audience', { aud: ['a', 'b'] }, 'aud "a", "b" among "portcullis", "https://db.example"'],
    ['audience', { aud: undefined }, 'aud (none) among "portcullis", "https://db.example"'],
    ['type', {}, 'typ "JWT"'],
    ['authorized party', {}, 'azp "portcullis", client_id "portcullis"'],
    ['principal claim', { sub: 'a\n\u202eb' }, 'sub "a??b"'],
  ])('is said of the %s of %j', (check, claims, said) => {
    expect(describeOf(check, claims)).toBe(said)
  })

  test.each<[Json, string]>([
    [
      {},
      'exp 2026-03-01T12:10:00.000Z (in 10 min 0 s); iat 2026-03-01T11:59:00.000Z (1 min 0 s ago)',
    ],
    [{ exp: nowSeconds + 100_000, iat: undefined }, 'exp 2026-03-02T15:46:40.000Z (in 1 d 3 h)'],
    [{ exp: nowSeconds, iat: undefined }, 'exp 2026-03-01T12:00:00.000Z (in 0 s)'],
    [{ exp: nowSeconds + 59, iat: undefined }, 'exp 2026-03-01T12:00:59.000Z (in 59 s)'],
    [{ exp: 'soon', iat: undefined }, 'exp "soon"'],
    [{ exp: undefined, iat: undefined }, 'exp (none)'],
    [{ exp: 1e300, iat: undefined }, 'exp "1e+300"'],
  ])('is said of the times of %j', (claims, said) => {
    expect(describeOf('times', claims)).toBe(`${said}; leeway 30 s`)
  })

  test('is no audience either where none need be said', () => {
    const said = describeOf('audience', { aud: undefined }, { allowsNoAudience: true })
    expect(said).toBe('aud (none) among "portcullis", "https://db.example", or none')
  })

  test('is no authorized party where the integration has no client', () => {
    const said = describeOf('authorized party', {}, { clientId: undefined })
    expect(said).toBe('the integration has no client_id')
  })

  test.each(['format', 'keys', 'principal claim'] as const)(
    'can be said of rubbish, which tells nothing: %s',
    (check) => {
      expect(describeCheck(check, { header: {}, claims: {} }, rules, now)).toMatch(/^\S/)
    },
  )
})

describe('a demand that not every integration makes', () => {
  test.each([
    [
      'an audience that is not ours beside one that is',
      { strictAudiences: true },
      { aud: ['portcullis', 'another'] },
      'other audiences',
      'token-audience',
      'aud "portcullis", "another", none but "portcullis", "https://db.example"',
    ],
    [
      'a claim without its value',
      { requiredClaims: [{ name: 'department', expected: 'sales' }], requiredAcr: ['mfa'] },
      { department: 'kitchen' },
      'required claims',
      'token-claim',
      'department "kitchen"; acr (none)',
    ],
    [
      'a binding that cannot be proved',
      {},
      { cnf: { jkt: 'x' } },
      'sender constraint',
      'token-sender-constraint',
      'cnf jkt "x", not required',
    ],
    [
      'a binding where one is required',
      { requireSenderConstraint: true },
      {},
      'sender constraint',
      'token-sender-constraint',
      'cnf (none), required',
    ],
  ] as const)('%s is the check that failed', async (_, more, claims, check, reason, words) => {
    const its = { ...rules, ...more }
    const token = makeToken(key, claims)
    const begun: TokenCheck[] = []
    await expect(verifyToken(token, its, now, (one) => begun.push(one))).rejects.toMatchObject({
      reason,
    })
    expect(begun.at(-1)).toBe(check)
    expect(describeCheck(check, readUnverified(token)!, its, now)).toBe(words)
  })
})

test('userinfo is the last thing that is checked, and only where it may be asked', async () => {
  const checksOf = async (more: Partial<TokenRules>): Promise<readonly TokenCheck[]> => {
    const begun: TokenCheck[] = []
    const token = makeToken(key, { 'https://example.com/groups': ['a'] })
    const its = tokenRules(keysOf([toJwk(key)]), more)
    await verifyToken(token, its, now, (check) => begun.push(check))
    expect(previewToken(token, its, now, () => {}).groups).toEqual(['a'])
    return begun
  }
  const access = { customCa: undefined, limits: { timeoutMs: 1, maxBytes: 1 } }
  expect((await checksOf({ userinfo: access })).slice(-2)).toEqual(['principal claim', 'userinfo'])
  expect((await checksOf({})).at(-1)).toBe('principal claim')
})
