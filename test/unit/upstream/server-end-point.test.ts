import '../../../src/upstream/reflect-metadata.ts'
import { createHash, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { expect, test } from 'vitest'
import { serverEndPoint } from '../../../src/upstream/server-end-point.ts'

type Signing = Parameters<typeof webcrypto.subtle.generateKey>[0] & { hash?: string }

const rsa = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
}
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' }

/** A certificate that its own key has signed. */
async function certificateSignedBy(algorithm: Signing): Promise<X509Certificate> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=localhost',
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 60_000),
    },
    webcrypto,
  )
  return new X509Certificate(certificate.toString('pem'))
}

test.each<[string, Signing, string]>([
  ['RSA and SHA-1', { ...rsa, hash: 'SHA-1' }, 'sha256'],
  ['RSA and SHA-256', { ...rsa, hash: 'SHA-256' }, 'sha256'],
  ['RSA and SHA-384', { ...rsa, hash: 'SHA-384' }, 'sha384'],
  ['RSA and SHA-512', { ...rsa, hash: 'SHA-512' }, 'sha512'],
  ['ECDSA and SHA-1', { ...ecdsa, hash: 'SHA-1' }, 'sha256'],
  ['ECDSA and SHA-256', { ...ecdsa, hash: 'SHA-256' }, 'sha256'],
  ['ECDSA and SHA-384', { ...ecdsa, hash: 'SHA-384' }, 'sha384'],
  ['ECDSA and SHA-512', { ...ecdsa, hash: 'SHA-512' }, 'sha512'],
])('a certificate that is signed by %s has its hash', async (_, algorithm, hash) => {
  const certificate = await certificateSignedBy(algorithm)
  expect(serverEndPoint(certificate)).toEqual(createHash(hash).update(certificate.raw).digest())
})

test.each<[string, Signing]>([
  ['Ed25519', { name: 'Ed25519' }],
  ['RSASSA-PSS', { ...rsa, name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 } as Signing],
])('a certificate that is signed by %s has none', async (_, algorithm) => {
  expect(serverEndPoint(await certificateSignedBy(algorithm))).toBeUndefined()
})

test('a runtime that does not tell the algorithm has none', async () => {
  const untold = await certificateSignedBy({ ...ecdsa, hash: 'SHA-256' })
  Object.defineProperty(untold, 'signatureAlgorithmOid', { value: undefined })
  expect(serverEndPoint(untold)).toBeUndefined()
})
