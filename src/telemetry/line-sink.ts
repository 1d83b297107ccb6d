import { mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { pino } from 'pino'

/** Writes whole lines without ever making the caller wait; what finds no room is lost and counted. */
export interface LineSink {
  write(line: string): void
  /** Goes on in a new file of the same name, after the old one was renamed. */
  reopen(): void
  /** Resolves when what was written so far is out, or cannot be for now. */
  flush(): Promise<void>
  close(): Promise<void>
}

interface LineSinkOptions {
  /** A path, or the descriptor of standard output or standard error. */
  readonly target: string | 1 | 2
  readonly maxPendingBytes: number
  readonly closeTimeoutMs: number
  readonly onWritten?: (lines: number) => void
  readonly onLost: (lines: number) => void
  /** Once for each run of failures. */
  readonly onError: (error: Error) => void
}

// Several processes share a file or a pipe. An append to a file is atomic, a write to a pipe up to PIPE_BUF.
const maxFileWriteBytes = 16_384
const maxPipeWriteBytes = 4096
const fileMode = 0o640

/** Throws when the file cannot be opened. */
export function openLineSink(options: LineSinkOptions): LineSink {
  let current = openStream(options)
  let retiring: Promise<unknown> = Promise.resolve()

  return {
    write(line) {
      current.write(line)
    },
    reopen() {
      if (typeof options.target === 'number') return
      const previous = current
      try {
        current = openStream(options)
      } catch (error) {
        options.onError(error instanceof Error ? error : new Error(String(error)))
        return
      }
      retiring = Promise.all([retiring, previous.close()])
    },
    async flush() {
      await current.flush()
    },
    async close() {
      await Promise.all([retiring, current.close()])
    },
  }
}

type LineStream = Omit<LineSink, 'reopen'>

function openStream(options: LineSinkOptions): LineStream {
  const { target, maxPendingBytes, closeTimeoutMs, onWritten, onLost, onError } = options
  const stream = pino.destination({
    dest: typeof target === 'string' ? openForAppend(target) : target,
    sync: false,
    maxWrite: typeof target === 'string' ? maxFileWriteBytes : maxPipeWriteBytes,
  })
  /** The bytes that each line still has to write. */
  let pending: number[] = []
  let pendingBytes = 0
  let state: 'open' | 'failing' | 'closing' | 'closed' = 'open'
  let flushing: (() => void)[] = []
  let closing: (() => void)[] = []

  function flushed(): void {
    for (const resolve of flushing) resolve()
    flushing = []
  }

  function shut(): void {
    state = 'closed'
    const lost = pending.length
    pending = []
    pendingBytes = 0
    if (lost > 0) onLost(lost)
    flushed()
    for (const resolve of closing) resolve()
    closing = []
  }

  stream.on('write', (bytes: number) => {
    if (state === 'failing') state = 'open'
    pendingBytes -= bytes
    let written = 0
    let left = bytes
    for (const size of pending) {
      if (size > left) break
      left -= size
      written += 1
    }
    pending.splice(0, written)
    if (left > 0 && pending[0] !== undefined) pending[0] -= left
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
    flushed()
  })
  stream.on('close', shut)

  return {
    write(line) {
      const bytes = Buffer.byteLength(line)
      if (state === 'closed' || state === 'closing' || pendingBytes + bytes > maxPendingBytes) {
        onLost(1)
        return
      }
      pending.push(bytes)
      pendingBytes += bytes
      stream.write(line)
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
