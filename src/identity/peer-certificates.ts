import type { X509Certificate } from 'node:crypto'
import { TLSSocket } from 'node:tls'

const longestChain = 10

/** The chain that the other side of a connection has shown, leaf first; empty without TLS. */
export function peerCertificates(socket: unknown): readonly X509Certificate[] {
  const chain: X509Certificate[] = []
  let at = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  while (at !== undefined && chain.length < longestChain) {
    chain.push(at)
    const issuer: X509Certificate | undefined = at.issuerCertificate
    at = issuer?.fingerprint256 === at.fingerprint256 ? undefined : issuer
  }
  return chain
}
