import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { assessKeys } from '../../../src/identity/assess-keys.ts'
import { Findings } from '../../../src/identity/finding.ts'

const rsa = jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)
const weak = jwk(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)
const curve = jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
const edwards = jwk(generateKeyPairSync('ed25519').publicKey)
const secretKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  format: 'jwk',
})
const common = ['RS256', 'ES256', 'EdDSA']

function jwk(key: { export(options: { format: 'jwk' }): JsonWebKey }): JsonWebKey {
  return key.export({ format: 'jwk' })
}

async function assess(
  keys: readonly unknown[],
  algorithms: readonly string[] = common,
): Promise<readonly string[]> {
  const findings = new Findings('x')
  // The members of a key are whatever a provider says.
  await assessKeys(keys as Parameters<typeof assessKeys>[0], algorithms, findings)
  return findings.all.map(({ verdict, found }) => `${verdict}: ${found}`)
}

test.each<[string, object, string]>([
  ['an RSA key', rsa, 'RSA of 2048 bits for RS256'],
  ['an RSA key with its algorithm', { ...rsa, alg: 'RS256' }, 'RSA of 2048 bits for RS256'],
  ['a key of a curve', { ...curve, use: 'sig' }, 'P-256 for ES256'],
  ['an Edwards key', { ...edwards, key_ops: ['verify'] }, 'Ed25519 for EdDSA'],
])('%s is usable', async (_, key, shown) => {
  expect(await assess([{ ...key, kid: 'k' }])).toEqual([`ok: "k" ${shown}`])
  expect(await assess([key])).toEqual([`ok: (no kid) ${shown}`])
})

const none = 'problem: none of 1 keys can verify a token signed with RS256, ES256, EdDSA'

test.each<[string, object, string | undefined]>([
  ['that is too short', weak, 'RSA has only 1024 bits'],
  [
    'for an algorithm that is not accepted',
    { ...rsa, alg: 'PS256' },
    'RSA is for PS256, which is not accepted',
  ],
  [
    'of an unknown curve',
    { ...curve, crv: 'P-999' },
    'P-999 is for other algorithms, which is not accepted',
  ],
  ['for encryption', { ...rsa, use: 'enc' }, undefined],
  ['for other operations', { ...rsa, key_ops: ['encrypt'] }, undefined],
  ['that is private', secretKey, 'P-256 is a private key, which is published'],
  ['that is shared', { kty: 'oct', k: 'aHVudGVyMg' }, 'oct is a secret key, which is published'],
  ['that is broken', { ...curve, x: 'AAAA' }, 'P-256 cannot be read'],
  ['without members', { kty: 'RSA' }, 'RSA cannot be read'],
  [
    'of members of other types',
    { kty: 7, alg: {}, key_ops: 5 },
    '7 is for (object), which is not accepted',
  ],
  ['of nothing', {}, 'undefined is for other algorithms, which is not accepted'],
])('a key %s is not', async (_, key, fault) => {
  const faults = fault === undefined ? [] : [`warning: "k" ${fault}`]
  expect(await assess([{ ...key, kid: 'k' }])).toEqual([none, ...faults])
})

test('one usable key is enough', async () => {
  const found = await assess([
    { ...weak, kid: 'a' },
    { ...rsa, kid: 'b' },
  ])
  expect(found).toEqual([
    'ok: "b" RSA of 2048 bits for RS256',
    'warning: "a" RSA has only 1024 bits',
  ])
})

test('no key at all is a problem', async () => {
  expect(await assess([])).toEqual([none.replace('1', '0')])
})

test('two keys of one name are found', async () => {
  const found = await assess([
    { ...rsa, kid: 'k' },
    { ...curve, kid: 'k' },
  ])
  expect(found.at(-1)).toMatch(/^warning: several keys have the kid "k"/)
})

test('a name cannot forge a line, and a thousand keys make few lines', async () => {
  const [line] = await assess([{ ...rsa, kid: 'a\nok: b' }])
  expect(line).not.toContain('\n')
  expect(await assess(Array.from({ length: 1_000 }, () => ({ kty: 'oct', k: 'x' })))).toHaveLength(
    11,
  )
})
