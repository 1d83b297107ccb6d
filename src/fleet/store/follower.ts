import { setTimeout as pause } from 'node:timers/promises'

/** Anybody who may connect to the database may send notifications: so many looks a second at most come of them. */
const gapMs = 10

/** Looks at something whenever it may have changed: one look at a time, and another behind it where it was woken meanwhile. */
export class Follower {
  readonly #look: () => Promise<void>
  readonly #onFailure: (error: unknown) => void
  #isLooking = false
  #isWoken = false
  #hasFailed = false
  #isStopped = false

  constructor(look: () => Promise<void>, onFailure: (error: unknown) => void) {
    this.#look = look
    this.#onFailure = onFailure
  }

  wake(): void {
    this.#isWoken = true
    if (!this.#isLooking) void this.#run()
  }

  /** Once more what went wrong. */
  retry(): void {
    if (this.#hasFailed) this.wake()
  }

  stop(): void {
    this.#isStopped = true
  }

  async #run(): Promise<void> {
    this.#isLooking = true
    while (this.#isWoken && !this.#isStopped) {
      this.#isWoken = false
      try {
        await this.#look()
        this.#hasFailed = false
      } catch (error) {
        this.#hasFailed = true
        this.#onFailure(error)
      }
      await pause(gapMs, undefined, { ref: false })
    }
    this.#isLooking = false
  }
}
