// Channel binding of the type tls-server-end-point (RFC 5929, 4).
import { createHash, type X509Certificate } from 'node:crypto'

/** By the algorithm of the signature. RSASSA-PSS is not among them: its hash is in its parameters. */
const hashes: Readonly<Record<string, string>> = {
  // For MD5 and SHA-1 the clause has SHA-256.
  '1.2.840.113549.1.1.4': 'sha256',
  '1.2.840.113549.1.1.5': 'sha256',
  '1.2.840.10045.4.1': 'sha256',
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
}

/** Undefined where the clause defines none, as for Ed25519, or the runtime does not tell the algorithm. */
export function serverEndPoint(certificate: X509Certificate): Buffer | undefined {
  const oid: unknown = Reflect.get(certificate, 'signatureAlgorithmOid')
  const hash = typeof oid === 'string' && Object.hasOwn(hashes, oid) ? hashes[oid] : undefined
  return hash === undefined ? undefined : createHash(hash).update(certificate.raw).digest()
}
