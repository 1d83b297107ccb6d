/** Logins that came within this time count each for one session, as the next ones may come at once too. */
const burstMs = 10_000

/** How many sessions are worth having ready, by the logins that have been. */
export class Demand {
  readonly #most: number
  readonly #keepMs: number
  /** The last ones, oldest first; no more of them than matter. */
  readonly #timesMs: number[] = []

  /** After `keepMs` without a login nothing is wanted any more. */
  constructor(most: number, keepMs: number) {
    this.#most = most
    this.#keepMs = keepMs
  }

  get lastMs(): number {
    return this.#timesMs.at(-1) ?? -Infinity
  }

  note(nowMs: number): void {
    this.#timesMs.push(nowMs)
    if (this.#timesMs.length > Math.max(this.#most, 2)) this.#timesMs.shift()
  }

  /** A single login wants nothing: it may be somebody who comes once a day. */
  wanted(nowMs: number): number {
    if (this.#since(nowMs - this.#keepMs) < 2) return 0
    return Math.min(Math.max(this.#since(nowMs - burstMs), 1), this.#most)
  }

  #since(fromMs: number): number {
    return this.#timesMs.filter((atMs) => atMs > fromMs).length
  }
}
