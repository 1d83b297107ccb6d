// Calls between the primary and its workers over the IPC channel of child_process.

/** An end of an IPC channel: the parent's handle of a child, or the child's own process object. */
export interface Port {
  readonly connected: boolean
  send(message: object): void
  onMessage(receive: (message: unknown) => void): void
  onDisconnect(listener: () => void): void
}

/** Methods that the other side may call, by name. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>

interface Call {
  readonly kind: 'call'
  readonly id: number
  readonly method: string
  readonly argument: unknown
}

interface Reply {
  readonly kind: 'reply'
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** A call that the other side did not answer, or answered with an error. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError'
}

/** Calls that wait for an answer at one time; more of them mean that nobody answers. */
const maxPending = 1_024

/** The id of a call that has no reply. */
const unanswered = 0

/** Both directions of calls over one port, every call with a deadline. */
export class Channel {
  readonly #port: Port
  readonly #handlers: Handlers
  readonly #pending = new Map<number, Pending>()
  #nextId = 1

  constructor(port: Port, handlers: Handlers) {
    this.#port = port
    this.#handlers = handlers
    port.onMessage((message) => {
      if (isCall(message)) void this.#answer(message)
      else if (isReply(message)) this.#settle(message)
    })
    port.onDisconnect(() => {
      for (const id of this.#pending.keys())
        this.#settle({ kind: 'reply', id, error: 'disconnected' })
    })
  }

  /** Calls a method of the other side. The type of the answer is what both sides agreed on. */
  async call(method: string, argument: unknown, timeoutMs: number): Promise<unknown> {
    if (!this.#port.connected) throw new ChannelError(`${method}: disconnected`)
    if (this.#pending.size >= maxPending) throw new ChannelError(`${method}: too many calls`)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle({ kind: 'reply', id, error: `${method}: no answer within ${timeoutMs} ms` })
      }, timeoutMs)
      this.#pending.set(id, { resolve, reject, timer })
      this.#send({ kind: 'call', id, method, argument })
    })
  }

  /** Tells the other side something that it does not answer. */
  tell(method: string, argument: unknown): void {
    this.#send({ kind: 'call', id: unanswered, method, argument })
  }

  async #answer({ id, method, argument }: Call): Promise<void> {
    try {
      const handler = Object.hasOwn(this.#handlers, method) ? this.#handlers[method] : undefined
      if (handler === undefined) throw new ChannelError(`no method ${method}`)
      // Both sides run the same program: the argument is of the type that the method takes.
      const value = await handler(argument as never)
      if (id !== unanswered) this.#send({ kind: 'reply', id, value })
    } catch (error) {
      if (id === unanswered) return
      this.#send({ kind: 'reply', id, error: error instanceof Error ? error.message : 'failed' })
    }
  }

  #send(message: Call | Reply): void {
    if (this.#port.connected) this.#port.send(message)
  }

  #settle({ id, value, error }: Reply): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    clearTimeout(pending.timer)
    if (error === undefined) pending.resolve(value)
    else pending.reject(new ChannelError(error))
  }
}

function isCall(message: unknown): message is Call {
  return (
    typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'call'
  )
}

function isReply(message: unknown): message is Reply {
  return (
    typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'reply'
  )
}
