// Values of the console as PostgreSQL sends them, in its text and its binary format.
import type { ResultColumn } from '../../wire/write-results.ts'
import type { ValueFormat } from '../../wire/read-frontend.ts'
import type { Cell, Column, ColumnType } from '../answer.ts'

type Value = Exclude<Cell, null>

interface Encoding {
  readonly oid: number
  readonly length: number
  readonly text: (value: Value) => string
  readonly binary: (value: Value) => Buffer
}

const utf8 = (value: string): Buffer => Buffer.from(value, 'utf8')

const encodings: Readonly<Record<ColumnType, Encoding>> = {
  text: { oid: 25, length: -1, text: toText, binary: (value) => utf8(toText(value)) },
  bool: {
    oid: 16,
    length: 1,
    text: (value) => (isTrue(value) ? 't' : 'f'),
    binary: (value) => Buffer.of(isTrue(value) ? 1 : 0),
  },
  int4: {
    oid: 23,
    length: 4,
    text: (value) => String(toInteger(value, 32)),
    binary: (value) => {
      const bytes = Buffer.allocUnsafe(4)
      bytes.writeInt32BE(Number(toInteger(value, 32)), 0)
      return bytes
    },
  },
  int8: {
    oid: 20,
    length: 8,
    text: (value) => String(toInteger(value, 64)),
    binary: (value) => int64(toInteger(value, 64)),
  },
  float8: {
    oid: 701,
    length: 8,
    text: (value) => String(Number(value)),
    binary: (value) => {
      const bytes = Buffer.allocUnsafe(8)
      bytes.writeDoubleBE(Number(value), 0)
      return bytes
    },
  },
  timestamptz: { oid: 1184, length: 8, text: toTimestamp, binary: toMicroseconds },
  jsonb: {
    oid: 3802,
    length: -1,
    text: toText,
    // One byte of version in front.
    binary: (value) => Buffer.concat([Buffer.of(1), utf8(toText(value))]),
  },
  'text[]': { oid: 1009, length: -1, text: toArrayText, binary: toArrayBytes },
}

export const textOid = encodings.text.oid

export function describeColumn({ name, type }: Column, format: ValueFormat): ResultColumn {
  const { oid, length } = encodings[type]
  return { name, typeOid: oid, typeLength: length, format }
}

/** Throws where the value is none of the type. */
export function encodeCell(cell: Cell, type: ColumnType, format: ValueFormat): Buffer | null {
  if (cell === null) return null
  const encoding = encodings[type]
  return format === 'binary' ? encoding.binary(cell) : utf8(encoding.text(cell))
}

/** No text of PostgreSQL has a NUL in it, and clients take one for the end. */
function toText(value: Value): string {
  return String(value).replaceAll('\0', '')
}

function isTrue(value: Value): boolean {
  if (typeof value !== 'boolean') throw new TypeError('a bool that is none')
  return value
}

function toInteger(value: Value, bits: number): bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw new TypeError('an integer that is none')
  }
  const integer = BigInt(value)
  if (BigInt.asIntN(bits, integer) !== integer) throw new RangeError('an integer out of range')
  return integer
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64BE(value, 0)
  return bytes
}

/** The latest moment that four digits of a year can tell; what is later is never reached. */
const latestMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

function momentOf(value: Value): number {
  const ms = Number(value)
  if (Number.isNaN(ms)) throw new TypeError('a moment that is none')
  return Math.trunc(Math.max(0, Math.min(ms, latestMs)))
}

function toTimestamp(value: Value): string {
  const [date = '', time = ''] = new Date(momentOf(value)).toISOString().slice(0, -1).split('T')
  // As PostgreSQL: no zeros at the end of a fraction.
  return `${date} ${time.replace(/\.?0+$/, '')}+00`
}

/** 2000-01-01, from which PostgreSQL counts. */
const epochMs = Date.UTC(2000, 0, 1)

function toMicroseconds(value: Value): Buffer {
  return int64(BigInt(momentOf(value) - epochMs) * 1_000n)
}

function itemsOf(value: Value): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError('a list that is none')
  return (value as readonly string[]).map(toText)
}

function toArrayText(value: Value): string {
  const items = itemsOf(value).map((item) =>
    /^$|[\s{},"\\]|^null$/i.test(item) ? `"${item.replaceAll(/["\\]/g, String.raw`\$&`)}"` : item,
  )
  return `{${items.join(',')}}`
}

function toArrayBytes(value: Value): Buffer {
  const items = itemsOf(value).map(utf8)
  const head = [items.length === 0 ? 0 : 1, 0, textOid]
  const dimensions = items.length === 0 ? [] : [items.length, 1]
  const words = (numbers: readonly number[]): Buffer => {
    const bytes = Buffer.allocUnsafe(numbers.length * 4)
    numbers.forEach((number, index) => bytes.writeInt32BE(number, index * 4))
    return bytes
  }
  return Buffer.concat([
    words([...head, ...dimensions]),
    ...items.flatMap((item) => [words([item.length]), item]),
  ])
}
