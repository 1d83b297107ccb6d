// The connections of the agent, from accept to close, and the cancel keys of those that are in.
import { Refusal } from '../refusal.ts'
import type { Splice } from '../session/splice.ts'
import type { Endpoint } from '../upstream/endpoint.ts'

/** Sessions that are ended have so long to say so. */
const farewellMs = 5_000

/** The key that a gateway gave to a client, and where it is good. */
export interface CancelKey {
  readonly processId: number
  readonly secretKey: Buffer
  readonly endpoint: Endpoint
}

/** One connection. */
export class Visit {
  readonly #sessions: Sessions
  readonly #controller = new AbortController()
  key: CancelKey | undefined
  #splice: Splice | undefined

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  /** Aborted when it is not to be served any more; the reason is a Refusal, or that the client is gone. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  interrupt(reason: Error): void {
    this.#controller.abort(reason)
  }

  spliced(splice: Splice): void {
    this.#splice = splice
    if (this.#sessions.isEnding) splice.endNow('drain')
    else if (this.#sessions.isDraining) splice.endWhenIdle('drain')
  }

  drain(): void {
    if (this.#splice === undefined) this.interrupt(new Refusal('draining'))
    else this.#splice.endWhenIdle('drain')
  }

  endNow(): void {
    if (this.#splice === undefined) this.interrupt(new Refusal('draining'))
    else this.#splice.endNow('drain')
  }
}

export class Sessions {
  readonly #visits = new Set<Visit>()
  readonly #keys = new Map<string, CancelKey>()
  readonly #whenEmpty: (() => void)[] = []
  isDraining = false
  isEnding = false

  get size(): number {
    return this.#visits.size
  }

  enter(): Visit {
    const visit = new Visit(this)
    this.#visits.add(visit)
    return visit
  }

  /** Before the client has been told its key. */
  keep(visit: Visit, key: CancelKey): void {
    visit.key = key
    this.#keys.set(nameOf(key), key)
  }

  find(key: Pick<CancelKey, 'processId' | 'secretKey'>): CancelKey | undefined {
    return this.#keys.get(nameOf(key))
  }

  leave(visit: Visit): void {
    this.#visits.delete(visit)
    const { key } = visit
    // Two gateways may have given out the same.
    if (key !== undefined && this.find(key) === key) this.#keys.delete(nameOf(key))
    if (this.#visits.size === 0) for (const tell of this.#whenEmpty.splice(0)) tell()
  }

  /** Ends each session at its next idle moment, and the rest at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.isDraining = true
    for (const visit of this.#visits) visit.drain()
    const timer = setTimeout(() => {
      this.endNow()
    }, deadlineMs)
    const { promise: isEmpty, resolve } = Promise.withResolvers<undefined>()
    const tell = (): void => {
      resolve(undefined)
    }
    // Who takes nothing any more, or a gateway that is away, is not waited for.
    const last = setTimeout(tell, deadlineMs + farewellMs)
    if (this.#visits.size > 0) this.#whenEmpty.push(tell)
    else tell()
    await isEmpty
    clearTimeout(timer)
    clearTimeout(last)
  }

  endNow(): void {
    this.isDraining = true
    this.isEnding = true
    for (const visit of this.#visits) visit.endNow()
  }
}

function nameOf({ processId, secretKey }: Pick<CancelKey, 'processId' | 'secretKey'>): string {
  return `${processId}:${secretKey.toString('hex')}`
}
