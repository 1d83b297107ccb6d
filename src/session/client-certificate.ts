import type { X509Certificate } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { printable, Refusal } from '../refusal.ts'

/**
 * What is done about certificates of clients: nothing; any is taken, as proof of its key and of nothing
 * else (RFC 8705, 3); or one that is presented must be of a trusted authority.
 */
export type ClientCertificates = 'none' | 'any' | 'verified'

/** The certificate whose private key the client has proved in the handshake of this connection. */
export interface ClientCertificate {
  /** SHA-256 of the DER in base64url, as `x5t#S256` has it (RFC 8705, 3.1). */
  readonly thumbprint: string
  /** Undefined where no authority vouches for it: then it is whatever somebody wrote. */
  readonly subject: string | undefined
}

/** Throws `tls-failed` for a certificate that is not trusted. None at all is fine. */
export function readClientCertificate(
  socket: TLSSocket,
  use: ClientCertificates,
): ClientCertificate | undefined {
  // A resumed handshake proves no private key. None is resumed; should one ever be, it brings no certificate.
  if (use === 'none' || socket.isSessionReused()) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const thumbprint = thumbprintOf(certificate)
  if (use === 'any') return { thumbprint, subject: undefined }
  const error = verifyError(socket)
  if (error !== undefined) {
    throw new Refusal('tls-failed', {
      logDetail: `the client certificate is not accepted: ${error}`,
    })
  }
  return { thumbprint, subject: printable(certificate.subject.replaceAll('\n', ', ')) }
}

export function thumbprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('base64url')
}

/**
 * OpenSSL's verdict on the chain. tls.Server asks the same handle, and nothing public tells it of a socket
 * that no tls.Server accepted; a runtime that does not tell it either accepts nobody.
 */
function verifyError(socket: TLSSocket): string | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  const verify: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'verifyError') : undefined
  if (typeof verify !== 'function') return 'this runtime does not verify it'
  const error: unknown = Reflect.apply(verify, handle, [])
  if (error === null || error === undefined) return undefined
  return error instanceof Error && 'code' in error ? String(error.code) : 'it does not verify'
}
