// The authority that signs the certificates that Portcullis logs in with, as it is in two files.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { certificatesIn } from '../pem.ts'

export interface CertificateAuthority {
  readonly certificate: X509Certificate
  readonly key: KeyObject
}

export interface AuthorityFiles {
  /** PEM. Of several certificates that of the key signs: the others are trusted beside it. */
  readonly certificate: string
  /** PEM. */
  readonly key: string
}

const maxFileBytes = 65_536
const minRsaBits = 2_048
/** Whoever else reads the key is every role: nobody but the owner may. */
const permissionsOfOthers = 0o077

/** Reads both files, or throws an error that names the file and says what to do; nothing of a key is in it. */
export function readAuthority(files: AuthorityFiles): CertificateAuthority {
  const key = readKey(files.key)
  const certificate = readAuthorities(files.certificate).find((one) => one.checkPrivateKey(key))
  if (certificate === undefined) {
    throw new Error(`${files.key} is not the key of a certificate in ${files.certificate}`)
  }
  if (!certificate.ca) {
    throw new Error(`${files.certificate}: the certificate of the key is not of an authority`)
  }
  return { certificate, key }
}

/** All certificates of a file, in their order. */
export function readAuthorities(path: string): readonly X509Certificate[] {
  const pem = readFile(path, false)
  const blocks = certificatesIn(pem)
  if (blocks.length === 0) throw new Error(`${path} has no certificate`)
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    throw new Error(`${path} has a certificate that cannot be read`)
  }
}

function readKey(path: string): KeyObject {
  const pem = readFile(path, true)
  const key = parseKey(pem, path)
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  const isCurve = namedCurve === 'prime256v1' || namedCurve === 'secp384r1'
  const isRsa = key.asymmetricKeyType === 'rsa' && modulusLength >= minRsaBits
  if (isCurve || isRsa) return key
  throw new Error(`${path} must be a key of P-256, P-384 or RSA with ${minRsaBits} bits or more`)
}

function parseKey(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    // The cause may say more of the content than a log should have.
    throw new Error(`${path} is not a private key as PEM without a passphrase`)
  }
}

function readFile(path: string, isSecret: boolean): string {
  const descriptor = openSync(path, 'r')
  try {
    // Of what is open: the path may lead elsewhere a moment later.
    const { mode } = fstatSync(descriptor)
    if (isSecret && (mode & permissionsOfOthers) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0')
      throw new Error(`${path} has mode ${octal}, and is for its owner alone: chmod 600 ${path}`)
    }
    const bytes = Buffer.alloc(maxFileBytes + 1)
    let length = 0
    for (;;) {
      const count = readSync(descriptor, bytes, length, bytes.length - length, null)
      length += count
      if (length > maxFileBytes) throw new Error(`${path} is longer than ${maxFileBytes} bytes`)
      if (count === 0) return bytes.toString('utf8', 0, length)
    }
  } finally {
    closeSync(descriptor)
  }
}
