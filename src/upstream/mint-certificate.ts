// Certificates of our own making (RFC 5280). Loading what makes them takes a moment, so that it is
// imported only where it is needed.
import './reflect-metadata.ts'

import { KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { CertificateAuthority } from './certificate-authority.ts'

/** Both PEM; the key is PKCS #8. */
export interface MintedCertificate {
  readonly certificate: string
  readonly key: string
}

interface Period {
  readonly notBefore: Date
  readonly notAfter: Date
}

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const
const serialBytes = 16

/** A certificate for a role by which its holder is a client and nothing else, and its key. */
export async function mintCertificate(
  authority: CertificateAuthority,
  role: string,
  period: Period,
): Promise<MintedCertificate> {
  const issuer = new x509.X509Certificate(authority.certificate.raw)
  const { privateKey, publicKey } = await webcrypto.subtle.generateKey(curve, true, [
    'sign',
    'verify',
  ])
  const { signingKey, signingAlgorithm } = await signerOf(authority.key)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: commonName(role),
    issuer: issuer.subjectName,
    publicKey,
    signingKey,
    signingAlgorithm,
    ...period,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth], true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  const minted = { certificate: certificate.toString('pem'), key: privateKeyPem(privateKey) }
  const [named, ...others] = certificate.subjectName.getField('CN')
  if (named !== role || others.length > 0) throw new Error('the certificate names another role')
  // A name that the library writes in another way than the authority does makes no chain.
  const read = new X509Certificate(minted.certificate)
  if (!read.checkIssued(authority.certificate) || !read.verify(authority.certificate.publicKey)) {
    throw new Error('the authority cannot sign: use one of `portcullis ca init`')
  }
  return minted
}

/** A new authority that can vouch for clients alone, and for no further authority. */
export async function mintAuthority(name: string, period: Period): Promise<MintedCertificate> {
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: commonName(name),
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    ...period,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: privateKeyPem(keys.privateKey),
  }
}

/** As UTF-8 by its type: in a bare text the library reads quotes, backslashes and `#` as more than text. */
function commonName(name: string): x509.Name {
  return new x509.Name([{ CN: [{ utf8String: name }] }])
}

function randomSerial(): string {
  return randomBytes(serialBytes).toString('hex')
}

interface Signer {
  readonly signingKey: webcrypto.CryptoKey
  readonly signingAlgorithm: { readonly name: string; readonly hash: string }
}

async function signerOf(key: KeyObject): Promise<Signer> {
  const isRsa = key.asymmetricKeyType === 'rsa'
  const isLong = key.asymmetricKeyDetails?.namedCurve === 'secp384r1'
  const name = isRsa ? 'RSASSA-PKCS1-v1_5' : 'ECDSA'
  const hash = isLong ? 'SHA-384' : 'SHA-256'
  const parameters = isRsa ? { name, hash } : { name, namedCurve: isLong ? 'P-384' : 'P-256' }
  const bytes = key.export({ type: 'pkcs8', format: 'der' })
  const signingKey = await webcrypto.subtle.importKey('pkcs8', bytes, parameters, false, ['sign'])
  return { signingKey, signingAlgorithm: { name, hash } }
}

function privateKeyPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString()
}
