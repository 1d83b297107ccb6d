import { describe, expect, test } from 'vitest'
import {
  dummyResponse,
  errorResponse,
  readDummyResponse,
  readInitialResponse,
} from '../../../src/sasl/oauthbearer.ts'

const read = (text: string) => readInitialResponse(Buffer.from(text, 'latin1'))
const token = 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln'

describe('an initial response', () => {
  test.each([
    ['a token', `n,,\x01auth=Bearer ${token}\x01\x01`],
    ['the channel-binding flag y', `y,,\x01auth=Bearer ${token}\x01\x01`],
    ['the scheme in lower case', `n,,\x01auth=bearer ${token}\x01\x01`],
    ['several blanks behind the scheme', `n,,\x01auth=Bearer    ${token}\x01\x01`],
    [
      'host and port, as in RFC 7628',
      `n,,\x01host=db.example.com\x01port=5432\x01auth=Bearer ${token}\x01\x01`,
    ],
    ['keys that are not known', `n,,\x01auth=Bearer ${token}\x01future=a b\tc\r\n=d\x01\x01`],
  ])('with %s is to be verified', (_, message) => {
    expect(read(message)).toEqual({ next: 'verify', token })
  })

  test.each(['abc', 'a.b.c', 'A-Z._~+/09', 'abc=', 'abc=='])('may have the token %s', (opaque) => {
    expect(read(`n,,\x01auth=Bearer ${opaque}\x01\x01`)).toEqual({ next: 'verify', token: opaque })
  })

  test('with an empty auth asks where tokens are to be had', () => {
    expect(read('n,,\x01auth=\x01\x01')).toEqual({ next: 'discover' })
  })

  test.each([
    ['another scheme', 'Basic YTpi', 'the scheme is not Bearer'],
    ['no blank behind the scheme', 'Bearer', 'the scheme is not Bearer'],
    ['an empty token', 'Bearer ', 'the bearer token is empty'],
    ['only blanks', 'Bearer    ', 'the bearer token is empty'],
    ['a blank in the token', 'Bearer a b', 'the bearer token has characters that none has'],
    ['a token of = alone', 'Bearer ==', 'the bearer token has characters that none has'],
    ['= within the token', 'Bearer a=b', 'the bearer token has characters that none has'],
    ['a blank behind the token', 'Bearer abc ', 'the bearer token has characters that none has'],
  ])('with %s is rejected without a word of it', (_, auth, logDetail) => {
    expect(read(`n,,\x01auth=${auth}\x01\x01`)).toEqual({ next: 'reject', logDetail })
  })

  test.each([
    ['nothing', '', 'The message is empty.'],
    ['a NUL', 'n,,\x01auth=\0\x01\x01', 'Message length does not match input length.'],
    [
      'channel binding',
      `p=tls-exporter,,\x01auth=Bearer ${token}\x01\x01`,
      'The server does not support channel binding for OAuth, but the client message includes channel binding data.',
    ],
    ['another flag', `x,,\x01auth=\x01\x01`, `Unexpected channel-binding flag "'x'".`],
    ['an unprintable flag', `\x01`, 'Unexpected channel-binding flag "0x01".'],
    ['a flag of 8 bits', `\xe9,,`, 'Unexpected channel-binding flag "0xe9".'],
    ['no comma', 'n\x01', 'Comma expected, but found character "0x01".'],
    ['the flag alone', 'n', 'Comma expected, but found character "0x00".'],
    ['another attribute', 'n,b=c,\x01', `Unexpected attribute "'b'" in client-first-message.`],
    [
      'no separator behind the header',
      'n,,auth=\x01\x01',
      `Key-value separator expected, but found character "'a'".`,
    ],
    ['no pair and no end', 'n,,\x01', 'Message did not contain a final terminator.'],
    ['no auth', 'n,,\x01host=a\x01\x01', 'Message does not contain an auth value.'],
    ['no pair', 'n,,\x01\x01', 'Message does not contain an auth value.'],
    ['a pair without end', `n,,\x01auth=Bearer ${token}`, 'unterminated key/value pair.'],
    [
      'no final terminator',
      `n,,\x01auth=Bearer ${token}\x01`,
      'did not contain a final terminator.',
    ],
    [
      'something behind the end',
      `n,,\x01auth=Bearer ${token}\x01\x01more`,
      'Message contains additional data after the final terminator.',
    ],
    ['two auths', 'n,,\x01auth=\x01auth=\x01\x01', 'Message contains multiple auth values.'],
    ['a key without value', 'n,,\x01auth\x01\x01', 'Message contains a key without a value.'],
    ['an empty key', 'n,,\x01=a\x01\x01', 'Message contains an empty key name.'],
    ['a key with a digit', 'n,,\x01auth2=a\x01\x01', 'Message contains an invalid key name.'],
    ['a value of 8 bits', 'n,,\x01auth=\xe9\x01\x01', 'Message contains an invalid value.'],
    ['a control character', 'n,,\x01host=\x02\x01\x01', 'Message contains an invalid value.'],
  ])('with %s is malformed', (_, message, detail) => {
    expect(read(message)).toEqual({
      next: 'malformed',
      sqlstate: '08P01',
      detail: expect.stringContaining(detail) as string,
    })
  })

  test('with an authorization identity asks for what there is not', () => {
    expect(read(`n,a=alice,\x01auth=Bearer ${token}\x01\x01`)).toEqual({
      next: 'malformed',
      sqlstate: '0A000',
      detail: '',
    })
  })
})

describe('the answer to the error of the server', () => {
  test('is one separator', () => {
    expect(readDummyResponse(Buffer.from(dummyResponse))).toBeUndefined()
  })

  test.each(['', '\x01\x01', '\x02', 'n,,\x01auth=\x01\x01'])('is not %j', (text) => {
    expect(readDummyResponse(Buffer.from(text))).toMatchObject({
      next: 'malformed',
      detail: 'Client did not send a kvsep response.',
    })
  })
})

describe('the error of the server', () => {
  test('has the bytes of PostgreSQL 18', () => {
    expect(errorResponse({ issuer: 'https://auth.example.com', scope: 'openid email' })).toBe(
      '{ "status": "invalid_token", "openid-configuration": "https://auth.example.com/.well-known/openid-configuration", "scope": "openid email" }',
    )
  })

  test('leaves an issuer that is a discovery document as it is', () => {
    const issuer = 'https://auth.example.com/.well-known/oauth-authorization-server'
    expect(JSON.parse(errorResponse({ issuer, scope: '' }))).toEqual({
      status: 'invalid_token',
      'openid-configuration': issuer,
      scope: '',
    })
  })

  test('is one JSON object whatever the scope has', () => {
    const scope = 'a"b\\c'
    expect(JSON.parse(errorResponse({ issuer: 'https://a.example', scope }))).toMatchObject({
      scope,
    })
  })

  test('fits what clients take for an issuer of usual length', () => {
    const answer = errorResponse({ issuer: `https://${'a'.repeat(200)}.example`, scope: 'openid' })
    expect(answer.length).toBeLessThan(2_000)
  })
})
