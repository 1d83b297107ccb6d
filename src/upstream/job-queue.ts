// Work that several callers want at once, done for all that wait: a job takes in whoever wants the same
// until it begins, and nobody after, so that what it sees is never older than the call.

export interface JobQueueOptions {
  readonly maxRunning: number
  /** Jobs, whoever many wait for each. */
  readonly maxWaiting: number
}

interface Job<T> {
  readonly outcome: PromiseWithResolvers<T>
  readonly work: (signal: AbortSignal) => Promise<T>
  /** Of those who wait, the last to give up does it then. */
  lastDeadlineMs: number
  readonly limitMs: number
}

export class QueueFull extends Error {
  override readonly name = 'QueueFull'
}

export class JobQueue<T> {
  readonly #options: JobQueueOptions
  readonly #waiting = new Map<string, Job<T>>()
  #running = 0

  constructor(options: JobQueueOptions) {
    this.#options = options
  }

  /**
   * Waits no longer than the limit, for the turn and for the work together; what is under way has as long
   * from its beginning, and is told by the signal to stop.
   */
  async run(key: string, limitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + limitMs
    let job = this.#waiting.get(key)
    if (job === undefined) {
      if (this.#waiting.size >= this.#options.maxWaiting) throw new QueueFull('too many wait')
      job = { outcome: Promise.withResolvers(), work, lastDeadlineMs: deadlineMs, limitMs }
      // Those who wait may all have given up.
      job.outcome.promise.catch(() => {})
      this.#waiting.set(key, job)
      this.#begin()
    }
    job.lastDeadlineMs = deadlineMs
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      reject(new DOMException(`not within ${limitMs} ms`, 'TimeoutError'))
    }, limitMs)
    try {
      return await Promise.race([job.outcome.promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #begin(): void {
    while (this.#running < this.#options.maxRunning) {
      const [next] = this.#waiting
      if (next === undefined) return
      const [key, job] = next
      this.#waiting.delete(key)
      if (performance.now() >= job.lastDeadlineMs) continue
      this.#running++
      void this.#do(job).finally(() => {
        this.#running--
        this.#begin()
      })
    }
  }

  async #do({ outcome, work, limitMs }: Job<T>): Promise<void> {
    try {
      outcome.resolve(await work(AbortSignal.timeout(limitMs)))
    } catch (error) {
      outcome.reject(error)
    }
  }
}
