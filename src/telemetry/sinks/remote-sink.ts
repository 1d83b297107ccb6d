// Lines that are delivered over a network: kept until they are, tried again, and never waited for by the caller.
import type { LineSink, LineSinkEvents } from '../line-sink.ts'
import { Backlog } from './backlog.ts'

/** Takes lines somewhere, a batch at a time. */
export interface Transport {
  /** How much is taken at once. */
  readonly maxLines: number
  readonly maxBytes: number
  /** How long lines are gathered for a batch, where nobody waits for them. */
  readonly lingerMs: number
  /** Resolves when they are there. With no lines it finds out whether they could be. */
  deliver(lines: readonly string[], signal: AbortSignal): Promise<void>
  close(): void
}

/** It may go well another time. */
export class NotDelivered extends Error {
  override readonly name = 'NotDelivered'
  /** What the other side asks for. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, options?: ErrorOptions & { readonly retryAfterMs?: number }) {
    super(message, options)
    this.retryAfterMs = options?.retryAfterMs
  }
}

/** Just these lines will never be taken; some of them may be, where it was too many. */
export class NotAcceptable extends Error {
  override readonly name = 'NotAcceptable'
}

export interface RemoteSinkOptions extends LineSinkEvents {
  readonly transport: Transport
  readonly maxPendingBytes: number
  readonly maxPendingLines: number
  readonly closeTimeoutMs: number
  /** For tests: the first pause between attempts. */
  readonly firstRetryMs?: number
}

const firstRetryMs = 500
const longestRetryMs = 30_000
/** Whatever the other side asks for. */
const longestAskedMs = 300_000

export function openRemoteSink(options: RemoteSinkOptions): LineSink {
  const { transport, maxPendingBytes, maxPendingLines, closeTimeoutMs } = options
  const { onWritten, onLost, onError, onRecovered } = options
  const backlog = new Backlog({ maxBytes: maxPendingBytes, maxLines: maxPendingLines })
  const stopping = new AbortController()
  let state: 'open' | 'closing' | 'closed' = 'open'
  let isFailing = false
  let isProbed = false
  let attempts = 0
  /** Smaller after a batch that was not acceptable as a whole. */
  let most = transport.maxLines
  let running: Promise<void> | undefined
  let wake: () => void = () => {}
  let flushing: (() => void)[] = []

  async function pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      timer.unref()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    wake = () => {}
  }

  function flushed(): void {
    for (const resolve of flushing) resolve()
    flushing = []
  }

  function failed(error: unknown): number {
    if (!isFailing) onError(toError(error))
    isFailing = true
    backlog.giveUpWaiting()
    flushed()
    const asked = error instanceof NotDelivered ? error.retryAfterMs : undefined
    const doubled = Math.min(longestRetryMs, (options.firstRetryMs ?? firstRetryMs) * 2 ** attempts)
    attempts = Math.min(attempts + 1, 16)
    // Several processes, and several gateways, lost it at the same moment.
    const jittered = doubled * (0.5 + Math.random() / 2)
    return asked === undefined ? jittered : Math.max(jittered, Math.min(asked, longestAskedMs))
  }

  function recovered(): void {
    attempts = 0
    if (!isFailing) return
    isFailing = false
    onRecovered?.()
  }

  function forsake(count: number): void {
    const lost = backlog.remove(count)
    for (const { settle } of lost) settle?.(false)
    if (lost.length > 0) onLost(lost.length)
  }

  /** What failed is tried until it goes well, although nobody may come to log in until then. */
  function isNeeded(): boolean {
    if (stopping.signal.aborted) return false
    return backlog.length > 0 || (state === 'open' && (!isProbed || isFailing))
  }

  /** Resolves when there is nothing to do any more. */
  async function run(): Promise<void> {
    while (isNeeded()) {
      const isFull = backlog.length >= most || backlog.bytes >= transport.maxBytes
      const isUrgent = isFailing || state !== 'open' || flushing.length > 0 || backlog.isAwaited
      if (isProbed && !isFull && !isUrgent && transport.lingerMs > 0)
        await pause(transport.lingerMs)
      const batch = backlog.peek({ maxLines: most, maxBytes: transport.maxBytes })
      try {
        await transport.deliver(
          batch.map(({ line }) => line),
          stopping.signal,
        )
        if (stopping.signal.aborted) return
        isProbed = true
        most = transport.maxLines
        for (const { settle } of backlog.remove(batch.length)) settle?.(true)
        recovered()
        if (batch.length > 0) onWritten?.(batch.length)
      } catch (error) {
        isProbed = true
        if (stopping.signal.aborted) return
        if (error instanceof NotAcceptable) {
          most = Math.max(1, Math.floor(batch.length / 2))
          if (batch.length > 1) continue
          recovered()
          onError(error)
          forsake(batch.length)
          most = transport.maxLines
          continue
        }
        await pause(failed(error))
      }
    }
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined
      if (backlog.length === 0) flushed()
      else if (!stopping.signal.aborted) start()
    })
  }
  start()

  return {
    write(line, settle) {
      if (state !== 'open' || !backlog.push(line, settle)) {
        onLost(1)
        settle?.(false)
        return false
      }
      start()
      // A pause between attempts is not cut short: whoever waits is told so at once.
      if (isFailing) backlog.giveUpWaiting()
      else if (settle !== undefined || backlog.length >= most) wake()
      return true
    },
    get isFailing() {
      return isFailing
    },
    reopen() {},
    async flush() {
      if (backlog.length === 0 || isFailing) return
      const done = new Promise<void>((resolve) => flushing.push(resolve))
      wake()
      await done
    },
    async close() {
      if (state === 'closed') return
      state = 'closing'
      wake()
      const { promise: late, resolve: giveUp } = Promise.withResolvers<undefined>()
      const deadline = setTimeout(giveUp, closeTimeoutMs, undefined)
      const hurrying = setInterval(() => {
        wake()
      }, closeTimeoutMs / 5)
      while (running !== undefined && !stopping.signal.aborted) {
        await Promise.race([
          running,
          late.then(() => {
            stopping.abort()
          }),
        ])
      }
      clearTimeout(deadline)
      clearInterval(hurrying)
      stopping.abort()
      wake()
      state = 'closed'
      forsake(backlog.length)
      flushed()
      transport.close()
    },
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
