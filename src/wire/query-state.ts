// Where a spliced session stands between its statements, read off the messages that pass.
import { MessageFollower } from './message-follower.ts'

const query = 'Q'.charCodeAt(0)
const functionCall = 'F'.charCodeAt(0)
const sync = 'S'.charCodeAt(0)
const flush = 'H'.charCodeAt(0)
const terminate = 'X'.charCodeAt(0)
const readyForQuery = 'Z'.charCodeAt(0)
const idle = 'I'.charCodeAt(0)
/** Parse, Bind, Describe, Execute, Close: nothing is finished before the Sync behind them. */
const extended = new Set(Array.from('PBDEC', (type) => type.charCodeAt(0)))

/**
 * Counts what the frontend asked and what the upstream finished: each Query, FunctionCall and Sync is
 * answered by one ReadyForQuery (PostgreSQL documentation, 54.2). A Sync that a client sends in the
 * middle of COPY IN is ignored by the server, so the count can only err towards "busy".
 */
export class QueryState {
  readonly #frontend: MessageFollower
  readonly #upstream: MessageFollower
  #outstanding = 0
  #awaitsSync = false
  #inTransaction = false
  #terminated = false
  #isPlain = true
  #answered = 0
  #transactions = 0

  constructor() {
    this.#frontend = new MessageFollower((type) => {
      if (type === query || type === functionCall || type === sync) {
        this.#outstanding++
        this.#awaitsSync = false
      } else if (extended.has(type)) this.#awaitsSync = true
      else if (type === terminate) this.#terminated = true
      else if (type !== flush) this.#isPlain = false
    })
    this.#upstream = new MessageFollower((type, status) => {
      if (type !== readyForQuery) return
      if (this.#outstanding > 0) this.#outstanding--
      this.#answered++
      if (status === idle) this.#transactions++
      this.#inTransaction = status !== idle
    })
  }

  fromFrontend(chunk: Uint8Array): void {
    this.#frontend.push(chunk)
  }

  fromUpstream(chunk: Uint8Array): void {
    this.#upstream.push(chunk)
  }

  /** Takes no more than the message under way, and gives how many bytes that took. */
  fromUpstreamToBoundary(chunk: Uint8Array): number {
    return this.#upstream.pushToBoundary(chunk)
  }

  /** Whether the frontend asked for something that is not answered yet. */
  get isBusy(): boolean {
    return this.isRunning || !this.#frontend.atBoundary
  }

  /** The same, where a message that has come in part asks for nothing yet. */
  get isRunning(): boolean {
    return this.#outstanding > 0 || this.#awaitsSync
  }

  get inTransaction(): boolean {
    return this.#inTransaction
  }

  /** Whether the session can end here without cutting a message, a statement or a transaction. */
  get isIdle(): boolean {
    return !this.isBusy && !this.#inTransaction && this.#upstream.atBoundary
  }

  /** Whether the upstream has nothing to do and nothing to keep, be there part of a message for it or not. */
  get isQuiet(): boolean {
    return !this.isRunning && !this.#inTransaction && this.#upstream.atBoundary
  }

  /** Whether a message of ours may be put between two of the upstream's. */
  get atUpstreamBoundary(): boolean {
    return this.#upstream.atBoundary
  }

  /** Whether a message of ours may be put behind those of the frontend. */
  get atFrontendBoundary(): boolean {
    return this.#frontend.atBoundary
  }

  /** Whether the frontend has sent nothing but statements: no data of COPY, where the count can err. */
  get isPlain(): boolean {
    return this.#isPlain
  }

  /** How often the upstream has said that it is ready again. */
  get answered(): number {
    return this.#answered
  }

  /** How often it has said so outside a transaction. */
  get transactions(): number {
    return this.#transactions
  }

  /** Whether the frontend said goodbye. */
  get isTerminated(): boolean {
    return this.#terminated
  }
}
