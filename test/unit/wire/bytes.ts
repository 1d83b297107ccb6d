// Bytes of the protocol built by hand, independent of the code under test.
import { Refusal } from '../../../src/refusal.ts'

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

export function cstrings(...texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\0`).join(''))
}

/** A typed message; the length word can be made to lie. */
export function message(type: string, body: Buffer | string = '', length?: number): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(length ?? bytes.length + 4), bytes])
}

/** An untyped packet with a code; the length word can be made to lie. */
export function packet(code: number, body: Buffer | string = '', length?: number): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([int32(length ?? bytes.length + 8), int32(code), bytes])
}

export const codes = {
  cancel: 80877102,
  ssl: 80877103,
  gss: 80877104,
  version: (major: number, minor: number): number => ((major << 16) | minor) >>> 0,
} as const

/** A StartupMessage with these names and values, one after the other. */
export function startup(texts: readonly string[], minor = 0): Buffer {
  return packet(codes.version(3, minor), Buffer.concat([cstrings(...texts), Buffer.of(0)]))
}

/** The Refusal that an action ends with; anything else fails the test. */
export function refusalOf(action: () => unknown): Refusal {
  try {
    action()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('nothing was refused')
}
