// What jose refuses, one by one: also what the checks before it leave nothing of.
import { errors } from 'jose'
import { describe, expect, test } from 'vitest'
import { checksBegunBy, toRefusal } from '../../../src/identity/token-errors.ts'
import { Refusal } from '../../../src/refusal.ts'
import { keysOf, now, nowSeconds, tokenRules } from './tokens.ts'

const payload = { sub: 'alice', exp: nowSeconds - 60, aud: 'other' }
const rules = tokenRules(keysOf([]))
const claimFailed = (claim: string, reason = 'check_failed'): Error =>
  new errors.JWTClaimValidationFailed('failed', payload, claim, reason)

describe('an error of the library', () => {
  test.each<[string, Error, string]>([
    ['an algorithm', new errors.JOSEAlgNotAllowed('x'), 'token-algorithm'],
    ['no key', new errors.JWKSNoMatchingKey(), 'token-unknown-key'],
    ['several keys', new errors.JWKSMultipleMatchingKeys(), 'token-unknown-key'],
    ['a signature', new errors.JWSSignatureVerificationFailed(), 'token-signature'],
    ['the format of a JWS', new errors.JWSInvalid('x'), 'token-malformed'],
    ['the format of a key set', new errors.JWKSInvalid('x'), 'token-malformed'],
    ['what is not supported', new errors.JOSENotSupported('x'), 'token-malformed'],
    ['an expiry', new errors.JWTExpired('x', payload, 'exp', 'check_failed'), 'token-expired'],
    ['an issuer', claimFailed('iss'), 'token-issuer'],
    ['an audience', claimFailed('aud'), 'token-audience'],
    ['a claim', claimFailed('sub', 'missing'), 'token-claim'],
    ['a not-before that is no number', claimFailed('nbf', 'invalid'), 'token-claim'],
    ['a key that cannot be used', new TypeError('x'), 'token-signature'],
    ['a key that cannot be read', new DOMException('x'), 'token-signature'],
  ])('about %s is the refusal for it', (_, error, reason) => {
    expect(toRefusal(error, now)).toMatchObject({ reason })
  })

  test.each([
    new errors.JWKSNoMatchingKey(),
    new errors.JWSInvalid('why'),
    new TypeError('why'),
    new DOMException('why'),
  ])('is told to the log: %s', (error) => {
    expect(toRefusal(error, now)).toMatchObject({
      logDetail: error.message,
      clientDetail: undefined,
    })
  })

  test.each([
    ['one', { kid: 'one' }],
    ['', { kid: '' }],
    [5, {}],
    [{}, {}],
    [undefined, {}],
  ])('about a key tells its id where that is text: %j', (kid, values) => {
    const error = new errors.JWKSNoMatchingKey()
    expect(toRefusal(error, now, kid)).toMatchObject({ reason: 'token-unknown-key' })
    expect((toRefusal(error, now, kid) as Refusal).values).toEqual(values)
  })

  test('tells what the words for it need', () => {
    const valuesOf = (error: Error): unknown => (toRefusal(error, now) as Refusal).values
    expect(valuesOf(new errors.JWSInvalid('x'))).toEqual({ isJwt: 'yes' })
    expect(valuesOf(claimFailed('nbf', 'invalid'))).toEqual({ claim: 'nbf' })
    expect(valuesOf(claimFailed('aud'))).toEqual({ audience: '[other]' })
    const without = new errors.JWTClaimValidationFailed('x', { sub: 'a' }, 'aud', 'missing')
    expect(valuesOf(without)).toEqual({ audience: '[]' })
  })

  test.each([new Error('bug'), new RangeError('bug'), new Refusal('keys-unavailable')])(
    'that is none stays what it is: %s',
    (error) => {
      expect(toRefusal(error, now)).toBe(error)
    },
  )
})

describe('the checks that an error tells of', () => {
  test.each([
    ['an expiry', new errors.JWTExpired('x', payload, 'exp', 'x'), ['audience', 'times']],
    ['an issuer', claimFailed('iss'), ['issuer']],
    ['an audience', claimFailed('aud'), ['audience']],
    ['a subject', claimFailed('sub', 'missing'), ['principal claim']],
    ['a missing expiry', claimFailed('exp', 'missing'), ['times']],
    ['an expiry of the wrong type', claimFailed('exp', 'invalid'), ['audience', 'times']],
    ['a signature', new errors.JWSSignatureVerificationFailed(), []],
  ])('are those up to %s', (_, error, checks) => {
    expect(checksBegunBy(error, rules)).toEqual(checks)
  })

  test('leave out the audience where it is not looked at', () => {
    const its = { ...rules, dialect: 'cockroachdb' } as const
    expect(checksBegunBy(new errors.JWTExpired('x', payload, 'exp', 'x'), its)).toEqual(['times'])
    expect(checksBegunBy(claimFailed('nbf', 'invalid'), its)).toEqual(['times'])
  })
})
