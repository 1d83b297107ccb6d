import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readAuthority } from '../../../src/upstream/certificate-authority.ts'
import {
  mintAuthority,
  mintCertificate,
  type MintedCertificate,
} from '../../../src/upstream/mint-certificate.ts'

const period = { notBefore: new Date(0), notAfter: new Date(Date.now() + 600_000) }
let folder: string
let first: MintedCertificate
let second: MintedCertificate

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-ca-'))
  first = await mintAuthority('first', period)
  second = await mintAuthority('second', period)
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function write({ certificate, key }: MintedCertificate, mode = 0o600) {
  const files = { certificate: join(folder, 'ca.crt'), key: join(folder, 'ca.key') }
  writeFileSync(files.certificate, certificate)
  rmSync(files.key, { force: true })
  writeFileSync(files.key, key)
  chmodSync(files.key, mode)
  return files
}

describe('an authority', () => {
  test('of several in the file is the one of the key', () => {
    const certificate = first.certificate + second.certificate
    expect(readAuthority(write({ certificate, key: first.key })).certificate.subject).toBe(
      'CN=first',
    )
    expect(readAuthority(write({ certificate, key: second.key })).certificate.subject).toBe(
      'CN=second',
    )
  })

  test.each([0o600, 0o400, 0o700])('has a key of mode %o', (mode) => {
    readAuthority(write(first, mode))
  })

  test.each([0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644])(
    'has no key that others may use by mode %o',
    (mode) => {
      expect(() => readAuthority(write(first, mode))).toThrow(
        /ca\.key has mode 06[0-7]{2}, and is for its owner alone: chmod 600 /,
      )
    },
  )

  test('has no key of another', () => {
    expect(() => readAuthority(write({ ...first, key: second.key }))).toThrow(
      'ca.key is not the key of a certificate in',
    )
  })

  test('is no certificate of a client', async () => {
    const client = await mintCertificate(readAuthority(write(first)), 'app_readonly', period)
    expect(() => readAuthority(write(client))).toThrow('is not of an authority')
  })

  test.each([
    ['Ed25519', generateKeyPairSync('ed25519').privateKey],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['RSA with 1,024 bits', generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey],
  ])('has no key of %s', (_, privateKey) => {
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(() => readAuthority(write({ ...first, key }))).toThrow('must be a key of P-256')
  })

  test('says nothing of a key that cannot be read', () => {
    const key = first.key.replace(/[A-Za-z]{6}/, '######')
    const error = catching(() => readAuthority(write({ ...first, key })))
    expect(error).toMatch(/ca\.key is not a private key as PEM without a passphrase$/)
  })

  test('needs a certificate in its file', () => {
    expect(() => readAuthority(write({ ...first, certificate: '' }))).toThrow('has no certificate')
    const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    expect(() => readAuthority(write({ ...first, certificate }))).toThrow('cannot be read')
  })

  test('is not read from a file without end', () => {
    const files = { ...write(first), certificate: '/dev/zero' }
    expect(() => readAuthority(files)).toThrow('is longer than')
  })
})

function catching(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
  return ''
}
