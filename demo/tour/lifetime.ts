/** The demo was told to stop: nothing went wrong. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}

/** When the demo ends, and what has to be taken away then. */
export class Lifetime {
  readonly #stopping = new AbortController()
  readonly #belongings = new AsyncDisposableStack()
  readonly #stopped = Promise.withResolvers<never>()

  constructor() {
    // Nobody may be waiting at that moment.
    this.#stopped.promise.catch(() => {})
  }

  /** Aborted when the demo ends, with the reason. */
  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  /** The first reason counts; later ones, such as a second Ctrl-C, change nothing. */
  stop(reason: Error): void {
    if (this.signal.aborted) return
    this.#stopping.abort(reason)
    this.#stopped.reject(reason)
  }

  /** What the work comes to, or the reason for which the demo ends before. */
  async during<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#stopped.promise])
  }

  /** As `during`. What comes of the work is disposed of at the end, even if it comes too late. */
  async own<T extends AsyncDisposable>(work: Promise<T>): Promise<T> {
    this.#belongings.defer(async () => {
      const thing = await work.catch(() => undefined)
      await thing?.[Symbol.asyncDispose]()
    })
    return this.during(work)
  }

  /** Throws the reason for which the demo ends. */
  async untilStopped(): Promise<never> {
    return this.#stopped.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#belongings.disposeAsync()
  }
}
