import '../src/upstream/reflect-metadata.ts'

import { KeyObject, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

/** Both PEM; the key is PKCS #8. */
export interface CertificateAndKey {
  readonly certificate: string
  readonly key: string
}

interface Validity {
  /** A minute ago by default, since clocks differ. */
  readonly notBefore?: Date
  /** In ninety days by default. */
  readonly notAfter?: Date
}

export interface CertificateRequest extends Validity {
  readonly commonName: string
  /** DNS names and IP addresses; `loopbackNames` by default, none for a client certificate. */
  readonly names?: readonly string[]
  readonly keyType?: KeyType
  readonly usage?: 'serverAuth' | 'clientAuth'
}

export type KeyType = 'ecdsa-p256' | 'rsa-2048'

export interface Authority extends CertificateAndKey {
  issue(request: CertificateRequest): Promise<CertificateAndKey>
}

export const loopbackNames = ['localhost', '127.0.0.1', '::1'] as const

const keyAlgorithms = {
  'ecdsa-p256': { name: 'ECDSA', namedCurve: 'P-256' },
  'rsa-2048': {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
} as const

const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' }
const minuteMs = 60_000
const defaultLifetimeMs = 90 * 24 * 60 * minuteMs

/** A root authority whose key exists only in this object. */
export async function createAuthority(name: string, validity: Validity = {}): Promise<Authority> {
  const keys = await generateKeys('ecdsa-p256')
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: commonName(name),
    keys,
    signingAlgorithm,
    ...period(validity),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })

  async function issue(request: CertificateRequest): Promise<CertificateAndKey> {
    const { keyType = 'ecdsa-p256', usage = 'serverAuth' } = request
    const names = request.names ?? (usage === 'serverAuth' ? loopbackNames : [])
    const own = await generateKeys(keyType)
    const certificate = await x509.X509CertificateGenerator.create({
      subject: commonName(request.commonName),
      issuer: root.subjectName,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm,
      ...period(request),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[usage]]),
        await x509.SubjectKeyIdentifierExtension.create(own.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ...(names.length > 0 ? [alternativeNames(names)] : []),
      ],
    })
    return { certificate: pem(certificate), key: privateKeyPem(own.privateKey) }
  }

  return { certificate: pem(root), key: privateKeyPem(keys.privateKey), issue }
}

async function generateKeys(keyType: KeyType): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithms[keyType], true, ['sign', 'verify'])
}

/** As data, not as text: a name with a comma or an equals sign stays one name. */
function commonName(name: string): x509.JsonName {
  return [{ CN: [name] }]
}

function alternativeNames(names: readonly string[]): x509.SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension(
    names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
  )
}

function period({ notBefore, notAfter }: Validity): Required<Validity> {
  return {
    notBefore: notBefore ?? new Date(Date.now() - minuteMs),
    notAfter: notAfter ?? new Date(Date.now() + defaultLifetimeMs),
  }
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}

function privateKeyPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString()
}
