import { describe, expect, test } from 'vitest'
import {
  authorizedParty,
  isEncrypted,
  isRecord,
  looksLikeToken,
  readClaimed,
  readUnverified,
} from '../../../src/identity/token-shape.ts'
import { goodClaims, makeToken, signingKey, signToken } from './tokens.ts'

const key = signingKey('one')
const token = makeToken(key)
const [header, claims, signature] = token.split('.') as [string, string, string]

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

describe('a password is meant as a token', () => {
  test.each([
    ['a token', token],
    ['a token without signature', `${header}.${claims}.`],
    ['a token that is cut in its claims', `${header}.${claims.slice(0, 20)}`],
    ['a token that is cut behind its header', `${header}.`],
    ['a token that is cut in a long header', encode(JSON.stringify({ x: 'x'.repeat(80) }))],
    ['long enough to be one that is cut', `eyJ${'a'.repeat(62)}`],
    ['five segments, as a JWE has', `${header}.a.b.c.d`],
    ['a token with alg none', signToken({ alg: 'none' }, goodClaims, key)],
    ['a token with a null alg', signToken({ alg: null }, goodClaims, key)],
    ['a token with a newline behind it', `${token}\n`],
    ['a token with padding behind its header', `${header}==.${claims}.${signature}`],
    ['a token of several lines', token.replaceAll(/.{20}/g, '$&\n')],
    [
      'a token in the alphabet of other base64',
      `${Buffer.from('{"alg":"ES256","x":"\u07FF\u07FE??>>"}').toString('base64')}.${claims}.`,
    ],
    ['a token of a mebibyte', `${header}.${'a'.repeat(1_048_576)}.`],
  ])('when it is %s', (_, password) => {
    expect(looksLikeToken(password)).toBe(true)
  })

  test.each([
    ['empty', ''],
    ['a word', 'hunter2'],
    ['the beginning of a token alone', 'eyJ'],
    ['short, without a dot', `eyJ${'a'.repeat(61)}`],
    ['without JSON before its first dot', 'eyJhello.world'],
    ['without alg', `${encode('{"typ":"JWT"}')}.${claims}.${signature}`],
    ['a token behind the word Bearer', `Bearer ${token}`],
    ['a token behind a space', ` ${token}`],
    ['an array in JSON', `${encode('["alg"]')}.${claims}.${signature}`],
    ['JSON with a blank in front', `${encode(' {"alg":"ES256"}')}.${claims}.${signature}`],
    ['a mebibyte of one letter', 'a'.repeat(1_048_576)],
    ['a header that only inherits alg', `${encode('{"__proto__":{"alg":1}}')}.x.y`],
  ])('but not when it is %s', (_, password) => {
    expect(looksLikeToken(password)).toBe(false)
  })
})

describe('what a token says of itself', () => {
  test('is read without any key', () => {
    expect(readUnverified(token)).toEqual({
      header: { alg: 'ES256', typ: 'JWT', kid: 'one' },
      claims: goodClaims,
    })
    expect(readUnverified(`${header}.${claims}.`)).toBeDefined()
  })

  test.each([
    ['nothing', ''],
    ['one segment', header],
    ['two segments', `${header}.${claims}`],
    ['four segments', `${token}.x`],
    ['five segments', `${token}.x.y`],
    ['an empty header', `.${claims}.${signature}`],
    ['an empty claims', `${header}..${signature}`],
    ['a header with other letters', `${header}+.${claims}.${signature}`],
    ['claims with padding', `${header}.${claims}=.${signature}`],
    ['claims with a newline', `${header}.${claims}\n.${signature}`],
    ['a signature with padding', `${token}==`],
    ['a signature with a newline', `${token}\n`],
    ['claims that are an array', `${header}.${encode('[]')}.${signature}`],
    ['claims that are null', `${header}.${encode('null')}.${signature}`],
    ['claims that are a text', `${header}.${encode('"x"')}.${signature}`],
    ['claims that are no JSON', `${header}.${encode('{')}.${signature}`],
    ['claims behind a byte order mark', `${header}.${encode('\uFEFF{}')}.${signature}`],
  ])('is not read from %s', (_, malformed) => {
    expect(readUnverified(malformed)).toBeUndefined()
  })
})

describe('the party that a token is of', () => {
  test.each([
    ['whom it is for, where it names no other', { aud: 'pages' }, 'pages'],
    ['the only one of a list', { aud: ['pages'] }, 'pages'],
    ['nobody of several', { aud: ['pages', 'others'] }, undefined],
    ['nobody where it is for none', { aud: [] }, undefined],
    ['nobody where it says nothing', {}, undefined],
    ['the one that it names', { aud: 'pages', azp: 'people' }, 'people'],
  ])('is %s', (_, claims, party) => {
    const its = `${encode('{"alg":"RS256"}')}.${encode(JSON.stringify(claims))}.c`
    expect(readClaimed(its)).toEqual({ issuer: undefined, authorizedParty: party })
  })
})

describe('where a token says that it is from', () => {
  const said = { iss: 'https://issuer.example', aud: 'portcullis', azp: 'portcullis' }
  const inHeader = encode(JSON.stringify({ alg: 'RSA-OAEP', enc: 'A256GCM', ...said }))

  test.each([
    ['its claims', token, goodClaims.iss, 'portcullis'],
    ['the header of an encrypted one', `${inHeader}.a.b.c.d`, said.iss, 'portcullis'],
    [
      'nowhere in the header of a signed one',
      `${inHeader}.${encode('{}')}.c`,
      undefined,
      undefined,
    ],
    ['nowhere in an encrypted one', `${header}.a.b.c.d`, undefined, undefined],
  ])('is %s', (_, its, issuer, authorizedParty) => {
    expect(readClaimed(its)).toEqual({ issuer, authorizedParty })
  })

  test.each(['', 'opaque', 'a.b.c', 'a.b.c.d.e', `${inHeader}.a.b.c.d.e`])(
    'is not known of %j',
    (its) => {
      expect(readClaimed(its)).toBeUndefined()
    },
  )
})

test.each([
  ['a.b.c.d.e', true],
  ['....', true],
  ['a.b.c', false],
  ['a.b.c.d', false],
  ['a.b.c.d.e.f', false],
  ['', false],
])('%j has the form of an encrypted token: %s', (its, is) => {
  expect(isEncrypted(its)).toBe(is)
})

test.each([
  [{}, true],
  [Object.create(null), true],
  [[], false],
  [null, false],
  [undefined, false],
  ['{}', false],
  [1, false],
])('%j is a record: %s', (value: unknown, is) => {
  expect(isRecord(value)).toBe(is)
})

describe('the authorized party', () => {
  const all = { azp: 'a', client_id: 'b', cid: 'c', appid: 'd' }
  test.each([
    [all, 'a'],
    [{ ...all, azp: undefined }, 'b'],
    [{ cid: 'c', appid: 'd' }, 'c'],
    [{ appid: 'd' }, 'd'],
    [{ azp: null, appid: 'd' }, 'd'],
    [{ azp: '', client_id: 'b' }, ''],
    [{ azp: 5 }, 5],
    [{}, undefined],
  ])('of %j is %j', (its, party) => {
    expect(authorizedParty(its)).toBe(party)
  })
})
