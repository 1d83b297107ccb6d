import { generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseDecryptionKeys } from '../../../src/identity/decryption-keys.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey
const weak = generateKeyPairSync('rsa', { modulusLength: 2_040 }).privateKey
const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey
const p256 = ec('P-256')

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const jwk = (key: KeyObject, more: JsonWebKey = {}): JsonWebKey => ({
  ...key.export({ format: 'jwk' }),
  ...more,
})
const setOf = (...keys: readonly unknown[]): string => JSON.stringify({ keys })

describe('our private keys', () => {
  test.each([
    ['RSA of 2,048 bits', rsa, 'rsa'],
    ['P-256', p256, 'ec'],
    ['P-384', ec('P-384'), 'ec'],
    ['P-521', ec('P-521'), 'ec'],
    ['X25519', generateKeyPairSync('x25519').privateKey, 'x25519'],
  ] as const)('may be of %s, in PEM and in a key set', (_, key, type) => {
    for (const text of [pem(key), setOf(jwk(key)), `\n ${setOf(jwk(key))}\n`]) {
      const [read, ...others] = parseDecryptionKeys(text)
      expect(read?.key.asymmetricKeyType).toBe(type)
      expect(read?.key.type).toBe('private')
      expect(others).toEqual([])
    }
  })

  test('have the name and the algorithm that their set says, and may be for encryption', () => {
    const named = jwk(rsa, { kid: 'a', alg: 'RSA-OAEP', use: 'enc' })
    expect(parseDecryptionKeys(setOf(named))).toMatchObject([{ kid: 'a', alg: 'RSA-OAEP' }])
    const odd = { ...jwk(rsa), kid: 5, alg: 6 }
    expect(parseDecryptionKeys(setOf(odd))).toMatchObject([{ kid: undefined, alg: undefined }])
    expect(parseDecryptionKeys(pem(rsa))).toMatchObject([{ kid: undefined, alg: undefined }])
  })

  test('leave out those of the set that are for signatures', () => {
    const set = setOf(jwk(rsa, { use: 'sig', kid: 'a' }), jwk(p256, { kid: 'b' }))
    expect(parseDecryptionKeys(set).map(({ kid }) => kid)).toEqual(['b'])
  })

  test('may be ten', () => {
    const ten = Array.from({ length: 10 }, () => jwk(p256))
    expect(parseDecryptionKeys(setOf(...ten))).toHaveLength(10)
    expect(() => parseDecryptionKeys(setOf(...ten, jwk(p256)))).toThrow('more than 10 keys')
  })

  test.each<[string, string, string]>([
    ['nothing', '', 'it is no key set and no key in PEM'],
    ['two keys in PEM', pem(rsa) + pem(p256), 'it is no key set and no key in PEM'],
    ['a public key in PEM', 'public', 'the key cannot be read'],
    ['a key with a passphrase', 'encrypted', 'the key cannot be read'],
    ['an empty set', setOf(), 'it has no key for encryption'],
    ['a set of signing keys', setOf(jwk(rsa, { use: 'sig' })), 'it has no key for encryption'],
    ['another object', '{"key":[]}', 'it has no key for encryption'],
    ['a set that is none', '{"keys":{}}', 'it has no key for encryption'],
    ['broken JSON', '{"keys":', 'it has no key for encryption'],
    ['a member that is no key', setOf(jwk(p256), 'hunter2'), 'key 2 of the set is none'],
    [
      'a public member',
      setOf({ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }),
      'key 1 of the set has no private part',
    ],
    [
      'a broken member',
      setOf({ kty: 'EC', crv: 'P-256', d: 'hunter2' }),
      'key 1 of the set cannot be read',
    ],
    [
      'RSA of fewer bits',
      setOf(jwk(weak)),
      'key 1 of the set has 2040 bits: RSA needs at least 2048',
    ],
    [
      'a curve of Bitcoin',
      pem(ec('secp256k1')),
      'the key is not of RSA, P-256, P-384, P-521 or X25519',
    ],
    [
      'a key for signatures alone',
      pem(generateKeyPairSync('ed25519').privateKey),
      'the key is not of RSA',
    ],
  ])('are not %s', (_, text, message) => {
    const given =
      text === 'public'
        ? generateKeyPairSync('ed25519')
            .publicKey.export({ type: 'spki', format: 'pem' })
            .toString()
        : text === 'encrypted'
          ? p256
              .export({
                type: 'pkcs8',
                format: 'pem',
                cipher: 'aes-256-cbc',
                passphrase: 'hunter2',
              })
              .toString()
          : text
    expect(() => parseDecryptionKeys(given)).toThrow(message)
    expect(() => parseDecryptionKeys(given)).not.toThrow('hunter2')
  })
})
