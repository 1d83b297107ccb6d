import { createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { LRUCache } from 'lru-cache'
import { prepare } from './prepare.ts'
import { type ScramKeys, scramKeys } from './scram.ts'

const derive = promisify(pbkdf2)
const keyBytes = 32

/**
 * Remembers SCRAM keys per password, salt and iteration count: deriving them costs milliseconds, and a
 * role's salt changes only with its password. The index is a keyed hash, so that no password is kept.
 */
export class ScramKeyCache {
  readonly #indexKey = randomBytes(keyBytes)
  readonly #keys: LRUCache<string, Promise<ScramKeys>>

  constructor(maxEntries: number) {
    this.#keys = new LRUCache({ max: maxEntries })
  }

  /** Concurrent callers for the same password and salt wait for one derivation. */
  async keysFor(password: string, salt: Buffer, iterations: number): Promise<ScramKeys> {
    const prepared = prepare(password)
    const index = createHmac('sha256', this.#indexKey)
      .update(`${iterations}:${salt.toString('base64')}:`)
      .update(prepared)
      .digest('base64')
    const known = this.#keys.get(index)
    if (known !== undefined) return known
    const keys = derive(prepared, salt, iterations, keyBytes, 'sha256').then(scramKeys)
    this.#keys.set(index, keys)
    keys.catch(() => this.#keys.delete(index))
    return keys
  }

  /** Forgets all keys. */
  clear(): void {
    this.#keys.clear()
  }
}
