import { createSecureContext, getCiphers } from 'node:tls'

/**
 * A cipher suite of TLS 1.2 as OpenSSL calls it, with forward secrecy: of what a stolen key would open
 * later, and of DHE, which needs parameters of its own, there is nothing. OpenSSL takes a list in which one
 * name is right, so each is tried alone.
 */
export function isCipher(name: string): boolean {
  if (!/^ECDHE-(?:ECDSA|RSA)-/.test(name) || !getCiphers().includes(name.toLowerCase()))
    return false
  return isTaken({ ciphers: name, maxVersion: 'TLSv1.2' })
}

/** A group for the key exchange, such as X25519 or P-256; one, not a list of OpenSSL's. */
export function isGroup(name: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(name) && name !== 'auto' && isTaken({ ecdhCurve: name })
}

function isTaken(options: Parameters<typeof createSecureContext>[0]): boolean {
  try {
    createSecureContext(options)
    return true
  } catch {
    return false
  }
}
