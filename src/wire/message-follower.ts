import { headerBytes, lengthBytes } from './frame.ts'

/**
 * Follows the frames of one direction of a spliced session without keeping or changing a byte, so that
 * what is between two messages, and what the last one said, is known exactly. `onMessage` sees each
 * message's type when its header is complete, and the first byte of its body (0 where it has none).
 */
export class MessageFollower {
  readonly #onMessage: (type: number, firstByte: number) => void
  /** Of the message under way: header bytes seen so far, kept only across chunks. */
  readonly #partial = Buffer.alloc(headerBytes + 1)
  #partialBytes = 0
  /** Bytes of the body still to come. */
  #remaining = 0

  constructor(onMessage: (type: number, firstByte: number) => void) {
    this.#onMessage = onMessage
  }

  /** Whether the bytes so far end exactly between two messages. */
  get atBoundary(): boolean {
    return this.#remaining === 0 && this.#partialBytes === 0
  }

  push(chunk: Uint8Array): void {
    let offset = 0
    const end = chunk.length
    if (this.#partialBytes > 0) offset = this.#completePartial(chunk)
    else if (this.#remaining > 0) offset = this.#skip(0, end)

    // A header and one byte of body are read in place: no allocation for a message that is whole.
    while (offset < end && this.#partialBytes === 0) {
      if (end - offset <= headerBytes) {
        offset = this.#keepPartial(chunk, offset)
        break
      }
      offset = this.#begin(
        chunk[offset] ?? 0,
        readLength(chunk, offset + 1),
        chunk[offset + headerBytes] ?? 0,
        offset,
        end,
      )
    }
  }

  #begin(type: number, length: number, firstByte: number, offset: number, end: number): number {
    this.#onMessage(type, length > lengthBytes ? firstByte : 0)
    this.#remaining = Math.max(length - lengthBytes, 0)
    return this.#skip(offset + headerBytes, end)
  }

  #skip(offset: number, end: number): number {
    const skipped = Math.min(this.#remaining, end - offset)
    this.#remaining -= skipped
    return offset + skipped
  }

  #keepPartial(chunk: Uint8Array, offset: number): number {
    let at = offset
    while (at < chunk.length && this.#partialBytes < headerBytes) {
      this.#partial[this.#partialBytes++] = chunk[at++] ?? 0
    }
    // A message without a body is complete with its header; there is no first byte to wait for.
    if (this.#partialBytes === headerBytes && readLength(this.#partial, 1) <= lengthBytes) {
      this.#partialBytes = 0
      this.#onMessage(this.#partial[0] ?? 0, 0)
    }
    return at
  }

  #completePartial(chunk: Uint8Array): number {
    let offset = 0
    if (this.#partialBytes < headerBytes) {
      offset = this.#keepPartial(chunk, 0)
      if (this.#partialBytes < headerBytes || offset >= chunk.length) return offset
    }
    this.#partialBytes = 0
    this.#onMessage(this.#partial[0] ?? 0, chunk[offset] ?? 0)
    this.#remaining = readLength(this.#partial, 1) - lengthBytes
    return this.#skip(offset, chunk.length)
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  )
}
