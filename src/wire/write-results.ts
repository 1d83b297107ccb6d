// Messages of a server to a client that is in: what a statement gives (PostgreSQL documentation, 54.7).
import { writeFrame } from './frame.ts'
import type { ValueFormat } from './read-frontend.ts'

export interface ResultColumn {
  readonly name: string
  readonly typeOid: number
  /** In bytes; -1 where it varies. */
  readonly typeLength: number
  readonly format: ValueFormat
}

export type TransactionStatus = 'I' | 'T' | 'E'

const nothing = Buffer.alloc(0)

export const parseComplete = writeFrame('1', nothing)
export const bindComplete = writeFrame('2', nothing)
export const closeComplete = writeFrame('3', nothing)
export const noData = writeFrame('n', nothing)
export const emptyQueryResponse = writeFrame('I', nothing)
export const portalSuspended = writeFrame('s', nothing)

export function readyForQuery(status: TransactionStatus): Buffer {
  return writeFrame('Z', Buffer.from(status, 'latin1'))
}

export function parameterStatus(name: string, value: string): Buffer {
  return writeFrame('S', text(name, value))
}

export function commandComplete(tag: string): Buffer {
  return writeFrame('C', text(tag))
}

export function parameterDescription(types: readonly number[]): Buffer {
  const body = Buffer.alloc(2 + 4 * types.length)
  body.writeUInt16BE(types.length, 0)
  types.forEach((oid, index) => body.writeUInt32BE(oid, 2 + 4 * index))
  return writeFrame('t', body)
}

export function rowDescription(columns: readonly ResultColumn[]): Buffer {
  const parts = columns.map(({ name, typeOid, typeLength, format }) => {
    // Of no table: its OID and the number of its column are 0, and there is no modifier.
    const fixed = Buffer.alloc(18)
    fixed.writeUInt32BE(typeOid, 6)
    fixed.writeInt16BE(typeLength, 10)
    fixed.writeInt32BE(-1, 12)
    fixed.writeUInt16BE(format === 'binary' ? 1 : 0, 16)
    return Buffer.concat([text(name), fixed])
  })
  return writeFrame('T', Buffer.concat([uint16(columns.length), ...parts]))
}

/** null is SQL's. */
export function dataRow(values: readonly (Buffer | null)[]): Buffer {
  const parts = values.flatMap((value) => (value === null ? [isNull] : [length(value), value]))
  return writeFrame('D', Buffer.concat([uint16(values.length), ...parts]))
}

const isNull = Buffer.from([0xff, 0xff, 0xff, 0xff])

function length(value: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value.length, 0)
  return bytes
}

function uint16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeUInt16BE(value, 0)
  return bytes
}

/** Each with a NUL behind it, and none within. */
function text(...texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((one) => `${one.replaceAll('\0', '')}\0`).join(''), 'utf8')
}
