// Calls that ask for the same thing at the same time are one.

interface SharedCall<T> {
  readonly result: Promise<T>
  readonly abort: AbortController
  waiters: number
}

export class SharedCalls<T> {
  readonly #calls = new Map<string, SharedCall<T>>()

  has(key: string): boolean {
    return this.#calls.has(key)
  }

  /** Who gives up leaves it to the others; when nobody is left, it ends. */
  async join(
    key: string,
    signal: AbortSignal | undefined,
    limitMs: number,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const call = this.#calls.get(key) ?? this.#begin(key, limitMs, run)
    call.waiters++
    try {
      return await (signal === undefined ? call.result : orAborted(call.result, signal))
    } finally {
      call.waiters--
      if (call.waiters === 0) call.abort.abort()
    }
  }

  #begin(key: string, limitMs: number, run: (signal: AbortSignal) => Promise<T>): SharedCall<T> {
    const abort = new AbortController()
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(limitMs)])
    const result = run(signal).finally(() => {
      if (this.#calls.get(key) === call) this.#calls.delete(key)
    })
    const call: SharedCall<T> = { result, abort, waiters: 0 }
    // Nobody may be there any more to hear of it.
    result.catch(() => {})
    abort.signal.addEventListener('abort', () => {
      if (this.#calls.get(key) === call) this.#calls.delete(key)
    })
    this.#calls.set(key, call)
    return call
  }
}

async function orAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => {
    reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    return await Promise.race([result, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
