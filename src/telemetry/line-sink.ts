import { fstatSync, mkdirSync, openSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pino } from 'pino'

/** Writes whole lines without ever making the caller wait; what finds no room is lost and counted. */
export interface LineSink {
  /** False where there is no room for it. Is told whether it is out; not before it is, or cannot be for now. */
  write(line: string, settle?: (isOut: boolean) => void): boolean
  /** Whether the last attempt to write failed. */
  readonly isFailing: boolean
  /** Goes on in a new file of the same name, after the old one was renamed. */
  reopen(): void
  /** Resolves when what was written so far is out, or cannot be for now. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface LineSinkEvents {
  readonly onWritten?: (lines: number) => void
  readonly onLost: (lines: number) => void
  /** Once for each run of failures. */
  readonly onError: (error: Error) => void
  readonly onRecovered?: () => void
}

interface LineSinkOptions extends LineSinkEvents {
  /** A path, or the descriptor of standard output or standard error. */
  readonly target: string | 1 | 2
  readonly maxPendingBytes: number
  readonly closeTimeoutMs: number
}

// Several processes share a file or a pipe. An append to a file is atomic, a write to a pipe up to PIPE_BUF.
const maxFileWriteBytes = 16_384
const maxPipeWriteBytes = 4096
const fileMode = 0o640
/** Somebody may wait for the disk to have room, and nobody else write in the meantime. */
const retryMs = 1_000

/** Throws when the file cannot be opened. */
export function openLineSink(options: LineSinkOptions): LineSink {
  let current = openStream(options)
  let retiring: Promise<unknown> = Promise.resolve()

  function reopen(): void {
    if (typeof options.target === 'number') return
    const previous = current
    try {
      current = openStream(options)
    } catch (error) {
      options.onError(error instanceof Error ? error : new Error(String(error)))
      return
    }
    retiring = Promise.all([retiring, previous.close()])
  }
  const stopLooking = watchPlace(options.target, () => current.descriptor, reopen)

  return {
    write: (line, settle) => current.write(line, settle),
    get isFailing() {
      return current.isFailing
    },
    reopen,
    async flush() {
      await current.flush()
    },
    async close() {
      stopLooking()
      await Promise.all([retiring, current.close()])
    },
  }
}

/** How often it is looked whether the file is where it was. */
const lookMs = 1_000

/** Tells once that the file at a path is another one than that which is open, or has been gone for a while. */
function watchPlace(
  target: string | number,
  descriptor: () => number,
  onMoved: () => void,
): () => void {
  if (typeof target === 'number') return () => {}
  let wasGone = false
  let isLooking = false
  const look = async (): Promise<void> => {
    const here = fstatSync(descriptor())
    // A device or a pipe is no file that anybody rotates.
    if (!here.isFile()) return
    const there = await stat(target).catch((error: unknown) =>
      isMissing(error) ? undefined : here,
    )
    const isGone = there === undefined
    // Whoever rotates may be about to make the new one.
    const isMoved = isGone ? wasGone : there.ino !== here.ino || there.dev !== here.dev
    wasGone = isGone && !wasGone
    if (isMoved) onMoved()
  }
  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    look()
      .catch(() => {})
      .finally(() => (isLooking = false))
  }, lookMs)
  timer.unref()
  return () => {
    clearInterval(timer)
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

type LineStream = Omit<LineSink, 'reopen'> & { readonly descriptor: number }

interface PendingLine {
  bytesLeft: number
  /** Of whoever waits for it. */
  settle: ((isOut: boolean) => void) | undefined
}

function openStream(options: LineSinkOptions): LineStream {
  const { target, maxPendingBytes, closeTimeoutMs, onWritten, onLost, onError, onRecovered } =
    options
  const descriptor = typeof target === 'string' ? openForAppend(target) : target
  const stream = pino.destination({
    dest: descriptor,
    sync: false,
    maxWrite: typeof target === 'string' ? maxFileWriteBytes : maxPipeWriteBytes,
  })
  let pending: PendingLine[] = []
  let pendingBytes = 0
  let state: 'open' | 'failing' | 'closing' | 'closed' = 'open'
  let flushing: (() => void)[] = []
  let closing: (() => void)[] = []
  let retry: NodeJS.Timeout | undefined

  function flushed(): void {
    for (const resolve of flushing) resolve()
    flushing = []
  }

  /** The lines are kept, and may yet be written; nobody waits for that. */
  function giveUpWaiting(): void {
    for (const line of pending) {
      line.settle?.(false)
      line.settle = undefined
    }
  }

  function shut(): void {
    state = 'closed'
    clearTimeout(retry)
    const lost = pending.length
    giveUpWaiting()
    pending = []
    pendingBytes = 0
    if (lost > 0) onLost(lost)
    flushed()
    for (const resolve of closing) resolve()
    closing = []
  }

  stream.on('write', (bytes: number) => {
    if (state === 'failing') {
      state = 'open'
      onRecovered?.()
    }
    pendingBytes -= bytes
    let written = 0
    let left = bytes
    for (const { bytesLeft } of pending) {
      if (bytesLeft > left) break
      left -= bytesLeft
      written += 1
    }
    for (const { settle } of pending.splice(0, written)) settle?.(true)
    if (left > 0 && pending[0] !== undefined) pending[0].bytesLeft -= left
    if (written > 0) onWritten?.(written)
    if (pending.length === 0) flushed()
  })
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (state === 'closed') return
    if (state !== 'failing') onError(error)
    // Nobody reads the pipe any more, or this was the last chance. Otherwise, a full disk for example,
    // the stream keeps what it has and tries again with the next line.
    if (error.code === 'EPIPE' || state === 'closing') {
      shut()
      stream.destroy()
      return
    }
    state = 'failing'
    giveUpWaiting()
    flushed()
    clearTimeout(retry)
    retry = setTimeout(() => {
      if (state === 'failing') stream.write('')
    }, retryMs)
    retry.unref()
  })
  stream.on('close', shut)

  function write(line: string, settle?: (isOut: boolean) => void): boolean {
    const bytesLeft = Buffer.byteLength(line)
    if (state === 'closed' || state === 'closing' || pendingBytes + bytesLeft > maxPendingBytes) {
      onLost(1)
      settle?.(false)
      return false
    }
    pending.push({ bytesLeft, settle })
    pendingBytes += bytesLeft
    stream.write(line)
    return true
  }

  return {
    write,
    descriptor,
    get isFailing() {
      return state === 'failing'
    },
    async flush() {
      if (pending.length === 0) return
      await new Promise<void>((resolve) => flushing.push(resolve))
    },
    async close() {
      if (state === 'closed') return
      const closed = new Promise<void>((resolve) => closing.push(resolve))
      if (state !== 'closing') {
        state = 'closing'
        stream.end()
      }
      const deadline = setTimeout(() => {
        shut()
        stream.destroy()
      }, closeTimeoutMs)
      await closed
      clearTimeout(deadline)
    },
  }
}

function openForAppend(path: string): number {
  mkdirSync(dirname(path), { recursive: true })
  return openSync(path, 'a', fileMode)
}
