// What is made of a part of a configuration, and stays as it is for as long as that part does: caches,
// connections, contexts of TLS. A change elsewhere costs nobody what they remember.
import { createHash } from 'node:crypto'

export class KeptParts {
  readonly #before: ReadonlyMap<string, unknown>
  readonly #made = new Map<string, unknown>()
  readonly #names = new Map<unknown, string>()

  constructor(before: ReadonlyMap<string, unknown> = new Map()) {
    this.#before = before
  }

  /** For the next configuration: whatever it does not ask for again is forgotten. */
  renew(): KeptParts {
    return new KeptParts(this.#made)
  }

  /** Makes it, unless it was made of the same. The description has all of it, as JSON would. */
  once<T>(description: readonly unknown[], make: () => T): T {
    // Secrets are among it.
    const key = createHash('sha256').update(JSON.stringify(description)).digest('base64')
    const known = this.#made.get(key) ?? this.#before.get(key)
    // Whoever describes the same makes the same.
    const part = (known as T | undefined) ?? make()
    this.#made.set(key, part)
    this.#names.set(part, key)
    return part
  }

  /** For the description of what is made of it in turn. */
  nameOf(part: unknown): string {
    const name = this.#names.get(part)
    if (name === undefined) throw new Error('no such part')
    return name
  }
}
