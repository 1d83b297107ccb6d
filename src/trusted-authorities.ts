import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { certificatesIn } from './pem.ts'

/**
 * Reads a PEM file of certificate authorities. OpenSSL takes one without a certificate, or the first half
 * of one, for a list that trusts nobody, and says nothing.
 */
export function readTrusted(path: string): string {
  const pem = readFileSync(path, 'utf8')
  const begun = pem.split('-----BEGIN CERTIFICATE-----').length - 1
  const blocks = certificatesIn(pem)
  const isTrustedForm = pem.includes('-----BEGIN TRUSTED CERTIFICATE-----')
  if (blocks.length < begun) throw new Error(`${path} has a certificate without an end`)
  if (blocks.length === 0 && !isTrustedForm) throw new Error(`${path} has no certificate`)
  try {
    for (const block of blocks) new X509Certificate(block)
  } catch {
    throw new Error(`${path} has a certificate that cannot be read`)
  }
  return pem
}
