import { Refusal } from '../refusal.ts'
import { everywhere } from './endpoint.ts'
import type { UpstreamTarget } from './target.ts'

/** When a login has to be through. */
export class Deadline {
  /** Never resolves: throws when the time is up and it is the server that is waited for. */
  readonly passed: Promise<never>
  readonly #pass: (refusal: Refusal) => void
  readonly #target: UpstreamTarget
  readonly #atMs: number
  #timer: NodeJS.Timeout

  constructor(target: UpstreamTarget) {
    const { promise, reject } = Promise.withResolvers<never>()
    this.passed = promise
    // It may pass when nobody waits.
    promise.catch(() => {})
    this.#pass = reject
    this.#target = target
    this.#atMs = performance.now() + target.connectTimeoutMs
    this.#timer = this.#arm()
  }

  /** While the client is waited for the limit is whoever waits', so that nobody blames the server. */
  async suspend<T>(wait: (limitMs: number) => Promise<T>): Promise<T> {
    clearTimeout(this.#timer)
    try {
      return await wait(this.leftMs)
    } finally {
      this.#timer = this.#arm()
    }
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  get leftMs(): number {
    return Math.max(this.#atMs - performance.now(), 0)
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#pass(new Refusal('upstream-timeout', { logDetail: everywhere(this.#target) }))
    }, this.leftMs)
  }
}
