/** Lets only so many run at once; the others wait for their turn, and no longer than the limit. */
export class RequestLimit {
  readonly #most: number
  readonly #waiting = new Set<() => void>()
  #running = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Throws what `tooLate` returns where its turn does not come in time. */
  async run<T>(work: () => Promise<T>, waitMs: number, tooLate: () => Error): Promise<T> {
    if (this.#running < this.#most) this.#running += 1
    else await this.#turn(waitMs, tooLate)
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  async #turn(waitMs: number, tooLate: () => Error): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const begin = (): void => {
      clearTimeout(timer)
      resolve(undefined)
    }
    const timer = setTimeout(() => {
      this.#waiting.delete(begin)
      reject(tooLate())
    }, waitMs)
    this.#waiting.add(begin)
    await promise
  }

  /** The turn of whoever has ended goes to whoever has waited longest. */
  #next(): void {
    const [first] = this.#waiting
    if (first === undefined) {
      this.#running -= 1
      return
    }
    this.#waiting.delete(first)
    first()
  }
}
