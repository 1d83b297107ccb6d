import { createHash, createHmac, type JsonWebKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../demo/certificates.ts'
import { KeyCache } from '../../../src/identity/key-cache.ts'
import { shown } from '../../../src/identity/shown.ts'
import { previewToken, verifyToken } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import {
  clientId,
  goodClaims,
  issuer,
  type Json,
  keysOf,
  makeToken,
  now,
  nowSeconds,
  signingKey,
  signToken,
  tokenRules,
  toJwk,
} from './tokens.ts'

const rsa = signingKey('rsa', 'RSA')
const ec = signingKey('ec')
const stranger = signingKey('ec')
const keys = keysOf([toJwk(rsa), toJwk(ec)])
const rules = tokenRules(keys)

/** The refusal of a token, checked not to tell any part of it to anybody. */
async function refusalOf(token: string, its = rules, at = now): Promise<Refusal> {
  const outcome = await verifyToken(token, its, at).then(
    () => new Error('the token was accepted'),
    (error: unknown) => error,
  )
  if (!(outcome instanceof Refusal)) throw outcome
  const told = [outcome.message, outcome.clientDetail, outcome.hint, outcome.logDetail].join('\n')
  for (const segment of token.split('.').filter(({ length }) => length > 8)) {
    expect(told).not.toContain(segment)
  }
  return outcome
}

/** Whatever is refused before the signature is checked tells the client one and the same thing. */
async function expectUntold(token: string, reason: string, its = rules): Promise<Refusal> {
  const refusal = await refusalOf(token, its)
  expect(refusal).toMatchObject({ reason, clientDetail: undefined })
  expect(refusal.message).toBe('password authentication failed for user "{user}"')
  return refusal
}

async function nameOf(token: string, its = rules): Promise<string> {
  return (await verifyToken(token, its, now)).names.join(' | ')
}

describe('a token that logs in', () => {
  test.each([
    ['RS256', rsa],
    ['RS384', rsa],
    ['RS512', rsa],
    ['PS256', rsa],
    ['PS384', rsa],
    ['PS512', rsa],
    ['ES256', ec],
    ['ES384', signingKey('384', 'P-384')],
    ['ES512', signingKey('521', 'P-521')],
    ['EdDSA', signingKey('ed', 'Ed25519')],
  ] as const)('may be signed with %s, whether or not the key says so', async (alg, key) => {
    const token = makeToken(key, {}, {}, alg)
    for (const more of [{ alg }, {}, { use: 'sig', alg, key_ops: ['verify'] }]) {
      await expect(nameOf(token, tokenRules(keysOf([toJwk(key, more)])))).resolves.toBe(
        'auth0|alice',
      )
    }
  })

  test('becomes a principal with what its claims say', async () => {
    const claims = { jti: 'id-1', 'https://example.com/groups': ['b', 'a', 'b'] }
    const principal = await verifyToken(makeToken(ec, claims), rules, now)
    expect(principal).toMatchObject({
      integration: 'sso',
      issuer,
      subject: 'auth0|alice',
      names: ['auth0|alice'],
      groups: ['b', 'a'],
      expiresAt: new Date(goodClaims.exp * 1_000),
      tokenIdHash: createHash('sha256').update('id-1').digest('hex'),
    })
  })

  test.each([
    ['no jti', {}],
    ['a jti that is a number', { jti: 5 }],
    ['a jti that is an object', { jti: {} }],
  ])('has no token id to be known by with %s', async (_, claims) => {
    const principal = await verifyToken(makeToken(ec, claims), rules, now)
    expect(principal.tokenIdHash).toBeUndefined()
  })

  test.each([
    ['a key for encryption', { kty: 'RSA', use: 'enc', alg: 'RSA-OAEP', kid: 'rsa', n: 'AQ' }],
    ['a key for key agreement', { kty: 'OKP', crv: 'X25519', kid: 'rsa', x: 'AQ' }],
    ['a key of an unknown type', { kty: 'PQC-9', kid: 'rsa', p: 'AQ' }],
    ['a key on another curve', { kty: 'EC', crv: 'secp256k1', kid: 'rsa', x: 'AQ', y: 'AQ' }],
    ['a key without a type', { kid: 'rsa' }],
    ['a key for another operation', { kty: 'RSA', key_ops: ['sign'], kid: 'rsa', n: 'AQ' }],
  ])('finds its key behind %s of the same id', async (_, other: JsonWebKey) => {
    const its = tokenRules(keysOf([other, toJwk(rsa), toJwk(ec)]))
    await expect(nameOf(makeToken(rsa), its)).resolves.toBe('auth0|alice')
    await expect(nameOf(makeToken(ec), its)).resolves.toBe('auth0|alice')
  })

  test('may escape the slashes of its issuer', async () => {
    const claims = JSON.stringify(goodClaims).replaceAll('/', String.raw`\/`)
    const token = signToken({ alg: 'ES256', kid: 'ec' }, claims, ec)
    await expect(nameOf(token)).resolves.toBe('auth0|alice')
  })

  test.each([
    ['a string', clientId],
    ['an additional audience as a string', 'https://db.example'],
    ['an array of one', [clientId]],
    ['an array with ours second', ['https://other.example', clientId]],
    [
      'an array with an additional audience second',
      ['https://other.example', 'https://db.example'],
    ],
    ['an array with other things in it', [5, null, {}, clientId]],
  ])('may have an audience that is %s', async (_, aud) => {
    await expect(nameOf(makeToken(ec, { aud }))).resolves.toBe('auth0|alice')
  })

  test('needs no key id where its issuer has one key of its kind', async () => {
    const unnamed = signingKey(undefined)
    for (const jwk of [toJwk(unnamed), toJwk(unnamed, { kid: 'any' })]) {
      const its = tokenRules(keysOf([toJwk(rsa), jwk]))
      await expect(nameOf(makeToken(unnamed), its)).resolves.toBe('auth0|alice')
    }
  })

  test('is only verified with the keys of its own issuer, whoever else uses the same key id', async () => {
    const other = 'https://other.example'
    const theirs = tokenRules(keysOf([toJwk(stranger)], other))
    await expect(nameOf(makeToken(stranger, { iss: other }), theirs)).resolves.toBe('auth0|alice')
    await expect(nameOf(makeToken(ec))).resolves.toBe('auth0|alice')
    await expectUntold(makeToken(stranger), 'token-signature')
    await expectUntold(makeToken(ec, { iss: other }), 'token-signature', theirs)
    await expectUntold(makeToken(ec), 'token-issuer', theirs)
  })

  test('may be sixty kilobytes long', async () => {
    const groups = Array.from({ length: 2_000 }, (_, i) => `group-${i}-of-the-organisation`)
    const token = makeToken(ec, { 'https://example.com/groups': groups })
    expect(token.length).toBeGreaterThan(60_000)
    const principal = await verifyToken(token, rules, now)
    expect(principal.groups).toEqual(groups)
  })

  test.each([undefined, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'application/jwt'])(
    'may be of type %s',
    async (typ) => {
      const claims = { client_id: clientId, jti: 'id-1' }
      await expect(nameOf(makeToken(ec, claims, { typ }))).resolves.toBe('auth0|alice')
    },
  )

  test.each([
    ['azp', { azp: clientId, aud: 'https://db.example' }],
    ['client_id', { azp: undefined, client_id: clientId, aud: 'https://db.example' }],
    ['cid', { azp: undefined, cid: clientId, aud: 'https://db.example' }],
    ['appid', { azp: undefined, appid: clientId, aud: 'https://db.example' }],
    ['azp and client_id alike', { azp: clientId, client_id: clientId }],
    ['its only audience', { azp: undefined }],
    ['its only audience, in an array', { azp: undefined, aud: [clientId] }],
  ])('may name its authorized party by %s', async (_, claims) => {
    await expect(nameOf(makeToken(ec, claims))).resolves.toBe('auth0|alice')
  })

  test('may be of any authorized party where the integration has no client', async () => {
    const its = tokenRules(keys, { clientId: undefined })
    const token = makeToken(ec, { aud: 'https://db.example', azp: 'somebody' })
    await expect(nameOf(token, its)).resolves.toBe('auth0|alice')
  })
})

describe('the times of a token', () => {
  test.each([
    ['expires in a second', 0, { exp: nowSeconds + 1 }],
    ['expired a second ago, within the leeway', 30_000, { exp: nowSeconds - 1 }],
    ['expires at a fraction of a second', 0, { exp: nowSeconds + 0.5 }],
    ['expires at the end of time', 0, { exp: 1e308 }],
    ['has a fractional iat', 0, { iat: nowSeconds - 0.5 }],
    ['has no iat', 0, { iat: undefined }],
    ['became valid now', 0, { nbf: nowSeconds }],
    ['becomes valid within the leeway', 30_000, { nbf: nowSeconds + 30 }],
    ['was issued ahead of us, within the leeway', 30_000, { iat: nowSeconds + 30 }],
  ])('are accepted when it %s', async (_, leewayMs, claims) => {
    const principal = await verifyToken(makeToken(ec, claims), tokenRules(keys, { leewayMs }), now)
    const exp = 'exp' in claims ? claims.exp : goodClaims.exp
    expect(principal.expiresAt.getTime()).toBe(Math.min(exp * 1_000, 8.64e15))
  })

  test.each([
    ['1e308', 'accepted'],
    ['1e400', 'accepted'],
    ['-1e400', 'token-expired'],
    ['0', 'token-expired'],
    ['-0.0', 'token-expired'],
    ['NaN', 'token-malformed'],
    ['true', 'token-claim'],
    ['"1e308"', 'token-claim'],
  ])('with exp written as %s are %s', async (written, outcome) => {
    const others = JSON.stringify({ ...goodClaims, exp: undefined })
    const claims = `{"exp":${written},${others.slice(1)}`
    const token = signToken({ alg: 'ES256', kid: 'ec' }, claims, ec)
    if (outcome === 'accepted') {
      expect((await verifyToken(token, rules, now)).expiresAt.getTime()).toBe(8.64e15)
    } else expect((await refusalOf(token)).reason).toBe(outcome)
  })

  test.each([
    ['now, without leeway', 0, nowSeconds, '2026-03-01T12:00:00.000Z, 0 seconds ago'],
    ['a second ago, without leeway', 0, nowSeconds - 1, '2026-03-01T11:59:59.000Z, 1 seconds ago'],
    ['beyond the leeway', 30_000, nowSeconds - 31, '2026-03-01T11:59:29.000Z, 31 seconds ago'],
    ['at a fraction of a second', 0, nowSeconds - 0.5, '2026-03-01T11:59:59.500Z'],
    ['before 1970', 0, -1, '1969-12-31T23:59:59.000Z'],
    ['at the beginning of time', 0, -1e308, '-271821-04-20T00:00:00.000Z'],
  ])('are refused when it expired %s', async (_, leewayMs, exp, told) => {
    const refusal = await refusalOf(makeToken(ec, { exp }), tokenRules(keys, { leewayMs }))
    expect(refusal).toMatchObject({ reason: 'token-expired', logDetail: 'sub auth0|alice' })
    expect(refusal.clientDetail).toContain(`The token expired at ${told}`)
    expect(refusal.hint).toContain('Get a fresh token')
  })

  test.each([
    ['nbf', nowSeconds + 31, 'The token is not valid before 2026-03-01T12:00:31.000Z.'],
    ['nbf', 1e308, 'The token is not valid before +275760-09-13T00:00:00.000Z.'],
    ['iat', nowSeconds + 31, 'The token is issued in the future, at 2026-03-01T12:00:31.000Z.'],
    ['iat', 1e308, 'The token is issued in the future, at +275760-09-13T00:00:00.000Z.'],
  ])('are refused when %s is %d', async (claim, value, clientDetail) => {
    const refusal = await refusalOf(makeToken(ec, { [claim]: value }))
    const values = { claim }
    expect(refusal).toMatchObject({ reason: 'token-not-yet-valid', clientDetail, values })
  })

  test.each([
    ['exp', undefined],
    ['exp', null],
    ['exp', String(goodClaims.exp)],
    ['exp', [goodClaims.exp]],
    ['exp', {}],
    ['nbf', String(nowSeconds)],
    ['nbf', null],
    ['iat', String(nowSeconds)],
    ['iat', {}],
  ])('are refused when %s is %j', async (claim, value) => {
    const refusal = await refusalOf(makeToken(ec, { [claim]: value }))
    expect(refusal).toMatchObject({
      reason: 'token-claim',
      clientDetail: `The claim "${claim}" is missing or not of the right type.`,
    })
  })
})

describe('before the signature is verified', () => {
  const header = { alg: 'ES256', typ: 'JWT', kid: 'ec' }
  const good = makeToken(ec)
  const segments = good.split('.')
  const [head, body, signature] = segments as [string, string, string]
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const modulus = toJwk(rsa).n!

  function hmacToken(secret: string | Buffer): string {
    const unsigned = signToken({ alg: 'HS256', kid: 'rsa' }, goodClaims, rsa)
    const input = unsigned.slice(0, unsigned.lastIndexOf('.'))
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }

  function unsigned(its: Json): string {
    const token = signToken(its, goodClaims, ec)
    return token.slice(0, token.lastIndexOf('.') + 1)
  }

  const deep = `${'['.repeat(1_000)}${']'.repeat(1_000)}`
  const tooDeep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`

  test.each([
    ['says alg none and has no signature', unsigned({ alg: 'none' })],
    ['says alg None', unsigned({ alg: 'None' })],
    ['says alg NONE', unsigned({ alg: 'NONE' })],
    ['says alg none and has a signature', makeToken(ec, {}, { alg: 'none' })],
    ['says nothing of its algorithm', makeToken(ec, {}, { alg: undefined })],
    ['has an empty algorithm', makeToken(ec, {}, { alg: '' })],
    ['writes its algorithm in lower case', makeToken(ec, {}, { alg: 'es256' })],
    ['is an HMAC with the public key as PEM', hmacToken(pem)],
    ['is an HMAC with the public key as trimmed PEM', hmacToken(pem.trim())],
    ['is an HMAC with the modulus', hmacToken(modulus)],
    ['is an HMAC with the modulus, decoded', hmacToken(Buffer.from(modulus, 'base64url'))],
    ['has an array for an algorithm', makeToken(ec, {}, { alg: ['ES256'] })],
    ['has an object for an algorithm', makeToken(ec, {}, { alg: { toString: 1, valueOf: 1 } })],
    ['nests its algorithm deep', signToken(`{"alg":${deep}}`, goodClaims, ec)],
    ['nests its algorithm deeper than the stack', signToken(`{"alg":${tooDeep}}`, goodClaims, ec)],
  ])('a token that %s is refused for its algorithm', async (_, token) => {
    const refusal = await expectUntold(token, 'token-algorithm')
    expect(refusal.logDetail).toMatch(/^alg /)
  })

  test('a token with an algorithm that the integration does not list is refused', async () => {
    await expectUntold(good, 'token-algorithm', tokenRules(keys, { algorithms: ['RS256'] }))
  })

  test('what a token says of its algorithm cannot forge a line of the log', async () => {
    const refusal = await refusalOf(
      makeToken(ec, {}, { alg: `x\r\nadmitted\u2028${'y'.repeat(300)}` }),
    )
    expect(refusal.logDetail).toMatch(/^alg x\?\?admitted\?y+\.\.\.$/)
    expect(refusal.logDetail!.length).toBeLessThan(220)
  })

  test('what is refused by its shape or its algorithm costs no request', async () => {
    let fetches = 0
    const cache = new KeyCache({
      issuer,
      fetch: async () => {
        fetches += 1
        return Promise.reject(new Error('away'))
      },
      observer: { keysRefreshed() {}, unknownKey() {} },
    })
    await expectUntold('a.b.c', 'token-malformed', tokenRules(cache))
    await expectUntold(makeToken(ec, {}, { alg: 'none' }), 'token-algorithm', tokenRules(cache))
    expect(fetches).toBe(0)
    const refusal = await refusalOf(good, tokenRules(cache))
    expect(refusal).toMatchObject({ reason: 'keys-unavailable', fault: 'issuer' })
    expect(refusal).toMatchObject({ clientDetail: undefined, logDetail: `no keys of ${issuer}` })
    expect(refusal.cause).toEqual(new Error('away'))
    expect(fetches).toBe(1)
  })

  test.each([
    ['RS256 relabelled as PS256', 'RS256', 'PS256', rsa],
    ['PS256 relabelled as RS256', 'PS256', 'RS256', rsa],
    ['RS256 relabelled as RS512', 'RS256', 'RS512', rsa],
  ])('a signature of %s is refused', async (_, signed, said, key) => {
    await expectUntold(makeToken(key, {}, { alg: said }, signed), 'token-signature')
  })

  test.each([
    ['RS256 relabelled as ES256', makeToken(rsa, {}, { alg: 'ES256' })],
    ['ES256 relabelled as RS256', makeToken(ec, {}, { alg: 'RS256' })],
    ['ES256 relabelled as EdDSA', makeToken(ec, {}, { alg: 'EdDSA' })],
    ['ES256 relabelled as ES384', makeToken(ec, {}, { alg: 'ES384' })],
    ['an unknown key id', makeToken(signingKey('unknown'))],
    ['a key id that is a number', makeToken(ec, {}, { kid: 5 })],
    ['a key id that is empty', makeToken(ec, {}, { kid: '' })],
  ])('a signature of %s finds no key', async (_, token) => {
    await expectUntold(token, 'token-unknown-key')
  })

  test('a token whose algorithm is not the one of its key finds no key', async () => {
    const its = tokenRules(keysOf([toJwk(rsa, { alg: 'RS256' })]))
    await expectUntold(makeToken(rsa, {}, {}, 'PS256'), 'token-unknown-key', its)
  })

  test.each([
    ['encryption', { use: 'enc' }],
    ['an algorithm of encryption', { alg: 'RSA-OAEP' }],
    ['another operation', { key_ops: ['encrypt'] }],
    ['keys to be wrapped in it', { key_ops: ['wrapKey', 'deriveKey'] }],
  ])('a token that is signed with a key for %s finds no key', async (_, more) => {
    const its = tokenRules(keysOf([toJwk(rsa, more), toJwk(ec)]))
    await expectUntold(makeToken(rsa), 'token-unknown-key', its)
    await expectUntold(makeToken(rsa, {}, { kid: undefined }), 'token-unknown-key', its)
  })

  test('a token without key id is refused where its issuer has two keys of its kind', async () => {
    const its = tokenRules(keysOf([toJwk(ec), toJwk(signingKey('second'))]))
    await expectUntold(makeToken(ec, {}, { kid: undefined }), 'token-unknown-key', its)
  })

  test.each([
    ['of another key with the same key id', makeToken(stranger)],
    ['that is missing', `${head}.${body}.`],
    ['that is cut short', good.slice(0, -4)],
    ['that is in DER', `${head}.${body}.${Buffer.alloc(70, 0x30).toString('base64url')}`],
    ['of zeroes', `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`],
    ['of another header', `${makeToken(ec, {}, { x: 1 }).split('.', 1)[0]!}.${body}.${signature}`],
    ['of other claims', `${head}.${makeToken(ec, { sub: 'root' }).split('.')[1]!}.${signature}`],
  ])('a signature %s is refused', async (_, token) => {
    await expectUntold(token, 'token-signature')
  })

  test.each([
    ['is an RSA key of 1,024 bits', signingKey('weak', 'RSA', 1_024), {}],
    ['is not on its curve', ec, { y: toJwk(ec).x }],
    ['lacks a coordinate', ec, { y: undefined }],
  ])('a token is refused when the key of its issuer %s', async (_, key, change) => {
    const its = tokenRules(keysOf([toJwk(key, change)]))
    const refusal = await expectUntold(makeToken(key), 'token-signature', its)
    expect(refusal.logDetail).toBeDefined()
  })

  test('a token is refused when its issuer publishes a private key', async () => {
    const jwk = { ...ec.privateKey.export({ format: 'jwk' }), kid: 'ec' }
    const refusal = await expectUntold(good, 'token-malformed', tokenRules(keysOf([jwk])))
    expect(refusal.logDetail).toContain('must be public keys')
  })

  test.each([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['of another issuer', 'https://other.example'],
    ['ours with a slash', `${issuer}/`],
    ['ours in upper case', issuer.toUpperCase()],
    ['ours with a port', `${issuer}:443`],
    ['ours in an array', [issuer]],
    ['an object', { toString: 1, valueOf: 1 }],
  ])('an issuer that is %s is refused', async (_, iss) => {
    const refusal = await expectUntold(makeToken(ec, { iss }), 'token-issuer')
    expect(refusal.logDetail).toMatch(/^iss .*, expected https:\/\/issuer\.example$/)
    expect(refusal.values).toEqual({ iss: shown(iss) })
  })

  test('the issuer is the one of the discovery document, slash and all', async () => {
    const its = tokenRules(keysOf([toJwk(ec)], `${issuer}/`))
    await expect(nameOf(makeToken(ec, { iss: `${issuer}/` }), its)).resolves.toBe('auth0|alice')
    await expectUntold(good, 'token-issuer', its)
  })

  test.each([
    ['names a claim', { crit: ['exp'], exp: nowSeconds + 600 }],
    ['names an extension', { crit: ['x'], x: 1 }],
    ['is empty', { crit: [] }],
    ['is no array', { crit: 'exp' }],
    ['turns the encoding of the payload off', { crit: ['b64'], b64: false }],
  ])('a critical header that %s is refused', async (_, more) => {
    await expectUntold(makeToken(ec, {}, more), 'token-malformed')
  })

  const claims = JSON.stringify(goodClaims)
  test.each([
    ['empty', ''],
    ['a word', 'hunter2'],
    ['one dot', '.'],
    ['two dots', '..'],
    ['of two segments', `${head}.${body}`],
    ['of four segments', `${good}.${signature}`],
    ['of five segments, as a JWE is', `${good}.${signature}.${signature}`],
    ['without a header', `.${body}.${signature}`],
    ['without claims', `${head}..${signature}`],
    ['behind the word Bearer', `Bearer ${good}`],
    ['behind a space', ` ${good}`],
    ['followed by a space', `${good} `],
    ['followed by a newline', `${good}\n`],
    [
      'with a blank in its signature',
      `${head}.${body}.${signature.slice(0, 9)} ${signature.slice(9)}`,
    ],
    ['with padding in its header', `${head}=.${body}.${signature}`],
    ['with padding in its claims', `${head}.${body}=.${signature}`],
    ['with padding behind its signature', `${good}==`],
    ['in base64 that is not for URLs', `${head}.${body}.${'+/'.repeat(43)}`],
    ['a mebibyte of one letter', 'a'.repeat(1_048_576)],
    ['a mebibyte of dots', '.'.repeat(1_048_576)],
    ['with a header that is no JSON', signToken('{alg:ES256}', goodClaims, ec)],
    ['with a header that is an array', signToken('[]', goodClaims, ec)],
    ['with a header behind a byte order mark', signToken('\uFEFF{"alg":"ES256"}', goodClaims, ec)],
    ['with claims that are no JSON', signToken(header, 'claims', ec)],
    ['with claims that are null', signToken(header, 'null', ec)],
    ['with claims behind a byte order mark', signToken(header, `\uFEFF${claims}`, ec)],
    ['with claims that go on after their end', signToken(header, `${claims}{}`, ec)],
  ])('a token that is %s is malformed', async (_, token) => {
    await expectUntold(token, 'token-malformed')
  })
})

describe('a token that brings its own keys', () => {
  let server: Server
  let url: string
  let connections = 0

  beforeAll(async () => {
    const authority = await createAuthority('Attacker')
    const { certificate, key } = await authority.issue({ commonName: 'localhost' })
    server = createServer({ cert: certificate, key }, (_, response) => {
      response.end(JSON.stringify({ keys: [toJwk(stranger)] }))
    })
    server.on('connection', (socket: Socket) => {
      connections += 1
      socket.destroy()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `https://localhost:${(server.address() as AddressInfo).port}`
  })

  afterAll(() => {
    server.close()
  })

  test.each([
    ['jku', () => ({ jku: `${url}/keys` })],
    ['x5u', () => ({ x5u: `${url}/certificate` })],
    ['jwk', () => ({ jwk: toJwk(stranger) })],
    ['x5c', () => ({ x5c: [Buffer.from('certificate').toString('base64')] })],
    ['each of them', () => ({ jku: url, x5u: url, jwk: toJwk(stranger) })],
  ])('in its header, as %s, is refused, and nothing is fetched', async (_, toHeader) => {
    connections = 0
    const header = toHeader()
    await expectUntold(makeToken(stranger, {}, header), 'token-signature')
    await expectUntold(makeToken(stranger, {}, { ...header, kid: 'x' }), 'token-unknown-key')
    await expectUntold(makeToken(stranger, { iss: url }, header), 'token-issuer')
    // One of our own comes last: whatever was on its way before has arrived by then.
    const own = connect(Number(new URL(url).port), '127.0.0.1')
    own.on('error', () => {})
    await once(own, 'close')
    expect(connections).toBe(1)
  })
})

describe('once the signature is verified', () => {
  test.each([
    ['missing', undefined, '(none)'],
    ['null', null, '(none)'],
    ['empty', [], '(none)'],
    ['another', 'foo', '"foo"'],
    ['an array of another', ['foo'], '"foo"'],
    ['an array of others', ['foo', 'bar'], '"foo", "bar"'],
    ['ours in upper case', clientId.toUpperCase(), '"PORTCULLIS"'],
    ['ours in an array in an array', [[clientId]], '"(array)"'],
    ['an object', { toString: 1, valueOf: 1 }, '"(object)"'],
    ['a number', 5, '"5"'],
    ['a forged line', 'foo\nbar', '"foo?bar"'],
    ['a dozen', Array.from({ length: 12 }, () => 'foo'), Array(10).fill('"foo"').join(', ')],
  ])('an audience that is %s is refused', async (_, aud, told) => {
    const refusal = await refusalOf(makeToken(ec, { aud }))
    expect(refusal).toMatchObject({
      reason: 'token-audience',
      clientDetail: `The token was issued for an alternate audience: ${told}.`,
      logDetail: 'sub auth0|alice',
    })
  })

  test('an integration without any audience accepts nobody', async () => {
    const its = tokenRules(keys, { clientId: undefined, additionalAudiences: [] })
    await expect(refusalOf(makeToken(ec), its)).resolves.toMatchObject({ reason: 'token-audience' })
  })

  describe('where none need be said', () => {
    const its = tokenRules(keys, { allowsNoAudience: true })
    const cognito = { aud: undefined, azp: undefined, client_id: clientId, token_use: 'access' }

    test('a token of our client without one is accepted', async () => {
      expect(await verifyToken(makeToken(ec, cognito), its, now)).toMatchObject({
        subject: 'auth0|alice',
      })
      expect(previewToken(makeToken(ec, cognito), its, now, () => {}).subject).toBe('auth0|alice')
    })

    test.each([
      ['of another client', its, { ...cognito, client_id: 'other' }, 'token-authorized-party'],
      ['of nobody', its, { ...cognito, client_id: undefined }, 'token-authorized-party'],
      ['for another audience', its, { ...cognito, aud: 'other' }, 'token-audience'],
      ['for no audience, but saying so', its, { ...cognito, aud: [] }, 'token-audience'],
      ['for nothing', its, { ...cognito, aud: null }, 'token-audience'],
      ['where one must be said', rules, cognito, 'token-audience'],
      [
        'where there is no client of ours',
        tokenRules(keys, { allowsNoAudience: true, clientId: undefined }),
        cognito,
        'token-audience',
      ],
    ])('a token %s is not', async (_, by, claims, reason) => {
      expect(await refusalOf(makeToken(ec, claims), by)).toMatchObject({ reason })
    })
  })

  const nobody = 'nobody in particular'
  test.each([
    ['an azp that is another', { azp: 'other' }, '"other"'],
    ['an azp that is empty', { azp: '' }, '""'],
    ['an azp in upper case', { azp: clientId.toUpperCase() }, '"PORTCULLIS"'],
    ['an azp that is an object', { azp: { toString: 1 } }, '"(object)"'],
    ['another azp and our client_id', { azp: 'other', client_id: clientId }, '"other"'],
    ['our azp and another client_id', { client_id: 'other' }, '"portcullis"'],
    ['a null azp and our client_id', { azp: null, client_id: clientId }, '"portcullis"'],
    ['another client_id alone', { azp: undefined, client_id: 'other' }, '"other"'],
    ['another appid alone', { azp: undefined, appid: 'other' }, '"other"'],
    ['no azp and several audiences', { azp: undefined, aud: [clientId, 'other'] }, nobody],
    ['no azp and ours twice', { azp: undefined, aud: [clientId, clientId] }, nobody],
    ['no azp and an additional audience', { azp: undefined, aud: 'https://db.example' }, nobody],
    ['an additional audience and another azp', { azp: 'o', aud: ['https://db.example'] }, '"o"'],
  ])('a token with %s is refused', async (_, claims, told) => {
    const refusal = await refusalOf(makeToken(ec, claims))
    expect(refusal.reason).toBe('token-authorized-party')
    expect(refusal.clientDetail).toContain(
      'authorized party (azp) that does not match the configured client_id',
    )
    expect(refusal.clientDetail).toContain(`: it was issued to ${told}.`)
  })

  test.each([
    ['logout+jwt', '"logout+jwt"'],
    ['secevent+jwt', '"secevent+jwt"'],
    ['dpop+jwt', '"dpop+jwt"'],
    ['', '""'],
    [null, '(none)'],
    [5, '"5"'],
    [['JWT'], '"JWT"'],
    [{ toString: 1 }, '"(object)"'],
  ])('a token of type %j is refused', async (typ, told) => {
    const refusal = await refusalOf(makeToken(ec, {}, { typ }))
    expect(refusal).toMatchObject({
      reason: 'token-type',
      clientDetail: `The token is of type ${told}.`,
    })
  })

  const byEmail = tokenRules(keys, { principalClaim: 'email' })

  test.each([
    ['a text', 'Alice@Example.COM', 'Alice@Example.COM'],
    ['a number', 1_234, '1234'],
    ['zero', 0, '0'],
    ['in another normal form', 'ame\u0301lie', 'ame\u0301lie'],
    ['255 bytes long', 'é'.repeat(127) + 'x', 'é'.repeat(127) + 'x'],
    ['a list of one', ['alice'], 'alice'],
    ['a list of several', ['alice', 5, 'ops', 'alice'], 'alice | 5 | ops'],
    ['a list with other things', [null, '', ['x'], {}, true, 'a\nb', 'ops'], 'ops'],
  ])('a principal that is %s is taken as it is', async (_, email, name) => {
    await expect(nameOf(makeToken(ec, { email }), byEmail)).resolves.toBe(name)
  })

  test.each([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['an object', { toString: 1 }],
    ['an empty list', []],
    ['a list of nothing usable', [null, '', ['alice'], {}]],
    ['a list of more than a hundred', Array.from({ length: 101 }, (_, i) => `name-${i}`)],
    ['true', true],
    ['a name with a NUL', 'alice\0'],
    ['a name with a newline', 'alice\nroot'],
    ['a name with an escape character', 'alice\u001B[2J'],
    ['a name with a C1 control character', 'alice\u0085'],
    ['256 bytes long', 'x'.repeat(256)],
    ['256 bytes long in fewer letters', 'é'.repeat(128)],
  ])('a principal that is %s is refused', async (_, email) => {
    await expect(refusalOf(makeToken(ec, { email }), byEmail)).resolves.toMatchObject({
      reason: 'token-claim',
      clientDetail: 'The token has no usable claim "email".',
    })
  })

  test.each([
    ['null', null],
    ['empty', ''],
    ['an object', { toString: 1 }],
    ['an array', ['alice']],
    ['a name with a newline', 'alice\nroot'],
    ['256 bytes long', 'x'.repeat(256)],
  ])('a subject that is %s is refused, whichever claim names the principal', async (_, sub) => {
    const token = makeToken(ec, { sub, email: 'alice@example.com' })
    await expect(refusalOf(token, byEmail)).resolves.toMatchObject({
      reason: 'token-claim',
      clientDetail: 'The token has no usable claim "sub".',
    })
  })

  test('a token without subject is refused', async () => {
    await expect(refusalOf(makeToken(ec, { sub: undefined }))).resolves.toMatchObject({
      reason: 'token-claim',
      clientDetail: 'The claim "sub" is missing or not of the right type.',
    })
  })

  test('a subject that is a number is the text of that number', async () => {
    await expect(verifyToken(makeToken(ec, { sub: 5 }), rules, now)).resolves.toMatchObject({
      subject: '5',
      names: ['5'],
    })
  })

  test('an expired token whose subject is an object is refused as any other', async () => {
    const refusal = await refusalOf(makeToken(ec, { exp: 1, sub: { toString: 1 } }))
    expect(refusal).toMatchObject({ reason: 'token-expired', logDetail: 'sub (object)' })
  })

  test.each([
    ['email', false],
    ['/email', false],
    ['/email/0', false],
    ['email', 'false'],
  ])('the principal %s is refused when email_verified is %j', async (principalClaim, verified) => {
    const email = principalClaim === '/email/0' ? ['alice@example.com'] : 'alice@example.com'
    const token = makeToken(ec, { email, email_verified: verified })
    await expect(refusalOf(token, tokenRules(keys, { principalClaim }))).resolves.toMatchObject({
      reason: 'token-claim',
      clientDetail: 'The e-mail address is not verified.',
    })
  })

  test.each([
    ['email', true, 'alice@example.com'],
    ['email', 'true', 'alice@example.com'],
    ['email', undefined, 'alice@example.com'],
    ['sub', false, 'auth0|alice'],
  ])(
    'the principal %s is accepted when email_verified is %j',
    async (principalClaim, verified, name) => {
      const token = makeToken(ec, { email: 'alice@example.com', email_verified: verified })
      await expect(nameOf(token, tokenRules(keys, { principalClaim }))).resolves.toBe(name)
    },
  )

  test('the principal may be anywhere in the claims, by JSON Pointer', async () => {
    const its = tokenRules(keys, { principalClaim: '/kubernetes.io/serviceaccount/name' })
    const token = makeToken(ec, { 'kubernetes.io': { serviceaccount: { name: 'builder' } } })
    await expect(nameOf(token, its)).resolves.toBe('builder')
  })

  test('groups come from every claim that the integration names, each once', async () => {
    const its = tokenRules(keys, { groupsClaimIds: ['groups', '/realm_access/roles', 'missing'] })
    const token = makeToken(ec, { groups: 'a, b', realm_access: { roles: ['b', 5, 'c'] } })
    const principal = await verifyToken(token, its, now)
    expect(principal.groups).toEqual(['a', 'b', 'c'])
  })

  test.each([
    [
      'what stands beside a thousand levels',
      JSON.stringify({ ...goodClaims }).replace(
        '{',
        `{"deep":${'['.repeat(1_000)}${']'.repeat(1_000)},`,
      ),
    ],
    [
      'what stands beside __proto__',
      `{"__proto__":{"sub":"eve"},${JSON.stringify(goodClaims).slice(1)}`,
    ],
  ])('claims mean %s, before and after', async (_, claims) => {
    const token = signToken({ alg: 'ES256', kid: 'ec' }, claims, ec)
    await expect(nameOf(token)).resolves.toBe('auth0|alice')
  })

  test('claims in another encoding than UTF-8 are malformed', async () => {
    const json = JSON.stringify({ ...goodClaims, sub: 'al\u00EFce' })
    const token = signToken({ alg: 'ES256', kid: 'ec' }, Buffer.from(json, 'latin1'), ec)
    await expectUntold(token, 'token-malformed')
  })
})

describe('what a verification promises', () => {
  test('the same token is judged by the clock that is given, not by the one on the wall', async () => {
    const token = makeToken(ec)
    const later = new Date((goodClaims.exp + 31) * 1_000)
    await expect(verifyToken(token, rules, now)).resolves.toBeDefined()
    await expect(refusalOf(token, rules, later)).resolves.toMatchObject({ reason: 'token-expired' })
  })
})
