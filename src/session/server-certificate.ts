import { constants, X509Certificate } from 'node:crypto'
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
} from 'node:tls'
import { certificatesIn } from '../pem.ts'

export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  /** Of TLS 1.2, the best first; undefined: those of Node. */
  readonly ciphers: readonly string[] | undefined
  /** For the key exchange, the best first; undefined: those of OpenSSL. */
  readonly groups: readonly string[] | undefined
  /** Authorities of client certificates. */
  readonly clientCa: string | undefined
}

/** What a client is shown, by the name that it asks for (SNI) in lower case. */
export interface ServerContexts {
  readonly usual: SecureContext
  readonly named: ReadonlyMap<string, SecureContext>
}

export interface AllCertificateFiles {
  readonly usual: CertificateFiles
  readonly named: ReadonlyMap<string, CertificateFiles>
}

export interface ServerCertificates {
  readonly contexts: ServerContexts
  /** Of the one that expires first. */
  readonly notAfter: Date
}

/** Replaced files are found by looking, which works for renamed files and swapped links alike. */
const watchIntervalMs = 2_000

/** Throws where a file cannot be read, or a key is not the certificate's. */
export function loadServerCertificates({ usual, named }: AllCertificateFiles): ServerCertificates {
  const first = loadServerCertificate(usual)
  const others = [...named].map(([name, files]) => [name, loadServerCertificate(files)] as const)
  const ends = [first, ...others.map(([, one]) => one)].map(({ notAfter }) => notAfter.getTime())
  return {
    contexts: {
      usual: first.secureContext,
      named: new Map(others.map(([name, { secureContext }]) => [name, secureContext])),
    },
    notAfter: new Date(Math.min(...ends)),
  }
}

const suites = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256']

function loadServerCertificate(files: CertificateFiles): {
  readonly secureContext: SecureContext
  readonly notAfter: Date
} {
  const options = loadServerKeyPair(files)
  return {
    secureContext: createSecureContext(options),
    notAfter: new X509Certificate(options.cert).validToDate,
  }
}

/** What a server of TLS is made with. */
export type ServerKeyPair = SecureContextOptions & { readonly cert: string }

/** Throws where a file cannot be read; that the two fit each other is seen when they are used. */
export function loadServerKeyPair(files: CertificateFiles): ServerKeyPair {
  return {
    cert: readFileSync(files.certificate, 'utf8'),
    key: readFileSync(files.key, 'utf8'),
    ...(files.clientCa !== undefined && { ca: readAuthorities(files.clientCa) }),
    minVersion: files.minVersion,
    maxVersion: files.maxVersion,
    // Without suites of TLS 1.3 in the list Node would switch it off.
    ...(files.ciphers && { ciphers: [...suites, ...files.ciphers].join(':') }),
    ...(files.groups && { ecdhCurve: files.groups.join(':') }),
    // As PostgreSQL: connections are long, so resumption buys little, and tickets cost a write each. A
    // resumed handshake would not prove the key of a client certificate again either.
    secureOptions:
      constants.SSL_OP_NO_TICKET |
      constants.SSL_OP_NO_RENEGOTIATION |
      constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  }
}

/** OpenSSL takes a file without a certificate for one that trusts nobody, and says nothing. */
function readAuthorities(path: string): string {
  const pem = readFileSync(path, 'utf8')
  const blocks = certificatesIn(pem)
  if (blocks.length === 0) throw new Error(`${path} has no certificate`)
  for (const block of blocks) new X509Certificate(block)
  return blocks.join('\n')
}

/** Calls back when a file has changed, until the returned function is called. */
export function watchServerCertificates(
  { usual, named }: AllCertificateFiles,
  onChange: () => void,
): () => void {
  const files = [usual, ...named.values()]
  const paths = new Set(
    files.flatMap(({ certificate, key, clientCa }) => [certificate, key, clientCa ?? []]).flat(),
  )
  for (const path of paths) {
    watchFile(path, { interval: watchIntervalMs, persistent: false }, onChange)
  }
  return () => {
    for (const path of paths) unwatchFile(path, onChange)
  }
}
