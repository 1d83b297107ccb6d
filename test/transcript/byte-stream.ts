import type { Duplex } from 'node:stream'
import { until } from './until.ts'

export interface TypedMessage {
  readonly type: string
  readonly body: Buffer
  readonly raw: Buffer
}

/** What one end of a connection has received, to be taken piece by piece. */
export class ByteStream {
  #unread = Buffer.alloc(0)
  #hasEnded = false
  readonly #stream: Duplex

  constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('data', this.#onData)
    stream.on('end', this.#onEnd)
    stream.on('close', this.#onEnd)
    stream.on('error', () => {})
  }

  get unread(): Buffer {
    return this.#unread
  }

  /** Lets go of the stream, so that TLS can take it over. */
  release(): void {
    this.#stream.off('data', this.#onData)
    this.#stream.off('end', this.#onEnd)
    this.#stream.off('close', this.#onEnd)
    this.#stream.pause()
  }

  async take(count: number): Promise<Buffer> {
    await until(`${count} bytes`, () => this.#unread.length >= count || this.#hasEnded)
    if (this.#unread.length < count) {
      throw new Error(`ended ${count - this.#unread.length} bytes early`)
    }
    const taken = this.#unread.subarray(0, count)
    this.#unread = this.#unread.subarray(count)
    return taken
  }

  async takeMessage(): Promise<TypedMessage> {
    const head = await this.take(5)
    const body = await this.take(head.readUInt32BE(1) - 4)
    return { type: head.toString('latin1', 0, 1), body, raw: Buffer.concat([head, body]) }
  }

  /** The code of an untyped packet and what is behind it. */
  async takePacket(): Promise<{ readonly code: number; readonly body: Buffer }> {
    const head = await this.take(8)
    return { code: head.readUInt32BE(4), body: await this.take(head.readUInt32BE(0) - 8) }
  }

  /** Everything until the other side has closed. */
  async rest(): Promise<Buffer> {
    await until('the end', () => this.#hasEnded)
    return this.take(this.#unread.length)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#unread = Buffer.concat([this.#unread, chunk])
  }

  readonly #onEnd = (): void => {
    this.#hasEnded = true
  }
}
