import type { Readable } from 'node:stream'
import type { Taken } from './startup.ts'

/** The other side closed, or the connection broke, before what was waited for had come. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

interface Waiter {
  readonly attempt: () => boolean
  readonly reject: (error: unknown) => void
}

const empty = Buffer.alloc(0)
/** What may pile up while nobody reads; then the stream is paused. */
const maxUnreadBytes = 65_536

/**
 * Reads packet after packet off a stream, before it is spliced. It buffers at most what the reader that
 * is waiting allows by its own limit, and gives back what is left over when it is released.
 */
export class PacketReader {
  readonly #stream: Readable
  /** The first `#unreadBytes` of it came and were not taken; the rest is room to grow. */
  #storage: Buffer = empty
  #unreadBytes = 0
  #waiter: Waiter | undefined
  #lost: Error | undefined

  constructor(stream: Readable) {
    this.#stream = stream
    stream.on('data', this.#onData)
    stream.on('end', this.#onEnd)
    stream.on('close', this.#onEnd)
    stream.on('error', this.#onError)
    // The end may have come before anybody listened.
    if (stream.readableEnded || stream.destroyed) this.#onEnd()
  }

  get unreadBytes(): number {
    return this.#unreadBytes
  }

  /**
   * Waits until `take` returns a value for the bytes so far; what it throws is thrown here. One reader
   * at a time. The deadline is the caller's: it ends the wait by destroying the stream.
   */
  async read<T>(take: (bytes: Buffer) => Taken<T> | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const attempt = (): boolean => {
        try {
          const taken = take(this.#storage.subarray(0, this.#unreadBytes))
          if (taken === undefined) return false
          this.#storage = this.#storage.subarray(taken.length)
          this.#unreadBytes -= taken.length
          resolve(taken.value)
        } catch (error) {
          reject(error instanceof Error ? error : new Error('reader failed', { cause: error }))
        }
        return true
      }
      if (attempt()) return
      if (this.#lost !== undefined) {
        reject(this.#lost)
        return
      }
      this.#waiter = { attempt, reject }
      this.#stream.resume()
    })
  }

  /** Never resolves: throws when the other side is gone, or sends more than anybody waits for. */
  async lost(): Promise<never> {
    return this.read<never>((bytes) => {
      if (bytes.length > maxUnreadBytes) throw new ConnectionLost('too much came while it waited')
      return undefined
    })
  }

  /** Stops reading and returns the bytes that nobody took. The stream is left paused. */
  release(): Buffer {
    this.#stream.off('data', this.#onData)
    this.#stream.off('end', this.#onEnd)
    this.#stream.off('close', this.#onEnd)
    this.#stream.off('error', this.#onError)
    this.#stream.pause()
    // Whoever still waits keeps what it was raced with.
    this.#waiter = undefined
    const unread = this.#storage.subarray(0, this.#unreadBytes)
    this.#storage = empty
    this.#unreadBytes = 0
    return unread
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#append(chunk)
    if (this.#waiter?.attempt() === true) this.#waiter = undefined
    if (this.#waiter === undefined && this.#unreadBytes > maxUnreadBytes) this.#stream.pause()
  }

  #append(chunk: Buffer): void {
    const bytes = this.#unreadBytes + chunk.length
    if (this.#unreadBytes === 0) this.#storage = chunk
    else {
      if (bytes > this.#storage.length) {
        // Doubled, so that somebody who sends byte by byte does not cost a copy of all for each.
        const grown = Buffer.allocUnsafe(bytes * 2)
        this.#storage.copy(grown, 0, 0, this.#unreadBytes)
        this.#storage = grown
      }
      chunk.copy(this.#storage, this.#unreadBytes)
    }
    this.#unreadBytes = bytes
  }

  readonly #onEnd = (): void => {
    this.#fail(new ConnectionLost('the connection was closed'))
  }

  readonly #onError = (error: Error): void => {
    this.#fail(new ConnectionLost('the connection broke', { cause: error }))
  }

  #fail(error: Error): void {
    this.#lost ??= error
    this.#waiter?.reject(this.#lost)
    this.#waiter = undefined
  }
}
