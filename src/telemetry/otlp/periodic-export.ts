interface PeriodicOptions {
  readonly intervalMs: number
  /** Sends what there is now. Has a deadline of its own. */
  readonly send: () => Promise<{ readonly taken: number; readonly rejected: number }>
  readonly onSent: (items: number) => void
  readonly onDropped: (items: number) => void
  /** Once for each run of failures. */
  readonly onError: (error: unknown) => void
  readonly onRecovered: () => void
}

/** Sends again and again, one at a time. What could not be sent is not kept: the next one says more. */
export class PeriodicExport {
  readonly #options: PeriodicOptions
  readonly #timer: NodeJS.Timeout
  #sending: Promise<void> | undefined
  #isFailing = false

  constructor(options: PeriodicOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#send(), options.intervalMs)
    this.#timer.unref()
  }

  /** Sends a last time. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sending
    await this.#send()
  }

  async #send(): Promise<void> {
    this.#sending ??= this.#sendNow().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async #sendNow(): Promise<void> {
    const { send, onSent, onDropped, onError, onRecovered } = this.#options
    try {
      const { taken, rejected } = await send()
      onSent(Math.max(0, taken - rejected))
      if (rejected > 0) onDropped(rejected)
      if (this.#isFailing) onRecovered()
      this.#isFailing = false
    } catch (error) {
      onDropped(1)
      if (!this.#isFailing) onError(error)
      this.#isFailing = true
    }
  }
}
