import { constants, X509Certificate } from 'node:crypto'
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls'

export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
  readonly minVersion: SecureVersion
  /** Authorities of client certificates. */
  readonly clientCa: string | undefined
}

export interface ServerCertificate {
  readonly secureContext: SecureContext
  readonly notAfter: Date
}

/** Replaced files are found by looking, which works for renamed files and swapped links alike. */
const watchIntervalMs = 2_000

/** Throws where a file cannot be read, or the key is not the certificate's. */
export function loadServerCertificate(files: CertificateFiles): ServerCertificate {
  const certificate = readFileSync(files.certificate, 'utf8')
  const secureContext = createSecureContext({
    cert: certificate,
    key: readFileSync(files.key, 'utf8'),
    ...(files.clientCa !== undefined && { ca: readAuthorities(files.clientCa) }),
    minVersion: files.minVersion,
    // As PostgreSQL: connections are long, so resumption buys little, and tickets cost a write each. A
    // resumed handshake would not prove the key of a client certificate again either.
    secureOptions:
      constants.SSL_OP_NO_TICKET |
      constants.SSL_OP_NO_RENEGOTIATION |
      constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  })
  return { secureContext, notAfter: new X509Certificate(certificate).validToDate }
}

/** OpenSSL takes a file without a certificate for one that trusts nobody, and says nothing. */
function readAuthorities(path: string): string {
  const pem = readFileSync(path, 'utf8')
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new Error(`${path} has no certificate`)
  for (const block of blocks) new X509Certificate(block)
  return blocks.join('\n')
}

/** Calls back when a file has changed, until the returned function is called. */
export function watchServerCertificate(files: CertificateFiles, onChange: () => void): () => void {
  const paths = [files.certificate, files.key, files.clientCa].filter((path) => path !== undefined)
  for (const path of paths) {
    watchFile(path, { interval: watchIntervalMs, persistent: false }, onChange)
  }
  return () => {
    for (const path of paths) unwatchFile(path, onChange)
  }
}
