import type { Random } from './random.ts'

const edges = [0, 1, 4, 5, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff]
const wideEdges = [...edges, 0x80000000, 0xfffffffc, 0xffffffff]
const mostChanges = 6

/** A value of the source as bytes, in the ways in which it can stand in a message. */
export function spell(word: string | number): readonly Buffer[] {
  if (typeof word === 'string') {
    const text = Buffer.from(word, 'utf8')
    return [text, Buffer.concat([text, Buffer.of(0)])]
  }
  if (!Number.isInteger(word) || word < 0 || word > 0xffffffff) return [Buffer.from(String(word))]
  const wide = Buffer.alloc(4)
  wide.writeUInt32BE(word)
  const spellings = [wide, Buffer.from(String(word))]
  if (word <= 0xffff) spellings.push(wide.subarray(2))
  if (word <= 0xff) spellings.push(wide.subarray(3))
  return spellings
}

export interface MutationSources {
  readonly random: Random
  /** Other inputs, of which pieces are taken. */
  readonly others: readonly Buffer[]
  readonly words: readonly Buffer[]
  readonly maxBytes: number
}

/** An input that is a few changes away from the given one. */
export function mutate(input: Buffer, sources: MutationSources): Buffer {
  const { random, maxBytes } = sources
  let bytes: Buffer = Buffer.from(input)
  for (let changes = 1 + random.below(mostChanges); changes > 0; changes--) {
    bytes = random.oneOf(changesOfBytes)(bytes, sources)
  }
  return bytes.length > maxBytes ? bytes.subarray(0, maxBytes) : bytes
}

type Change = (bytes: Buffer, sources: MutationSources) => Buffer

const flipBit: Change = (bytes, { random }) =>
  overwrite(bytes, random.below(bytes.length), (at) => (bytes[at] ?? 0) ^ (1 << random.below(8)))

const setByte: Change = (bytes, { random }) =>
  overwrite(bytes, random.below(bytes.length), () => random.below(256))

const stepByte: Change = (bytes, { random }) =>
  overwrite(bytes, random.below(bytes.length), (at) => (bytes[at] ?? 0) + random.below(33) - 16)

const setWide: Change = (bytes, { random }) => {
  if (bytes.length < 4) return bytes
  bytes.writeUInt32BE(random.oneOf(wideEdges), random.below(bytes.length - 3))
  return bytes
}

const stepWide: Change = (bytes, { random }) => {
  if (bytes.length < 4) return bytes
  const at = random.below(bytes.length - 3)
  bytes.writeUInt32BE((bytes.readUInt32BE(at) + random.below(65) - 32) >>> 0, at)
  return bytes
}

/** A length word that is right for what follows it, or nearly: random ones seldom are. */
const setLength: Change = (bytes, { random }) => {
  if (bytes.length < 4) return bytes
  const at = random.below(Math.min(bytes.length - 3, 16))
  const length = bytes.length - at - random.oneOf([0, 0, 0, 1, 4, -1])
  bytes.writeUInt32BE(Math.max(length, 0), at)
  return bytes
}

const insert: Change = (bytes, { random }) => {
  const piece = Buffer.alloc(1 + random.below(random.oneIn(8) ? 64 : 8))
  for (let at = 0; at < piece.length; at++) piece[at] = random.below(256)
  return putIn(bytes, piece, random)
}

const insertWord: Change = (bytes, { random, words }) =>
  words.length === 0 ? bytes : putIn(bytes, random.oneOf(words), random)

const overwriteWord: Change = (bytes, { random, words }) => {
  if (words.length === 0) return bytes
  random.oneOf(words).copy(bytes, random.below(bytes.length + 1))
  return bytes
}

const remove: Change = (bytes, { random }) => {
  const [start, end] = range(bytes, random)
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
}

const truncate: Change = (bytes, { random }) => bytes.subarray(0, random.below(bytes.length + 1))

const duplicate: Change = (bytes, { random }) => {
  const [start, end] = range(bytes, random)
  return putIn(bytes, Buffer.from(bytes.subarray(start, end)), random)
}

const takeOver: Change = (bytes, { random, others }) => {
  if (others.length === 0) return bytes
  const other = random.oneOf(others)
  const [start, end] = range(other, random)
  return putIn(bytes, other.subarray(start, end), random)
}

const append: Change = (bytes, { random, others }) =>
  others.length === 0 ? bytes : Buffer.concat([bytes, random.oneOf(others)])

const changesOfBytes: readonly Change[] = [
  flipBit,
  setByte,
  stepByte,
  setWide,
  stepWide,
  setLength,
  setLength,
  insert,
  insertWord,
  overwriteWord,
  remove,
  truncate,
  duplicate,
  takeOver,
  append,
]

function overwrite(bytes: Buffer, at: number, value: (at: number) => number): Buffer {
  if (bytes.length > 0) bytes[at] = value(at) & 0xff
  return bytes
}

function putIn(bytes: Buffer, piece: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
}

function range(bytes: Buffer, random: Random): readonly [start: number, end: number] {
  const start = random.below(bytes.length + 1)
  return [start, start + random.below(bytes.length - start + 1)]
}
