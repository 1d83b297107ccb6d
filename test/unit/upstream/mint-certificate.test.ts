import '../../../src/upstream/reflect-metadata.ts'
import { createPrivateKey, KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { describe, expect, test } from 'vitest'
import type { CertificateAuthority } from '../../../src/upstream/certificate-authority.ts'
import { mintAuthority, mintCertificate } from '../../../src/upstream/mint-certificate.ts'

const now = Math.floor(Date.now() / 1_000) * 1_000
const period = { notBefore: new Date(now - 60_000), notAfter: new Date(now + 600_000) }

async function newAuthority(name = 'an authority'): Promise<CertificateAuthority> {
  const { certificate, key } = await mintAuthority(name, period)
  return { certificate: new X509Certificate(certificate), key: createPrivateKey(key) }
}

const authority = await newAuthority()

async function mint(role: string, by = authority): Promise<X509Certificate> {
  const { certificate, key } = await mintCertificate(by, role, period)
  const read = new X509Certificate(certificate)
  expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true)
  return read
}

/** An attribute of the subject as it is in the certificate: the OID of CN, a UTF8String, its bytes. */
function commonNameOf(name: string): Buffer {
  const bytes = Buffer.from(name)
  return Buffer.concat([Buffer.from([0x06, 3, 0x55, 4, 3, 0x0c, bytes.length]), bytes])
}

describe('a minted certificate', () => {
  test.each([
    'app_readonly',
    'Ünïcödé ролі 角色',
    'with "app_admin" in quotes',
    '"app_admin"',
    '#6170705f61646d696e',
    'a,CN=app_admin',
    'a+CN=app_admin',
    String.raw`a\,b\0a`,
    ' spaces ',
    'new\nline',
    'x'.repeat(63),
  ])('names the role %j byte for byte, and no other', async (role) => {
    const { raw } = await mint(role)
    const oid = Buffer.from([0x06, 3, 0x55, 4, 3])
    expect(raw.includes(commonNameOf(role))).toBe(true)
    // That of the issuer and that of the subject.
    expect(raw.toString('latin1').split(oid.toString('latin1'))).toHaveLength(3)
  })

  test('is for a client, for nothing else, and for no longer than it should be', async () => {
    const certificate = await mint('app_readonly')
    expect(certificate.ca).toBe(false)
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(certificate.subjectAltName).toBeUndefined()
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
    expect(certificate.validFromDate).toEqual(period.notBefore)
    expect(certificate.validToDate).toEqual(period.notAfter)
    expect(certificate.checkIssued(authority.certificate)).toBe(true)
  })

  test('has a key and a random serial number of its own', async () => {
    const minted = await Promise.all(Array.from({ length: 50 }, async () => mint('app_readonly')))
    expect(new Set(minted.map(({ serialNumber }) => serialNumber)).size).toBe(50)
    expect(new Set(minted.map(({ publicKey }) => publicKey.export({ format: 'jwk' }).x)).size).toBe(
      50,
    )
    for (const { serialNumber } of minted) expect(serialNumber.length).toBeLessThanOrEqual(32)
    expect(minted.some(({ serialNumber }) => serialNumber.length === 32)).toBe(true)
  })

  test('is not made with a key that is not of the authority', async () => {
    const other = await newAuthority()
    await expect(mint('app_readonly', { ...authority, key: other.key })).rejects.toThrow(
      'the authority cannot sign',
    )
  })

  test.each([
    ['P-384', { name: 'ECDSA', namedCurve: 'P-384' }, 'SHA-384'],
    [
      'RSA',
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 2_048,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      },
      'SHA-256',
    ],
  ])('may be signed by an authority of elsewhere with a key of %s', async (_, algorithm, hash) => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const { rawData } = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'C=DE, O="Example, Inc.", OU=Größe, CN=ca',
      keys,
      signingAlgorithm: { name: algorithm.name, hash },
      ...period,
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    })
    const key = KeyObject.from(keys.privateKey)
    await mint('app_readonly', { certificate: new X509Certificate(Buffer.from(rawData)), key })
  })
})

describe('a new authority', () => {
  test('vouches for clients and for no further authority', async () => {
    const { certificate } = await newAuthority('Пример, "quoted"')
    expect(certificate.ca).toBe(true)
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.raw.includes(commonNameOf('Пример, "quoted"'))).toBe(true)
  })
})
