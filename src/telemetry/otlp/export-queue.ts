// What waits to be sent to a collector. Nobody waits for it, and what finds no room is dropped and counted.

export interface QueueOptions<Item> {
  readonly maxItems: number
  readonly maxBatch: number
  /** So long an item waits for others, that one request take them all. */
  readonly delayMs: number
  /** Sends them and resolves with how many were taken; rejects where none was. Has a deadline of its own. */
  readonly send: (items: readonly Item[]) => Promise<number>
  readonly onSent: (items: number) => void
  readonly onDropped: (items: number) => void
  /** Once for each run of failures. */
  readonly onError: (error: unknown) => void
  readonly onRecovered: () => void
}

export class ExportQueue<Item> {
  readonly #options: QueueOptions<Item>
  #items: Item[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #isFailing = false
  #isClosed = false

  constructor(options: QueueOptions<Item>) {
    this.#options = options
  }

  /** Those that belong together are kept or dropped together. */
  add(items: readonly Item[]): void {
    const { maxItems, delayMs, onDropped } = this.#options
    if (this.#isClosed || this.#items.length + items.length > maxItems) {
      onDropped(items.length)
      return
    }
    this.#items.push(...items)
    if (this.#timer !== undefined || this.#sending !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#sendAll()
    }, delayMs)
    this.#timer.unref()
  }

  /** Sends what is there, once; what cannot be sent is dropped. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#sending
    await this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    this.#sending ??= this.#sendEach().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async #sendEach(): Promise<void> {
    const { maxBatch, send, onSent, onDropped, onError, onRecovered } = this.#options
    while (this.#items.length > 0) {
      const batch = this.#items.splice(0, maxBatch)
      try {
        const taken = await send(batch)
        if (taken > 0) onSent(taken)
        if (taken < batch.length) onDropped(batch.length - taken)
        if (this.#isFailing) onRecovered()
        this.#isFailing = false
      } catch (error) {
        onDropped(batch.length)
        if (!this.#isFailing) onError(error)
        this.#isFailing = true
        // At the end nothing is tried twice: whoever stops does not wait for each batch to fail.
        if (this.#isClosed) onDropped(this.#items.splice(0).length)
      }
    }
  }
}
