import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import { describe, expect, test } from 'vitest'
import { type DecryptionKey, parseDecryptionKeys } from '../../../src/identity/decryption-keys.ts'
import { openToken } from '../../../src/identity/open-token.ts'
import { VerifiedTokens } from '../../../src/identity/verified-tokens.ts'
import { Refusal } from '../../../src/refusal.ts'
import {
  goodClaims,
  issuer,
  type Json,
  keysOf,
  makeToken,
  now,
  signingKey,
  signToken,
  tokenRules,
  toJwk,
} from './tokens.ts'

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const signer = signingKey('one')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const x25519 = generateKeyPairSync('x25519')
const stranger = generateKeyPairSync('rsa', { modulusLength: 2_048 })

/** A key set as an operator writes it, with a key for signatures that is not for this. */
const ours = parseDecryptionKeys(
  JSON.stringify({
    keys: [
      { ...privateJwk(rsa), kid: 'rsa', use: 'enc' },
      { ...privateJwk(ec), kid: 'ec' },
      { ...privateJwk(stranger), kid: 'rsa', use: 'sig' },
    ],
  }),
)

function privateJwk({ privateKey }: Pair): Json {
  return { ...privateKey.export({ format: 'jwk' }) }
}

async function encrypt(
  content: string,
  to: KeyObject | Uint8Array,
  header: Json = {},
): Promise<string> {
  return new CompactEncrypt(Buffer.from(content))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT', ...header })
    .encrypt(to)
}

async function refusalOf(token: string, keys: readonly DecryptionKey[] = ours): Promise<Refusal> {
  const rules = tokenRules(keysOf([toJwk(signer)]), { decryptionKeys: keys })
  const outcome: unknown = await new VerifiedTokens(rules, 65_536)
    .verify(token, now)
    .catch((error: unknown) => error)
  if (!(outcome instanceof Refusal)) throw new Error('the token was accepted')
  expect(outcome).toMatchObject({ clientDetail: undefined, cause: undefined })
  const told = [outcome.message, outcome.hint, outcome.logDetail].join('\n')
  for (const segment of token.split('.').filter(({ length }) => length > 8)) {
    expect(told).not.toContain(segment)
  }
  return outcome
}

describe('an encrypted token', () => {
  test.each([
    ['RSA-OAEP', 'rsa', rsa],
    ['RSA-OAEP-256', 'rsa', rsa],
    ['RSA-OAEP-384', 'rsa', rsa],
    ['RSA-OAEP-512', 'rsa', rsa],
    ['ECDH-ES', 'ec', ec],
    ['ECDH-ES+A128KW', 'ec', ec],
    ['ECDH-ES+A192KW', 'ec', ec],
    ['ECDH-ES+A256KW', 'ec', ec],
  ])('is opened with %s, and verified like any other', async (alg, kid, { publicKey }) => {
    const rules = tokenRules(keysOf([toJwk(signer)]), { decryptionKeys: ours })
    for (const header of [{ alg, kid }, { alg }]) {
      const token = await encrypt(makeToken(signer), publicKey, header)
      const principal = await new VerifiedTokens(rules, 65_536).verify(token, now)
      expect(principal).toMatchObject({ names: ['auth0|alice'], kind: 'id_token' })
    }
  })

  test.each(['A128GCM', 'A192GCM', 'A256GCM', 'A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512'])(
    'is opened where its content is encrypted with %s',
    async (enc) => {
      const content = makeToken(signer)
      const token = await encrypt(content, rsa.publicKey, { enc })
      await expect(openToken(token, ours)).resolves.toBe(content)
    },
  )

  test('is opened with a key in PEM, and with X25519', async () => {
    const content = makeToken(signer)
    for (const [pair, alg] of [
      [rsa, 'RSA-OAEP-256'],
      [ec, 'ECDH-ES'],
      [x25519, 'ECDH-ES'],
    ] as const) {
      const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
      const token = await encrypt(content, pair.publicKey, { alg, kid: 'any' })
      await expect(openToken(token, parseDecryptionKeys(pem))).resolves.toBe(content)
    }
  })

  test('is refused without keys of ours, which says what to do', async () => {
    const token = await encrypt(makeToken(signer), rsa.publicKey)
    await expect(openToken(token, undefined)).rejects.toMatchObject({
      reason: 'token-encrypted',
      sqlstate: '0A000',
      hint: expect.stringContaining('signed and not encrypted') as string,
    })
  })

  test.each([
    ['RSA1_5', { alg: 'RSA1_5' }],
    ['dir', { alg: 'dir' }],
    ['A256KW alone', { alg: 'A256KW' }],
    ['A256GCMKW alone', { alg: 'A256GCMKW' }],
    ['PBES2', { alg: 'PBES2-HS256+A128KW', p2c: 1e9, p2s: 'x' }],
    ['no algorithm', { alg: undefined }],
    ['none', { alg: 'none' }],
    ['a signature algorithm', { alg: 'RS256' }],
    ['an unknown content encryption', { enc: 'XC20P' }],
    ['its two algorithms confused', { alg: 'A256GCM', enc: 'RSA-OAEP-256' }],
    ['a compressed content', { zip: 'DEF' }],
    ['an algorithm that is an object', { alg: {} }],
  ])('is refused with %s', async (_, header) => {
    const good = await encrypt(makeToken(signer), rsa.publicKey)
    const relabelled = { alg: 'RSA-OAEP-256', enc: 'A256GCM', ...header }
    const head = Buffer.from(JSON.stringify(relabelled)).toString('base64url')
    const token = [head, ...good.split('.').slice(1)].join('.')
    expect(await refusalOf(token)).toMatchObject({ reason: 'token-algorithm' })
  })

  test('of five segments that says nothing of encryption is no token at all', async () => {
    for (const five of [`${makeToken(signer)}.a.b`, 'a.b.c.d.e', '....']) {
      await expect(openToken(five, ours)).rejects.toMatchObject({ reason: 'token-malformed' })
    }
  })

  test('is refused where a shared secret would have opened it', async () => {
    const secret = Buffer.alloc(32, 1)
    const token = await encrypt(makeToken(signer), secret, { alg: 'dir' })
    expect(await refusalOf(token)).toMatchObject({ reason: 'token-algorithm' })
  })

  test.each([
    ['to the key of somebody else', stranger.publicKey, {}, 'decryption operation failed'],
    ['to a key that we do not have', rsa.publicKey, { kid: 'another' }, '0 keys fit'],
    ['to the key of another kind', ec.publicKey, { alg: 'ECDH-ES', kid: 'rsa' }, '0 keys fit'],
  ])('is refused %s', async (_, to, header, told) => {
    const token = await encrypt(makeToken(signer), to, header)
    expect(await refusalOf(token)).toMatchObject({
      reason: 'token-decryption',
      logDetail: expect.stringContaining(told) as string,
    })
  })

  test('is refused where several keys fit and it names none', async () => {
    const twins = parseDecryptionKeys(
      JSON.stringify({
        keys: [
          { ...privateJwk(rsa), kid: 'a' },
          { ...privateJwk(stranger), kid: 'b' },
        ],
      }),
    )
    const content = makeToken(signer)
    const unnamed = await encrypt(content, rsa.publicKey)
    expect(await refusalOf(unnamed, twins)).toMatchObject({
      reason: 'token-decryption',
      logDetail: '2 keys fit alg RSA-OAEP-256, kid undefined',
    })
    const named = await encrypt(content, rsa.publicKey, { kid: 'a' })
    await expect(openToken(named, twins)).resolves.toBe(content)
  })

  test('is opened with the key for its algorithm alone', async () => {
    const only = (pair: Pair, alg: string) => ({ ...privateJwk(pair), alg })
    const set = (...keys: readonly Json[]) => parseDecryptionKeys(JSON.stringify({ keys }))
    const content = makeToken(signer)
    const token = await encrypt(content, rsa.publicKey)
    const both = set(only(stranger, 'RSA-OAEP'), only(rsa, 'RSA-OAEP-256'))
    await expect(openToken(token, both)).resolves.toBe(content)
    expect(await refusalOf(token, set(only(rsa, 'RSA-OAEP')))).toMatchObject({
      reason: 'token-decryption',
      logDetail: '0 keys fit alg RSA-OAEP-256, kid undefined',
    })
  })

  test.each([0, 1, 2, 3, 4])('is refused when segment %d was changed', async (index) => {
    const segments = (await encrypt(makeToken(signer), rsa.publicKey, { x: 'AAAA' })).split('.')
    const bytes = Buffer.from(segments[index]!, 'base64url')
    // Still a header, but not the one that is authenticated.
    if (index === 0) bytes.write(bytes.toString().replace('AAAA', 'AAAB'))
    else bytes[0]! ^= 1
    segments[index] = bytes.toString('base64url')
    expect(await refusalOf(segments.join('.'))).toMatchObject({ reason: 'token-decryption' })
  })

  test('is refused with an ephemeral key that is not on its curve', async () => {
    const good = await encrypt(makeToken(signer), ec.publicKey, { alg: 'ECDH-ES' })
    const [first = '', ...rest] = good.split('.')
    const header = JSON.parse(Buffer.from(first, 'base64url').toString()) as { epk: Json }
    const epk = { ...header.epk, y: header.epk['x'] }
    const head = Buffer.from(JSON.stringify({ ...header, epk })).toString('base64url')
    const refusal = await refusalOf([head, ...rest].join('.'))
    expect(refusal).toMatchObject({ reason: 'token-decryption' })
  })

  test('is refused with a critical header', async () => {
    const good = await encrypt(makeToken(signer), rsa.publicKey)
    const header = { alg: 'RSA-OAEP-256', enc: 'A256GCM', crit: ['x'], x: 1 }
    const head = Buffer.from(JSON.stringify(header)).toString('base64url')
    const token = [head, ...good.split('.').slice(1)].join('.')
    expect(await refusalOf(token)).toMatchObject({ reason: 'token-decryption' })
  })

  test.each([
    ['claims without a signature', () => JSON.stringify(goodClaims), 'token-malformed'],
    ['nothing', () => '', 'token-malformed'],
    ['two segments', () => makeToken(signer).split('.').slice(0, 2).join('.'), 'token-malformed'],
    ['a token with alg none', () => unsecured(), 'token-algorithm'],
    ['a token of somebody else', () => makeToken(signingKey('one')), 'token-signature'],
    ['a token of another issuer', () => makeToken(signer, { iss: 'https://x' }), 'token-issuer'],
  ])('is refused when its content is %s', async (_, content, reason) => {
    expect(await refusalOf(await encrypt(content(), rsa.publicKey))).toMatchObject({ reason })
  })

  test('is opened once: what is encrypted twice is refused', async () => {
    const inner = await encrypt(makeToken(signer), rsa.publicKey)
    expect(await refusalOf(await encrypt(inner, rsa.publicKey))).toMatchObject({
      reason: 'token-malformed',
      logDetail: 'the content is not a signed token',
    })
  })

  test.each([
    ['iss', 'https://another.example'],
    ['sub', 'eve'],
    ['aud', ['portcullis']],
  ])('is refused when %s in its header is not that of its content', async (claim, value) => {
    const token = await encrypt(makeToken(signer), rsa.publicKey, { [claim]: value })
    expect(await refusalOf(token)).toMatchObject({ reason: 'token-malformed' })
    const { aud, sub } = goodClaims
    const same = await encrypt(makeToken(signer), rsa.publicKey, { iss: issuer, aud, sub })
    await expect(openToken(same, ours)).resolves.toBeDefined()
  })

  test('keeps what is expired, for another audience or of another kind refused', async () => {
    const rules = tokenRules(keysOf([toJwk(signer)]), { decryptionKeys: ours })
    const tokens = new VerifiedTokens(rules, 65_536)
    for (const [claims, reason] of [
      [{ exp: 1 }, 'token-expired'],
      [{ aud: 'another' }, 'token-audience'],
      [{ events: {} }, 'token-type'],
    ] as const) {
      const token = await encrypt(makeToken(signer, claims), rsa.publicKey)
      await expect(tokens.verify(token, now)).rejects.toMatchObject({ reason })
    }
  })

  test('of any other form is passed on as it is', async () => {
    for (const token of ['', 'a.b.c', 'a.b.c.d', 'a.b.c.d.e.f']) {
      await expect(openToken(token, ours)).resolves.toBe(token)
    }
  })
})

function unsecured(): string {
  const token = signToken({ alg: 'none' }, goodClaims, signer)
  return token.slice(0, token.lastIndexOf('.') + 1)
}

describe('our private keys', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 })
  const k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const ed = generateKeyPairSync('ed25519')
  const pem = (key: KeyObject) =>
    key.export({ type: key.type === 'public' ? 'spki' : 'pkcs8', format: 'pem' }).toString()
  const set = (...keys: readonly Json[]) => JSON.stringify({ keys })

  test.each([
    ['nothing', '', 'no key set and no key in PEM'],
    ['no JSON', '{', 'has no key for encryption'],
    ['an empty set', set(), 'has no key for encryption'],
    ['keys for signatures alone', set({ ...privateJwk(rsa), use: 'sig' }), 'has no key'],
    ['a public key', set({ ...rsa.publicKey.export({ format: 'jwk' }) }), 'no private part'],
    ['a public key in PEM', pem(rsa.publicKey), 'cannot be read'],
    ['a secret', set({ kty: 'oct', k: 'c2VjcmV0', d: 'x' }), 'cannot be read'],
    ['a weak key', set(privateJwk(weak)), 'has 1024 bits'],
    ['a weak key in PEM', pem(weak.privateKey), 'has 1024 bits'],
    ['another curve', pem(k1.privateKey), 'is not of RSA, P-256'],
    ['a key for signatures', pem(ed.privateKey), 'is not of RSA, P-256'],
    ['two keys in PEM', pem(rsa.privateKey) + pem(ec.privateKey), 'no key in PEM'],
    ['too many', set(...Array.from({ length: 11 }, () => privateJwk(ec))), 'more than 10'],
    ['a broken key', set({ ...privateJwk(rsa), p: 'AA' }), ''],
  ])('are not %s', (_, text, told) => {
    let message = ''
    try {
      parseDecryptionKeys(text)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      message = error.message
      expect(error.cause).toBeUndefined()
    }
    expect(message).toContain(told)
    for (const pair of [rsa, ec, weak]) {
      expect(message).not.toContain(String(privateJwk(pair)['d']).slice(0, 12))
    }
  })
})
