// Records in a chain: each says by a hash which one was before it, so that none can be changed or taken away unseen.
import { createHash, createHmac, randomUUID } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { LineSink } from '../line-sink.ts'

/** Where a record is in its chain. */
export interface Link {
  readonly id: string
  /** From 1, without a gap. */
  readonly seq: number
  /** 64 hexadecimal digits. */
  readonly hash: string
}

/** What a record says of its place. */
export interface LinkMember extends Omit<Link, 'hash'> {
  readonly prev: string
  /** Of the first one: what stood last in the file before it. */
  readonly follows?: Link
  /** Records before this one for which there was no room. */
  readonly lost?: number
  /** The writer stopped in good order: nothing comes after it. */
  readonly end?: true
}

export interface ChainOptions {
  /** With it nobody who lacks it can make a chain anew. */
  readonly key: string | undefined
  /** What stands last in the place that is written to. */
  readonly readLast: () => Link | undefined
  /** The record that a chain ends with, as a line. */
  readonly lastWords: () => string
}

export const noHash = '0'.repeat(64)

/** Behind it, nothing but the digits and the two braces. */
const hashMember = ',"hash":"'
const ending = '"}}'
const linkMember = ',"chain":'

/** The bytes that a hash is of: those of the line before the hash itself. */
export function hashOf(hashed: string | Buffer, key: string | undefined): string {
  const hash = key === undefined ? createHash('sha256') : createHmac('sha256', key)
  return hash.update(hashed).digest('hex')
}

/** Adds the place in the chain to a line of JSON. */
export function toChained(
  line: string,
  member: LinkMember,
  key: string | undefined,
): { readonly line: string; readonly link: Link } {
  const record = line.replace(/\}\n$/, '')
  const hashed = `${record}${linkMember}${JSON.stringify(member).slice(0, -1)}`
  const hash = hashOf(hashed, key)
  const { id, seq } = member
  return { line: `${hashed}${hashMember}${hash}${ending}\n`, link: { id, seq, hash } }
}

export interface ReadLink {
  readonly member: LinkMember
  readonly hash: string
  readonly hashed: Buffer
}

const tailLength = hashMember.length + noHash.length + ending.length
/** Of what stands between the record and the hash. */
const longestMember = 1_024

/** Reads the place of a line without its end; undefined where it has none that could be ours. */
export function readLink(line: Buffer): ReadLink | undefined {
  const tail = line.subarray(-tailLength).toString('latin1')
  const hash = tail.slice(hashMember.length, -ending.length)
  if (!tail.startsWith(hashMember) || !tail.endsWith(ending)) return undefined
  if (!/^[0-9a-f]{64}$/.test(hash)) return undefined
  const hashed = line.subarray(0, -tailLength)
  const end = hashed.subarray(-longestMember).toString('latin1')
  const at = end.lastIndexOf(linkMember)
  if (at === -1) return undefined
  const member = readMember(`${end.slice(at + linkMember.length)}}`)
  return member && { member, hash, hashed }
}

function readMember(text: string): LinkMember | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { id, seq, prev, follows, lost, end } = value as Readonly<Record<string, unknown>>
  const isWhole =
    isId(id) &&
    isNumber(seq) &&
    isHash(prev) &&
    (follows === undefined || isLink(follows)) &&
    (lost === undefined || isNumber(lost)) &&
    (end === undefined || end === true)
  return isWhole ? (value as LinkMember) : undefined
}

function isLink(value: unknown): value is Link {
  if (typeof value !== 'object' || value === null) return false
  const { id, seq, hash } = value as Readonly<Record<string, unknown>>
  return isId(id) && isNumber(seq) && isHash(hash)
}

const isId = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value)
const isHash = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0

/** The same sink, with whatever it takes in a chain of its own. */
export function chained(sink: LineSink, { key, readLast, lastWords }: ChainOptions): LineSink {
  const id = randomUUID()
  let last: Link | undefined
  let lost = 0

  function write(line: string, settle?: (isOut: boolean) => void, end?: true): boolean {
    const follows = last === undefined ? readLast() : undefined
    const { line: written, link } = toChained(
      line,
      {
        id,
        seq: (last?.seq ?? 0) + 1,
        prev: last?.hash ?? noHash,
        ...(follows && { follows }),
        ...(lost > 0 && { lost }),
        ...(end && { end }),
      },
      key,
    )
    // What has no room is no link: the next one says how many there were.
    if (!sink.write(written, settle)) {
      lost++
      return false
    }
    last = link
    lost = 0
    return true
  }

  return {
    write: (line, settle) => write(line, settle),
    get isFailing() {
      return sink.isFailing
    },
    reopen() {
      sink.reopen()
    },
    flush: async () => sink.flush(),
    async close() {
      if (last !== undefined) write(lastWords(), undefined, true)
      await sink.close()
    },
  }
}

const tailBytes = 131_072

/** What stands last in a file, of whichever chain; undefined where that cannot be said. */
export function readLastLink(file: string): Link | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    const { size } = fstatSync(descriptor)
    const length = Math.min(size, tailBytes)
    const bytes = Buffer.alloc(length)
    readSync(descriptor, bytes, 0, length, size - length)
    return lastOf(bytes)
  } catch {
    return undefined
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

const newline = 0x0a

function lastOf(bytes: Buffer): Link | undefined {
  let end = bytes.lastIndexOf(newline)
  while (end > 0) {
    const begin = bytes.lastIndexOf(newline, end - 1)
    const read = readLink(bytes.subarray(begin + 1, end))
    if (read !== undefined) return { id: read.member.id, seq: read.member.seq, hash: read.hash }
    end = begin
  }
  return undefined
}
