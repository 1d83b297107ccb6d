// What replicas write where others may read and write. JWE with a shared key (RFC 7516, `dir` with A256GCM).
import { createHmac, hkdfSync } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import { CompactEncrypt, compactDecrypt } from 'jose'

/** Of what is inside: bytes of `v8.serialize`, which keep maps and dates. They are read only once they are authenticated. */
const format = 1

const header = { alg: 'dir', enc: 'A256GCM' } as const

/** It is not of this fleet, or is for another purpose. */
export class NotSealed extends Error {
  override readonly name = 'NotSealed'
}

/** The first secret seals, all of them open. Each purpose has keys of its own, so that nothing can be moved to another. */
export class FleetSeal {
  readonly #secrets: readonly string[]

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets
  }

  async seal(purpose: string, data: unknown): Promise<string> {
    const bytes = Buffer.concat([Buffer.from([format]), serialize(data)])
    return new CompactEncrypt(bytes).setProtectedHeader(header).encrypt(this.#key(purpose))
  }

  async open(purpose: string, sealed: string): Promise<unknown> {
    const bytes = await this.#decrypt(purpose, sealed)
    if (bytes[0] !== format) throw new NotSealed('sealed in another format')
    try {
      return deserialize(bytes.subarray(1))
    } catch {
      throw new NotSealed('nothing that can be read is inside')
    }
  }

  mark(purpose: string, text: string): string {
    const key = derive(this.#secret(), `mark ${purpose}`)
    return createHmac('sha256', key).update(text).digest('base64url')
  }

  async #decrypt(purpose: string, sealed: string): Promise<Buffer> {
    for (const secret of this.#secrets) {
      try {
        const { plaintext } = await compactDecrypt(sealed, sealKey(secret, purpose), {
          keyManagementAlgorithms: [header.alg],
          contentEncryptionAlgorithms: [header.enc],
        })
        return Buffer.from(plaintext)
      } catch {
        // Another secret may open it.
      }
    }
    throw new NotSealed('not sealed by this fleet for this purpose')
  }

  #key(purpose: string): Uint8Array {
    return sealKey(this.#secret(), purpose)
  }

  #secret(): string {
    const [first] = this.#secrets
    if (first === undefined) throw new Error('there is no secret to seal with')
    return first
  }
}

function sealKey(secret: string, purpose: string): Uint8Array {
  return derive(secret, `sealed ${purpose}`)
}

/** 32 bytes that are the same on every replica: of what a start makes for itself where there is no fleet. */
export function deriveStartKey(secret: string, purpose: string): Buffer {
  return Buffer.from(derive(secret, `start ${purpose}`))
}

function derive(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `portcullis fleet ${purpose}`, 32))
}
