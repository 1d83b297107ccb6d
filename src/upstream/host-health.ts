import { LRUCache } from 'lru-cache'

interface Failing {
  readonly failures: number
  readonly untilMs: number
}

const maxRemembered = 10_000
const firstMs = 2_000
const longestMs = 30_000
/** By so much at most the time differs from one process to the next, which else would all probe at once. */
const jitter = 0.25

/**
 * What has failed a moment ago. It is tried last for some seconds, longer from failure to failure; then a
 * login tries it where it stands in the order again.
 */
export class HostHealth {
  readonly #failing = new LRUCache<string, Failing>({ max: maxRemembered })
  readonly #nowMs: () => number
  readonly #random: () => number

  constructor(nowMs: () => number, random: () => number) {
    this.#nowMs = nowMs
    this.#random = random
  }

  isFailing(key: string): boolean {
    const failing = this.#failing.get(key)
    return failing !== undefined && this.#nowMs() < failing.untilMs
  }

  /** Returns whether this is news. */
  failed(key: string): boolean {
    const before = this.#failing.get(key)
    // Logins at the same time fail by the same cause: that counts once.
    if (before !== undefined && this.#nowMs() < before.untilMs) return false
    const failures = (before?.failures ?? 0) + 1
    const spread = 1 + jitter * (2 * this.#random() - 1)
    const restMs = Math.min(firstMs * 2 ** (failures - 1), longestMs) * spread
    this.#failing.set(key, { failures, untilMs: this.#nowMs() + restMs })
    return before === undefined
  }

  /** Returns whether this is news. */
  succeeded(key: string): boolean {
    return this.#failing.delete(key)
  }
}
