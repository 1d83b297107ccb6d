import { describe, expect, test } from 'vitest'
import { type Reason, Refusal, reasons } from '../../../src/refusal.ts'
import type { SessionFacts } from '../../../src/session/observer.ts'
import { errorFor } from '../../../src/session/refuse.ts'

const facts: SessionFacts = {
  id: 'the-id',
  openedAt: new Date(0),
  peer: { address: '192.0.2.1', port: 1 },
  listener: { address: '192.0.2.2', port: 2 },
  requested: { user: 'jwt_user', database: 'app', applicationName: '' },
  dialect: 'cockroachdb',
}
const reference = 'The log of the gateway has more under session the-id.'

test.each<[Reason, Refusal['values'], string, string | undefined, string | undefined]>([
  ['integration-disabled', {}, 'JWT authentication: not enabled', undefined, undefined],
  [
    'token-malformed',
    {},
    'JWT authentication: invalid token',
    'token parsing failed: invalid JWT',
    undefined,
  ],
  [
    'token-malformed',
    { isJwt: 'yes' },
    'JWT authentication: invalid token',
    'unable to parse token: the header is not supported',
    undefined,
  ],
  [
    'token-issuer',
    { iss: 'x' },
    'JWT authentication: invalid issuer',
    'token issued by x',
    undefined,
  ],
  ['keys-unavailable', {}, 'JWT authentication: unable to validate token', undefined, reference],
  [
    'token-algorithm',
    {},
    'JWT authentication: invalid token',
    'unable to parse token: the algorithm is not allowed',
    undefined,
  ],
  [
    'token-unknown-key',
    { kid: 'test2' },
    'JWT authentication: invalid token',
    'unable to parse token: failed to find key with key ID "test2" in key set',
    undefined,
  ],
  [
    'token-unknown-key',
    {},
    'JWT authentication: invalid token',
    'unable to parse token: could not verify message using any of the signatures or keys',
    undefined,
  ],
  [
    'token-signature',
    {},
    'JWT authentication: invalid token',
    'unable to parse token: could not verify message using any of the signatures or keys',
    undefined,
  ],
  [
    'token-not-yet-valid',
    { claim: 'nbf' },
    'JWT authentication: invalid token',
    'unable to parse token: "nbf" not satisfied',
    reasons['token-not-yet-valid'].hint,
  ],
  [
    'token-expired',
    {},
    'JWT authentication: invalid token',
    'unable to parse token: "exp" not satisfied',
    reasons['token-expired'].hint,
  ],
  [
    'token-type',
    {},
    'JWT authentication: invalid token',
    'unable to parse token: "typ" not satisfied',
    reasons['token-type'].hint,
  ],
  [
    'token-claim',
    { claim: 'exp' },
    'JWT authentication: invalid token',
    'unable to parse token: "exp" not satisfied',
    undefined,
  ],
  [
    'token-claim',
    { claim: 'email', issuer: 'y' },
    'JWT authentication: missing claim',
    'token does not contain a claim for email',
    undefined,
  ],
  [
    'token-claim',
    { claim: 'email', issuer: 'y', value: '(object)' },
    'JWT authentication: invalid claim value',
    'the value (object) for the issuer y is invalid',
    undefined,
  ],
  [
    'principal-unmapped',
    { names: '[x]', issuer: 'y' },
    'JWT authentication: invalid principal',
    'the value [x] for the issuer y is invalid',
    undefined,
  ],
  [
    'role-not-allowed',
    { names: '[test]' },
    'JWT authentication: invalid principal',
    'token issued for [test] and login was for jwt_user',
    undefined,
  ],
  [
    'role-reserved',
    {},
    'JWT authentication: invalid identity',
    'cannot use JWT auth to login to a reserved user jwt_user',
    undefined,
  ],
  [
    'token-audience',
    { audience: '[test_cluster]' },
    'JWT authentication: invalid audience',
    'token issued with an audience of [test_cluster]',
    reasons['token-audience'].hint,
  ],
  [
    'no-group',
    {},
    'JWT authorization: empty group list',
    undefined,
    'Ask the administrator to put you into a group at the identity provider.',
  ],
  ['userinfo-unavailable', {}, 'JWT authorization: userinfo lookup failed', undefined, reference],
  [
    'userinfo-unavailable',
    { endpoint: 'none' },
    'JWT authorization: No userinfo endpoint',
    undefined,
    reference,
  ],
])('%s with %j is 28000 %s', (reason, values, message, detail, hint) => {
  const refusal = new Refusal(reason, { values, clientDetail: 'Ours.' })
  expect(errorFor(refusal, facts)).toEqual({ sqlstate: '28000', message, detail, hint })
})

test.each<[Reason, string | undefined]>([
  ['empty-password', reasons['empty-password'].hint],
  ['upstream-authentication', reference],
])('%s is that of a wrong password', (reason, hint) => {
  expect(errorFor(new Refusal(reason), facts)).toEqual({
    ...{ sqlstate: '28P01', message: 'password authentication failed for user jwt_user' },
    ...{ detail: undefined, hint },
  })
})

test.each<Reason>([
  'unknown-database',
  'no-pool',
  'tls-required',
  'upstream-unreachable',
  'internal-error',
])('%s has no text there, and keeps ours', (reason) => {
  const refusal = new Refusal(reason)
  expect(errorFor(refusal, facts)).toEqual(errorFor(refusal, { ...facts, dialect: 'portcullis' }))
})

describe('a value', () => {
  test('cannot forge a line, and is cut', () => {
    const refusal = new Refusal('token-issuer', { values: { iss: `a\nb${'c'.repeat(500)}` } })
    const { detail } = errorFor(refusal, facts)
    expect(detail).toMatch(/^token issued by a\?bc{197}\.\.\.$/)
  })

  test('is not looked at again for placeholders', () => {
    const refusal = new Refusal('token-issuer', { values: { iss: '{user} $& $1' } })
    expect(errorFor(refusal, facts).detail).toBe('token issued by {user} $& $1')
  })

  test('of the name of a claim is not either', () => {
    const values = { claim: '{user}', issuer: 'y' }
    const { detail } = errorFor(new Refusal('token-claim', { values }), facts)
    expect(detail).toBe('token does not contain a claim for {user}')
  })
})
