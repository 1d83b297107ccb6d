import { describe, expect, test } from 'vitest'
import { readInitialResponse } from '../../../src/sasl/oauthbearer.ts'
import { bearerInitialResponse, readBearerFailure } from '../../../src/sasl/oauthbearer-client.ts'

describe('the first message', () => {
  test.each(['a', 'eyJhbGciOiJub25lIn0.e30.', 'AZaz09-._~+/==', 'x'.repeat(16_000)])(
    'is read by a server as this token: %.20s',
    (token) => {
      const message = bearerInitialResponse(token)
      expect(readInitialResponse(Buffer.from(message ?? ''))).toEqual({ next: 'verify', token })
    },
  )

  test.each(['', '=', 'a b', 'a\x01host=elsewhere', 'a=b', 'a\0', 'a\n', 'é', 'a,'])(
    'is not made of %j, which is no bearer token',
    (token) => {
      expect(bearerInitialResponse(token)).toBeUndefined()
    },
  )
})

describe('the error of a server', () => {
  test('has a status, a scope and a configuration', () => {
    expect(
      readBearerFailure(
        '{ "status": "invalid_token", "openid-configuration": "https://a", "scope": "b c" }',
      ),
    ).toEqual({ status: 'invalid_token', configuration: 'https://a', scope: 'b c' })
  })

  test('needs no more than a status', () => {
    expect(readBearerFailure('{"status":"insufficient_scope","scope":1}')).toEqual({
      status: 'insufficient_scope',
      configuration: undefined,
      scope: undefined,
    })
  })

  test.each([
    '',
    'invalid_token',
    'null',
    '[]',
    '["status"]',
    '{}',
    '{"status":400}',
    `{"status":"${'x'.repeat(8_192)}"}`,
  ])('is not %.30j', (text) => {
    expect(readBearerFailure(text)).toBeUndefined()
  })
})
