// Data that only we can read and write, while somebody else keeps it: in cookies, and in what clients of the
// API bring back. JWE with a shared key (RFC 7516, `dir` with A256GCM), so that every node opens it.
import { hkdfSync } from 'node:crypto'
import { EncryptJWT, jwtDecrypt } from 'jose'

export interface Sealer {
  /** Good until then, and for this purpose alone. `expiresAt`: milliseconds since 1970. */
  seal(purpose: string, data: object, expiresAt: number): Promise<string>
  /** Undefined for what is not ours, is for another purpose, or has expired. */
  open(purpose: string, sealed: string): Promise<unknown>
}

/** A browser keeps no longer cookie (RFC 6265, 6.1). */
const longestSealed = 8_192

/** The first secret seals, all of them open. */
export function createSealer(secrets: readonly string[], now: () => Date): Sealer {
  const keys = new Map<string, readonly Uint8Array[]>()
  const keysFor = (purpose: string): readonly Uint8Array[] => {
    const known = keys.get(purpose) ?? secrets.map((secret) => deriveKey(secret, purpose))
    keys.set(purpose, known)
    return known
  }
  return {
    async seal(purpose, data, expiresAt) {
      const [key] = keysFor(purpose)
      if (key === undefined) throw new Error('there is no secret to seal with')
      return new EncryptJWT({ data })
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setExpirationTime(Math.floor(expiresAt / 1_000))
        .encrypt(key)
    },
    async open(purpose, sealed) {
      if (sealed.length > longestSealed) return undefined
      for (const key of keysFor(purpose)) {
        try {
          const { payload } = await jwtDecrypt(sealed, key, {
            currentDate: now(),
            keyManagementAlgorithms: ['dir'],
            contentEncryptionAlgorithms: ['A256GCM'],
            requiredClaims: ['exp'],
          })
          return payload['data']
        } catch {
          // Another secret may open it.
        }
      }
      return undefined
    },
  }
}

function deriveKey(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `portcullis sealed ${purpose}`, 32))
}
