import type { Socket } from 'node:net'
import { QueryState } from '../wire/query-state.ts'
import { terminate } from '../wire/write-frontend.ts'
import type { Bounded } from './bounds-watch.ts'
import { farewells, type GovernedEnd, isGoverned } from './endings.ts'
import type { Holdable } from './gates.ts'
import type { EndReason } from './observer.ts'
import type { SessionActivity } from './session-activity.ts'
import type { Standing } from './session-bounds.ts'

/** A client that went away is given this long to have its last statement finished without it. */
const abandonedStatementMs = 500
/** When one side is gone, the other gets this long after the last byte that it took. */
const lastBytesMs = 1_000

export interface SpliceOptions {
  readonly frontend: Socket
  readonly upstream: Socket
  /** Cancels the statement that runs upstream; never throws. */
  readonly cancel: () => void
  readonly onEnd: (reason: EndReason) => void
  /**
   * Takes the upstream over, unclosed, where the client has left it between two messages and outside a
   * transaction. Absent where it ends with its client.
   */
  readonly release?: (() => void) | undefined
  readonly traffic: Traffic
  /** Whether anybody asks when something last passed. */
  readonly keepsTime: boolean
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
export class Splice implements Bounded, Holdable {
  readonly #frontend: Socket
  readonly #upstream: Socket
  readonly #cancel: () => void
  readonly #onEnd: (reason: EndReason) => void
  readonly #release: (() => void) | undefined
  #mayRelease = false
  readonly #traffic: Traffic
  readonly #state = new QueryState()
  bytesFromFrontend = 0
  bytesFromUpstream = 0
  readonly #keepsTime: boolean
  #activeAt = performance.now()
  /** When what runs was begun, or the last that ran; and when its transaction was. */
  #askedAt = 0
  #transactionAt = 0
  #queryMs = 0
  #transactionMs = 0
  /** Why it is to end at its next idle moment. */
  #endsFor: GovernedEnd | undefined
  /** How it is to be held. */
  #hold: 'idle' | 'now' | undefined
  #isHeld = false
  /** Whether its next idle moment is waited for: to end it, or to hold it. */
  #awaitsIdle = false
  /** Whether what the frontend sends is left where it is. */
  #isFrontendStopped = false
  #hasPeeked = false
  /** Whether it ends with the message of the upstream that is under way. */
  #isClosing = false
  #endReason: EndReason | undefined
  #closed = 0

  constructor(options: SpliceOptions) {
    this.#frontend = options.frontend
    this.#upstream = options.upstream
    this.#cancel = options.cancel
    this.#onEnd = options.onEnd
    this.#release = options.release
    this.#traffic = options.traffic
    this.#keepsTime = options.keepsTime
  }

  /** What came during the login: behind the frontend's credential, behind the upstream's ReadyForQuery. */
  start(earlyFromFrontend: Buffer, earlyFromUpstream: Buffer): void {
    const frontend = this.#frontend
    const upstream = this.#upstream
    if (earlyFromUpstream.length > 0) this.#fromUpstream(earlyFromUpstream)
    if (earlyFromFrontend.length > 0) this.#fromFrontend(earlyFromFrontend)

    frontend.on('data', this.#fromFrontend)
    upstream.on('data', this.#fromUpstream)
    frontend.on('drain', this.#frontendDrained)
    upstream.on('drain', this.#upstreamDrained)
    frontend.on('end', this.#frontendEnded)
    upstream.on('end', this.#upstreamEnded)
    if (frontend.closed) this.#frontendClosed()
    else frontend.on('close', this.#frontendClosed)
    if (upstream.closed) this.#upstreamClosed()
    else upstream.on('close', this.#upstreamClosed)
    // The end of either may have come while the session was being set up: its event is past.
    if (upstream.readableEnded) this.#finish('upstream-closed')
    if (frontend.readableEnded) this.#frontendEnded()
    // Not earlier: a farewell among the first bytes comes before anybody could let go of the upstream.
    this.#mayRelease = this.#release !== undefined
    frontend.resume()
    upstream.resume()
  }

  readonly #frontendClosed = (): void => {
    this.#closedOne('client-lost')
  }

  readonly #upstreamClosed = (): void => {
    this.#closedOne('upstream-lost')
  }

  readonly #upstreamEnded = (): void => {
    this.#finish('upstream-closed')
  }

  readonly #frontendDrained = (): void => {
    if (!this.#isUpstreamStopped) this.#upstream.resume()
  }

  readonly #upstreamDrained = (): void => {
    if (!this.#isFrontendStopped) this.#frontend.resume()
  }

  #closedOne(reason: EndReason): void {
    this.#finish(reason)
    this.#closed++
    if (this.#closed === 2) this.#onEnd(this.#endReason ?? reason)
  }

  get standing(): Standing {
    if (this.#state.isRunning) return 'busy'
    return this.#state.inTransaction ? 'in-transaction' : 'idle'
  }

  get activity(): SessionActivity {
    return {
      standing: this.standing,
      askedAtMs: this.#askedAt === 0 ? undefined : performance.timeOrigin + this.#askedAt,
      queries: this.#state.answered,
      transactions: this.#state.transactions,
      queryMs: this.#queryMs,
      transactionMs: this.#transactionMs,
      bytesFromFrontend: this.bytesFromFrontend,
      bytesFromUpstream: this.bytesFromUpstream,
    }
  }

  /** What the upstream says of its own accord does not count, as in PostgreSQL. */
  get activeAt(): number {
    // Who is held could not ask for anything.
    return this.#isHeld ? performance.now() : this.#activeAt
  }

  /** Ends the session at its next idle moment; the first reason counts. */
  endWhenIdle(reason: GovernedEnd): void {
    this.#endsFor ??= reason
    this.#awaitsIdle = true
    this.#endIfIdle()
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /**
   * Leaves what the frontend sends unread, from its next idle moment on, or at once: then what the upstream
   * sends as well, behind the message that is under way.
   */
  hold(how: 'idle' | 'now'): void {
    if (this.#endReason !== undefined || this.#isClosing) return
    this.#hold = how
    if (how === 'idle') {
      this.#awaitsIdle = true
      this.#holdIfIdle()
      return
    }
    this.#stopFrontend()
    if (this.#state.atUpstreamBoundary) this.#stopUpstream()
    else {
      this.#upstream.off('data', this.#fromUpstream)
      this.#upstream.on('data', this.#toBoundary)
    }
  }

  /** Goes on with what has come meanwhile. */
  release(): void {
    if (this.#hold === undefined) return
    if (this.#isHeld && this.#keepsTime) this.#activeAt = performance.now()
    const isOver = this.#endReason !== undefined || this.#isClosing
    this.#forgetHold()
    if (isOver) return
    if (!this.#frontend.listeners('data').includes(this.#fromFrontend)) {
      this.#frontend.on('data', this.#fromFrontend)
    }
    if (!this.#upstream.listeners('data').includes(this.#fromUpstream)) {
      this.#upstream.on('data', this.#fromUpstream)
    }
    if (!this.#upstream.writableNeedDrain) this.#frontend.resume()
    if (!this.#frontend.writableNeedDrain) this.#upstream.resume()
  }

  /** What flows, and who listens, is for whoever calls it. */
  #forgetHold(): void {
    this.#hold = undefined
    this.#isHeld = false
    this.#isFrontendStopped = false
    this.#hasPeeked = false
    this.#awaitsIdle = this.#endsFor !== undefined
    this.#frontend.off('readable', this.#frontendReadable)
    this.#upstream.off('data', this.#toBoundary)
  }

  #holdIfIdle(): void {
    if (this.#hold !== 'idle' || this.#isHeld || !this.#state.isQuiet) return
    if (this.#endReason !== undefined || this.#isClosing) return
    this.#isHeld = true
    this.#awaitsIdle = this.#endsFor !== undefined
    this.#stopFrontend()
  }

  #stopFrontend(): void {
    if (this.#isFrontendStopped) return
    this.#isFrontendStopped = true
    // What is read to be looked at must not be passed on by that.
    this.#frontend.off('data', this.#fromFrontend)
    // It stops the flow too, and goes on to tell of the end.
    this.#frontend.on('readable', this.#frontendReadable)
    this.#frontend.pause()
  }

  get #isUpstreamStopped(): boolean {
    return this.#hold === 'now' && this.#isHeld
  }

  #stopUpstream(): void {
    this.#isHeld = true
    this.#upstream.pause()
  }

  /** Passes on the message that is under way, and puts back what is behind it. */
  readonly #toBoundary = (chunk: Buffer): void => {
    const count = this.#state.fromUpstreamToBoundary(chunk)
    this.bytesFromUpstream += count
    this.#traffic.fromUpstream += count
    if (!this.#frontend.write(chunk.subarray(0, count))) this.#upstream.pause()
    if (!this.#state.atUpstreamBoundary) return
    this.#upstream.off('data', this.#toBoundary)
    this.#upstream.on('data', this.#fromUpstream)
    this.#stopUpstream()
    if (count < chunk.length) this.#upstream.unshift(chunk.subarray(count))
  }

  /** Looks for nothing but whether the client has left: what it asks for stays where it is. */
  readonly #frontendReadable = (): void => {
    const frontend = this.#frontend
    const { readableLength } = frontend
    if (readableLength === 0) {
      // There is nothing to take but its end.
      frontend.read()
      return
    }
    if (readableLength !== terminate.length || this.#hasPeeked || !this.#state.isIdle) return
    this.#hasPeeked = true
    const chunk: unknown = frontend.read()
    if (!Buffer.isBuffer(chunk)) return
    if (terminate.equals(chunk)) this.#fromFrontend(chunk)
    else frontend.unshift(chunk)
  }

  /** Ends the session now; the statement that runs is cancelled. */
  endNow(reason: GovernedEnd): void {
    if (this.#endReason !== undefined || this.#isClosing) return
    this.#isClosing = true
    if (this.#state.isRunning) this.#cancel()
    if (this.#state.atUpstreamBoundary) this.#sayFarewell(reason)
    else this.#finishMessage(reason)
  }

  /** Passes on the rest of the message under way, if the client takes it: a FATAL may only be behind it. */
  #finishMessage(reason: GovernedEnd): void {
    this.#forgetHold()
    const frontend = this.#frontend
    const upstream = this.#upstream
    const timer = setTimeout(() => {
      this.#finish(reason)
    }, lastBytesMs)
    const close = (): void => {
      clearTimeout(timer)
    }
    upstream.once('close', close)
    frontend.once('close', close)
    frontend.off('data', this.#fromFrontend)
    frontend.resume()
    upstream.off('data', this.#fromUpstream)
    const pass = (chunk: Buffer): void => {
      if (this.#endReason !== undefined) return
      const count = this.#state.fromUpstreamToBoundary(chunk)
      this.bytesFromUpstream += count
      this.#traffic.fromUpstream += count
      if (!frontend.write(chunk.subarray(0, count))) upstream.pause()
      if (!this.#state.atUpstreamBoundary) return
      clearTimeout(timer)
      this.#sayFarewell(reason)
    }
    upstream.on('data', pass)
    if (!frontend.writableNeedDrain) upstream.resume()
  }

  #sayFarewell(reason: GovernedEnd): void {
    this.#frontend.write(farewells[reason])
    this.#finish(reason)
  }

  readonly #fromFrontend = (chunk: Buffer): void => {
    this.bytesFromFrontend += chunk.length
    this.#traffic.fromFrontend += chunk.length
    if (this.#keepsTime) this.#activeAt = performance.now()
    const isFarewell = chunk.length === terminate.length && terminate.equals(chunk)
    if (isFarewell && this.#leave()) return
    const wasRunning = this.#state.isRunning
    this.#state.fromFrontend(chunk)
    if (!wasRunning) this.#noteBegin()
    if (!this.#upstream.write(chunk)) this.#frontend.pause()
  }

  readonly #fromUpstream = (chunk: Buffer): void => {
    this.bytesFromUpstream += chunk.length
    this.#traffic.fromUpstream += chunk.length
    const wasRunning = this.#state.isRunning
    if (this.#keepsTime && wasRunning) this.#activeAt = performance.now()
    this.#state.fromUpstream(chunk)
    if (wasRunning) this.#noteFinish()
    if (!this.#frontend.write(chunk)) this.#upstream.pause()
    if (this.#awaitsIdle) this.#atMoment()
  }

  /** The clock is read where the session begins to run something, and where it has nothing left to run. */
  #noteBegin(): void {
    if (!this.#state.isRunning) return
    this.#askedAt = performance.now()
    if (!this.#state.inTransaction) this.#transactionAt = this.#askedAt
  }

  #noteFinish(): void {
    if (this.#state.isRunning) return
    const now = performance.now()
    this.#queryMs += now - this.#askedAt
    if (!this.#state.inTransaction) this.#transactionMs += now - this.#transactionAt
  }

  /**
   * A FIN without Terminate is how a killed client looks, and PostgreSQL would go on with its statement
   * to the end: after a moment it is cancelled.
   */
  readonly #frontendEnded = (): void => {
    if (this.#endReason !== undefined || this.#leave()) return
    if (this.#state.isTerminated || !this.#state.isBusy) {
      this.#finish('client-closed')
      return
    }
    this.#upstream.end()
    setTimeout(() => {
      this.#finish('client-lost')
    }, abandonedStatementMs)
  }

  #atMoment(): void {
    this.#endIfIdle()
    this.#holdIfIdle()
  }

  #endIfIdle(): void {
    if (this.#endsFor === undefined || this.#isClosing) return
    if (this.#endReason !== undefined || !this.#state.isIdle) return
    this.#sayFarewell(this.#endsFor)
  }

  /** Lets the client go and the upstream be, if nothing is under way there. */
  #leave(): boolean {
    const frontend = this.#frontend
    const upstream = this.#upstream
    if (this.#release === undefined || !this.#mayRelease || !this.#isClean) return false
    this.#endReason = 'client-closed'
    this.#forgetHold()
    frontend.off('data', this.#fromFrontend)
    upstream.off('data', this.#fromUpstream)
    upstream.off('drain', this.#upstreamDrained)
    upstream.off('end', this.#upstreamEnded)
    upstream.off('close', this.#upstreamClosed)
    upstream.pause()
    frontend.off('drain', this.#frontendDrained)
    if (frontend.writable) frontend.end()
    frontend.resume()
    closeWhenWritten(frontend)
    this.#release()
    // To this session it is as good as closed.
    this.#closedOne('client-closed')
    return true
  }

  get #isClean(): boolean {
    const frontend = this.#frontend
    const upstream = this.#upstream
    const { isIdle, isPlain, isTerminated } = this.#state
    const isOurs = this.#endReason !== undefined || this.#endsFor !== undefined || this.#isClosing
    const isUnderWay =
      frontend.readableLength + upstream.readableLength > 0 ||
      frontend.writableLength + upstream.writableLength > 0
    const isOpen = upstream.writable && !upstream.readableEnded && !upstream.destroyed
    return !isOurs && isIdle && isPlain && !isTerminated && !isUnderWay && isOpen
  }

  /** The first reason counts. Both sides are closed, each as gently as it still can be. */
  #finish(reason: EndReason): void {
    if (this.#endReason !== undefined) return
    this.#endReason = reason
    this.#forgetHold()
    const frontend = this.#frontend
    const upstream = this.#upstream
    frontend.off('data', this.#fromFrontend)
    upstream.off('data', this.#fromUpstream)
    const isAbandoned = this.#state.isRunning && (reason === 'client-lost' || isGoverned(reason))
    if (reason === 'client-lost' && this.#state.isBusy) this.#cancel()
    if (upstream.writable) {
      // Behind a part of a message it would be taken for the rest of it.
      if (isGoverned(reason) && this.#state.atFrontendBoundary) upstream.write(terminate)
      upstream.end()
    }
    if (frontend.writable) frontend.end()
    // Nothing more is passed on; what still comes is read so that the end is seen.
    frontend.resume()
    upstream.resume()
    closeWhenWritten(frontend)
    closeWhenWritten(upstream)
    if (isAbandoned) cancelUntilClosed(upstream, this.#cancel)
  }
}

/**
 * A cancel request ends one statement of a pipeline, and PostgreSQL goes on with the next: it reads of the
 * end of the session behind the last one, or notices that the socket is gone when it answers for the second
 * time. So it is asked again after the socket was closed, twice and once more.
 */
function cancelUntilClosed(upstream: Socket, cancel: () => void): void {
  let left = 3
  const timer = setInterval(() => {
    cancel()
    left--
    if (left === 0) clearInterval(timer)
  }, lastBytesMs)
  const stop = (): void => {
    clearInterval(timer)
  }
  upstream.once('end', stop)
  if (upstream.readableEnded) stop()
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
