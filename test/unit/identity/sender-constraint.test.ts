import { describe, expect, test } from 'vitest'
import {
  checkSenderConstraint,
  proveSender,
  readSenderConstraint,
} from '../../../src/identity/sender-constraint.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import { keysOf, makeToken, now, signingKey, tokenRules, toJwk } from './tokens.ts'

const key = signingKey('one')
const keys = keysOf([toJwk(key)])
const thumbprint = Buffer.alloc(32, 7).toString('base64url')
const other = Buffer.alloc(32, 8).toString('base64url')

function refusalOf(action: () => unknown): Refusal {
  try {
    action()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('it was accepted')
}

test('a token with cnf and x5t#S256 is bound to that certificate', async () => {
  const token = makeToken(key, { cnf: { 'x5t#S256': thumbprint } })
  const principal = await verifyToken(token, tokenRules(keys), now)
  expect(principal.certificateThumbprint).toBe(thumbprint)
})

test.each('AEIMQUYcgkosw048'.match(/./g) ?? [])('a thumbprint may end in %s', (last) => {
  const its = `${'A'.repeat(42)}${last}`
  expect(Buffer.from(its, 'base64url').toString('base64url')).toBe(its)
  expect(readSenderConstraint({ cnf: { 'x5t#S256': its } })).toBe(its)
})

test('a token without cnf is bound to nothing', async () => {
  const principal = await verifyToken(makeToken(key), tokenRules(keys), now)
  expect(principal.certificateThumbprint).toBeUndefined()
})

describe('a binding that cannot be proved here is refused', () => {
  test.each<[string, unknown]>([
    ['a key thumbprint of DPoP', { jkt: thumbprint }],
    ['a key', { jwk: { kty: 'EC' } }],
    ['a key id', { kid: 'one' }],
    ['a member that nobody knows', { 'x5t#S512': thumbprint }],
    ['a certificate and a key', { 'x5t#S256': thumbprint, jkt: thumbprint }],
    ['a member of the prototype', JSON.parse(`{"__proto__":{"x5t#S256":"${thumbprint}"}}`)],
    ['no member', {}],
    ['null', null],
    ['a string', thumbprint],
    ['a list', [{ 'x5t#S256': thumbprint }]],
    ['false', false],
    ['a thumbprint that is short', { 'x5t#S256': thumbprint.slice(1) }],
    ['a thumbprint that is long', { 'x5t#S256': `${thumbprint}A` }],
    ['a thumbprint behind something', { 'x5t#S256': `+${thumbprint}` }],
    ['a thumbprint with padding', { 'x5t#S256': `${thumbprint}=` }],
    ['a thumbprint in base64', { 'x5t#S256': `+${thumbprint.slice(1)}` }],
    ['a thumbprint with loose bits', { 'x5t#S256': `${'A'.repeat(42)}B` }],
    ['a thumbprint that is a list', { 'x5t#S256': [thumbprint] }],
    ['a thumbprint that is null', { 'x5t#S256': null }],
  ])('%s', async (_, cnf) => {
    const error: unknown = await verifyToken(makeToken(key, { cnf }), tokenRules(keys), now).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({
      reason: 'token-sender-constraint',
      clientDetail: 'The token is bound to its sender in a way that cannot be proved here.',
    })
    expect(refusalOf(() => readSenderConstraint({ cnf }))).toBeInstanceOf(Refusal)
  })
})

test.each([
  [{ jkt: 'x' }, 'cnf has the member jkt; sub alice'],
  ['x', 'cnf is x; sub alice'],
  [{}, 'x5t#S256 is not a SHA-256 thumbprint in base64url; sub alice'],
])('the log has why a binding cannot be proved: %j', (cnf, logDetail) => {
  const refusal = refusalOf(() => readSenderConstraint({ sub: 'alice', cnf }))
  expect(refusal.logDetail).toBe(logDetail)
})

describe('with require_sender_constraint', () => {
  const rules = tokenRules(keys, { requireSenderConstraint: true })

  test('a token that is bound to nothing is refused', async () => {
    await expect(verifyToken(makeToken(key), rules, now)).rejects.toMatchObject({
      reason: 'token-sender-constraint',
      clientDetail: 'The token is not bound to a client certificate.',
    })
    expect(
      refusalOf(() => {
        checkSenderConstraint({}, true)
      }).reason,
    ).toBe('token-sender-constraint')
  })

  test('a token that is bound to a certificate is verified', async () => {
    const token = makeToken(key, { cnf: { 'x5t#S256': thumbprint } })
    await expect(verifyToken(token, rules, now)).resolves.toMatchObject({
      certificateThumbprint: thumbprint,
    })
  })

  test('only a genuine token is told so', async () => {
    const forged = makeToken(signingKey('one'))
    await expect(verifyToken(forged, rules, now)).rejects.toMatchObject({
      reason: 'token-signature',
    })
  })
})

describe('the sender of a bound token', () => {
  test('is proved by the same certificate', () => {
    expect(() => {
      proveSender(thumbprint, thumbprint)
    }).not.toThrow()
  })

  test.each([
    ['no certificate', undefined, 'and this connection has none.', 'none'],
    [
      'another certificate',
      other,
      'to another client certificate than that of this connection.',
      other,
    ],
    [
      'a part of the thumbprint',
      thumbprint.slice(0, 42),
      'another client certificate',
      thumbprint.slice(0, 42),
    ],
    ['an empty thumbprint', '', 'another client certificate', ''],
  ])('is not proved by %s', (_, presented, told, logged) => {
    const refusal = refusalOf(() => {
      proveSender(thumbprint, presented)
    })
    expect(refusal.reason).toBe('token-sender-constraint')
    expect(refusal.sqlstate).toBe('28P01')
    expect(refusal.clientDetail).toContain(told)
    expect(refusal.logDetail).toBe(`bound to ${thumbprint}, presented ${logged}`)
  })
})
