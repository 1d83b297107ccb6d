import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client'
import { expect, test } from 'vitest'
import { FetchError } from '../../../src/identity/fetch-error.ts'
import {
  audienceOf,
  ProviderRefusal,
  toSignInRefusal,
} from '../../../src/identity/sign-in-provider.ts'
import { Refusal } from '../../../src/refusal.ts'

const endpoint = 'https://issuer.example/token'

function answered(error: string): ResponseBodyError {
  const response = new Response(null, { status: 400 })
  return new ResponseBodyError('secret', { cause: { error }, response })
}

function sentBack(error: string): AuthorizationResponseError {
  return new AuthorizationResponseError('secret', { cause: new URLSearchParams({ error }) })
}

function codeOf(code: string | undefined, cause?: unknown): ClientError {
  const error = new ClientError('secret', { cause })
  if (code !== undefined) error.code = code
  return error
}

test.each<[string, unknown, number | undefined, string, string | undefined]>([
  ['access_denied', answered('access_denied'), undefined, 'sign-in-denied', undefined],
  ['access_denied', sentBack('access_denied'), undefined, 'sign-in-denied', undefined],
  ['expired_token', answered('expired_token'), 60, 'sign-in-timeout', undefined],
  ['expired_token', answered('expired_token'), 0, 'sign-in-timeout', undefined],
  [
    'expired_token where nothing expires',
    answered('expired_token'),
    undefined,
    'sign-in-failed',
    `${endpoint} answered 400: expired_token`,
  ],
  [
    'another',
    answered('invalid_grant'),
    60,
    'sign-in-failed',
    `${endpoint} answered 400: invalid_grant`,
  ],
  [
    'another',
    sentBack('login_required'),
    60,
    'sign-in-failed',
    `${endpoint} answered login_required`,
  ],
  [
    'one of its own',
    answered('x\ny'),
    60,
    'sign-in-failed',
    `${endpoint} answered 400: an error of its own`,
  ],
  ['none', codeOf('OAUTH_X'), 60, 'sign-in-failed', `${endpoint}: no usable answer (OAUTH_X)`],
  ['none', codeOf(undefined), 60, 'sign-in-failed', `${endpoint}: no usable answer`],
  ['none', 'thrown', 60, 'sign-in-failed', `${endpoint}: no usable answer`],
])('an answer with the error %s', (_, error, seconds, reason, logDetail) => {
  const refusal = toSignInRefusal(error, endpoint, seconds)
  expect(refusal).toMatchObject({ reason, logDetail })
  expect(refusal.cause).toBeUndefined()
  expect(refusal.values).toEqual(reason === 'sign-in-timeout' ? { seconds } : {})
})

test('a failed request is the cause, and nothing else is', () => {
  const cause = new FetchError('no answer')
  expect(toSignInRefusal(codeOf(undefined, cause), endpoint).cause).toBe(cause)
  expect(toSignInRefusal(codeOf(undefined, new Error('x')), endpoint).cause).toBeUndefined()
})

test.each([
  ['the system', 'ECONNREFUSED', true],
  ['TLS', 'CERT_HAS_EXPIRED', true],
  ['the library, which has answers in it,', 'OAUTH_INVALID_RESPONSE', false],
])('an error of %s is the cause or is not', (_, code, isCause) => {
  const cause = Object.assign(new Error('x'), { code })
  const told = toSignInRefusal(codeOf(undefined, cause), endpoint).cause
  expect(told).toBe(isCause ? cause : undefined)
  expect(toSignInRefusal(codeOf(undefined, { code }), endpoint).cause).toBeUndefined()
  expect(toSignInRefusal(Object.assign(new Error('x'), { cause }), endpoint).cause).toBeUndefined()
})

test.each([
  ['a code', 'invalid_grant', 'invalid_grant'],
  ['the longest one', 'a'.repeat(40), 'a'.repeat(40)],
  ['what is too long', 'a'.repeat(41), undefined],
  ['what could be anything', 'x\ny', undefined],
])('what a provider refuses with is told apart: %s', (_, error, code) => {
  for (const answer of [answered(error), sentBack(error)]) {
    const refusal = toSignInRefusal(answer, endpoint)
    expect(refusal).toBeInstanceOf(ProviderRefusal)
    expect(refusal).toMatchObject({ name: 'Refusal', code })
  }
})

test.each<[string | undefined, object]>([
  [undefined, {}],
  [
    'https://db.example.com',
    { audience: 'https://db.example.com', resource: 'https://db.example.com' },
  ],
  ['api://db', { audience: 'api://db', resource: 'api://db' }],
  ['db', { audience: 'db' }],
  ['https://db.example.com#x', { audience: 'https://db.example.com#x' }],
])('the audience %s is asked for by what providers read', (audience, parameters) => {
  expect(audienceOf({ audience })).toStrictEqual(parameters)
})

test('a refusal stays what it is', () => {
  const refusal = new Refusal('sign-in-denied')
  expect(toSignInRefusal(refusal, endpoint)).toBe(refusal)
})
