// Typed messages: one byte of type, four of length (which count themselves), the body.
import type { Taken } from './startup.ts'

export const typeBytes = 1
export const lengthBytes = 4
export const headerBytes = typeBytes + lengthBytes

export interface Frame {
  /** The type as its character: 'R', 'p'. */
  readonly type: string
  readonly body: Buffer
  /** The message whole, as it came. */
  readonly raw: Buffer
}

/** What is wrong with a frame: the caller knows which side sent it, and so what to make of it. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
  readonly declaredBytes: number

  constructor(type: string, declaredBytes: number) {
    super(`message of type ${JSON.stringify(type)} declares ${declaredBytes} bytes`)
    this.declaredBytes = declaredBytes
  }
}

/** Reads one frame; undefined while it is incomplete. The limit is checked before the body is waited for. */
export function readFrame(bytes: Buffer, maxBodyBytes: number): Taken<Frame> | undefined {
  if (bytes.length < headerBytes) return undefined
  const type = String.fromCharCode(bytes.readUInt8(0))
  const bodyBytes = bytes.readUInt32BE(typeBytes) - lengthBytes
  if (bodyBytes < 0 || bodyBytes > maxBodyBytes) throw new FrameError(type, bodyBytes)
  const length = headerBytes + bodyBytes
  if (bytes.length < length) return undefined
  const raw = bytes.subarray(0, length)
  return { value: { type, body: raw.subarray(headerBytes), raw }, length }
}

export function writeFrame(type: string, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + body.length)
  bytes.write(type, 0, 'latin1')
  bytes.writeUInt32BE(lengthBytes + body.length, typeBytes)
  body.copy(bytes, headerBytes)
  return bytes
}
