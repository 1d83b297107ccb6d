import type { Socket } from 'node:net'
import { QueryState } from '../wire/query-state.ts'
import { terminate } from '../wire/write-frontend.ts'
import { fatalError } from '../wire/write-backend.ts'
import type { EndReason } from './observer.ts'

/** A client that went away is given this long to have its last statement finished without it. */
const abandonedStatementMs = 500
/** When one side is gone, the other gets this long after the last byte that it took. */
const lastBytesMs = 1_000

const shutDown = fatalError({
  sqlstate: '57P01',
  message: 'terminating connection due to administrator command',
  hint: 'Connect again: the gateway is being stopped or replaced.',
})

export interface SpliceOptions {
  readonly frontend: Socket
  readonly upstream: Socket
  /** Cancels the statement that runs upstream; never throws. */
  readonly cancel: () => void
  readonly onEnd: (reason: EndReason) => void
  readonly traffic: Traffic
}

/** Bytes of all sessions of this process. */
export interface Traffic {
  fromFrontend: number
  fromUpstream: number
}

/**
 * Copies bytes both ways without changing or keeping one. It follows the messages only to know where a
 * session that is to end can be ended: between two messages, and not within a transaction.
 */
export class Splice {
  readonly #frontend: Socket
  readonly #upstream: Socket
  readonly #cancel: () => void
  readonly #onEnd: (reason: EndReason) => void
  readonly #traffic: Traffic
  readonly #state = new QueryState()
  bytesFromFrontend = 0
  bytesFromUpstream = 0
  #isDraining = false
  #endReason: EndReason | undefined
  #closed = 0

  constructor(options: SpliceOptions) {
    this.#frontend = options.frontend
    this.#upstream = options.upstream
    this.#cancel = options.cancel
    this.#onEnd = options.onEnd
    this.#traffic = options.traffic
  }

  /** What came during the login: behind the frontend's credential, behind the upstream's ReadyForQuery. */
  start(earlyFromFrontend: Buffer, earlyFromUpstream: Buffer): void {
    const frontend = this.#frontend
    const upstream = this.#upstream
    if (earlyFromUpstream.length > 0) this.#fromUpstream(earlyFromUpstream)
    if (earlyFromFrontend.length > 0) this.#fromFrontend(earlyFromFrontend)

    frontend.on('data', this.#fromFrontend)
    upstream.on('data', this.#fromUpstream)
    frontend.on('drain', () => upstream.resume())
    upstream.on('drain', () => frontend.resume())
    frontend.on('end', this.#frontendEnded)
    upstream.on('end', () => {
      this.#finish('upstream-closed')
    })
    this.#onClose(frontend, 'client-lost')
    this.#onClose(upstream, 'upstream-lost')
    // The end of either may have come while the session was being set up: its event is past.
    if (upstream.readableEnded) this.#finish('upstream-closed')
    if (frontend.readableEnded) this.#frontendEnded()
    frontend.resume()
    upstream.resume()
  }

  #onClose(socket: Socket, reason: EndReason): void {
    const closed = (): void => {
      this.#finish(reason)
      this.#closed++
      if (this.#closed === 2) this.#onEnd(this.#endReason ?? reason)
    }
    if (socket.closed) closed()
    else socket.on('close', closed)
  }

  /** Ends the session at its next idle moment, with 57P01. */
  drain(): void {
    this.#isDraining = true
    this.#endIfIdle()
  }

  /** Ends the session now; the statement that runs is cancelled. */
  endNow(): void {
    if (this.#endReason !== undefined) return
    if (this.#state.isBusy) this.#cancel()
    if (this.#state.atUpstreamBoundary) this.#frontend.write(shutDown)
    this.#finish('drain')
  }

  readonly #fromFrontend = (chunk: Buffer): void => {
    this.bytesFromFrontend += chunk.length
    this.#traffic.fromFrontend += chunk.length
    this.#state.fromFrontend(chunk)
    if (!this.#upstream.write(chunk)) this.#frontend.pause()
  }

  readonly #fromUpstream = (chunk: Buffer): void => {
    this.bytesFromUpstream += chunk.length
    this.#traffic.fromUpstream += chunk.length
    this.#state.fromUpstream(chunk)
    if (!this.#frontend.write(chunk)) this.#upstream.pause()
    if (this.#isDraining) this.#endIfIdle()
  }

  /**
   * A FIN without Terminate is how a killed client looks, and PostgreSQL would go on with its statement
   * to the end: after a moment it is cancelled.
   */
  readonly #frontendEnded = (): void => {
    if (this.#endReason !== undefined) return
    if (this.#state.isTerminated || !this.#state.isBusy) {
      this.#finish('client-closed')
      return
    }
    this.#upstream.end()
    setTimeout(() => {
      this.#finish('client-lost')
    }, abandonedStatementMs)
  }

  #endIfIdle(): void {
    if (this.#endReason !== undefined || !this.#state.isIdle) return
    this.#frontend.write(shutDown)
    this.#finish('drain')
  }

  /** The first reason counts. Both sides are closed, each as gently as it still can be. */
  #finish(reason: EndReason): void {
    if (this.#endReason !== undefined) return
    this.#endReason = reason
    const frontend = this.#frontend
    const upstream = this.#upstream
    frontend.off('data', this.#fromFrontend)
    upstream.off('data', this.#fromUpstream)
    if (reason === 'client-lost' && this.#state.isBusy) this.#cancel()
    if (upstream.writable) {
      if (reason === 'drain') upstream.write(terminate)
      upstream.end()
    }
    if (frontend.writable) frontend.end()
    // Nothing more is passed on; what still comes is read so that the end is seen.
    frontend.resume()
    upstream.resume()
    closeWhenWritten(frontend)
    closeWhenWritten(upstream)
  }
}

/** Destroys a socket once its last bytes are out, or the peer has stopped taking them. */
function closeWhenWritten(socket: Socket): void {
  let waiting = socket.writableLength
  const timer = setInterval(() => {
    if (socket.writableLength > 0 && socket.writableLength < waiting)
      waiting = socket.writableLength
    else socket.destroy()
  }, lastBytesMs)
  socket.once('close', () => {
    clearInterval(timer)
  })
  if (socket.destroyed) clearInterval(timer)
}
