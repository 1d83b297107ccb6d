/** Whoever looks at different things at once makes us forget the oldest. */
const maxKept = 100

interface Kept {
  readonly at: number
  readonly value: Promise<unknown>
}

/**
 * What was asked of the workers a moment ago, for whoever wants to know the same: however many look, and
 * however often, workers are asked no more often than that.
 */
export class Shared {
  readonly #kept = new Map<string, Kept>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** What is under way counts as it was when it began. */
  async get<T>(key: string, oldestMs: number, read: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(key)
    // Under one key it is always the same that is read.
    if (known !== undefined && this.#now() - known.at < oldestMs) return known.value as Promise<T>
    const value = read()
    const kept = { at: this.#now(), value }
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > maxKept && oldest !== undefined) this.#kept.delete(oldest)
    value.catch(() => {
      if (this.#kept.get(key) === kept) this.#kept.delete(key)
    })
    return value
  }

  /** Something was done: what was asked before is not what there is. */
  clear(): void {
    this.#kept.clear()
  }
}
