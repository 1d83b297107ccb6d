import { LRUCache } from 'lru-cache'
import { blockOf } from '../policy/network.ts'

/** How many requests one address may make in a window of time. */
export interface RateLimit {
  readonly requests: number
  readonly windowMs: number
}

/** Addresses that are counted at one time: whoever has more of them is not held up by counting. */
const maxAddresses = 10_000

export class RequestRate {
  readonly #limit: RateLimit
  readonly #counts: LRUCache<string, { count: number; readonly endsAt: number }>
  readonly #now: () => number

  constructor(limit: RateLimit, now: () => number) {
    this.#limit = limit
    this.#now = now
    this.#counts = new LRUCache({ max: maxAddresses })
  }

  /** Whether the address may make one more. */
  take(address: string): boolean {
    const now = this.#now()
    const key = blockOf(address) ?? address
    let counted = this.#counts.get(key)
    if (counted === undefined || counted.endsAt <= now) {
      counted = { count: 0, endsAt: now + this.#limit.windowMs }
      this.#counts.set(key, counted)
    }
    counted.count += 1
    return counted.count <= this.#limit.requests
  }
}
