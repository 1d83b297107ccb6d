import { headerBytes, lengthBytes } from './frame.ts'

/**
 * Follows the frames of one direction of a spliced session without keeping or changing a byte, so that
 * what is between two messages, and what the last one said, is known exactly. `onMessage` sees each
 * message's type when its header is complete, and the first byte of its body (0 where it has none).
 */
export class MessageFollower {
  readonly #onMessage: (type: number, firstByte: number) => void
  /** Bytes seen of the header under way, and what they said so far. */
  #headerSeen = 0
  #type = 0
  #length = 0
  /** Bytes of the body still to come. */
  #remaining = 0
  #awaitsFirstByte = false

  constructor(onMessage: (type: number, firstByte: number) => void) {
    this.#onMessage = onMessage
  }

  /** Whether the bytes so far end exactly between two messages. */
  get atBoundary(): boolean {
    return this.#remaining === 0 && this.#headerSeen === 0
  }

  push(chunk: Uint8Array): void {
    const end = chunk.length
    let at = 0
    while (at < end) at = this.#advance(chunk, at)
  }

  /** Goes no further than the end of the message under way, and gives how many bytes that took. */
  pushToBoundary(chunk: Uint8Array): number {
    const end = chunk.length
    let at = 0
    while (at < end && !this.atBoundary) at = this.#advance(chunk, at)
    return at
  }

  /** Takes a byte of a header, or what there is of a body. */
  #advance(chunk: Uint8Array, at: number): number {
    if (this.#remaining === 0) {
      this.#readHeaderByte(chunk[at] ?? 0)
      return at + 1
    }
    if (this.#awaitsFirstByte) {
      this.#awaitsFirstByte = false
      this.#onMessage(this.#type, chunk[at] ?? 0)
    }
    const skipped = Math.min(this.#remaining, chunk.length - at)
    this.#remaining -= skipped
    return at + skipped
  }

  #readHeaderByte(byte: number): void {
    if (this.#headerSeen === 0) {
      this.#type = byte
      this.#length = 0
    } else this.#length = this.#length * 256 + byte
    this.#headerSeen++
    if (this.#headerSeen < headerBytes) return
    this.#headerSeen = 0
    this.#remaining = Math.max(this.#length - lengthBytes, 0)
    this.#awaitsFirstByte = this.#remaining > 0
    if (!this.#awaitsFirstByte) this.#onMessage(this.#type, 0)
  }
}
