// Whether a trail of records is as it was written: read as a stream, a line at a time.
import { createReadStream, type ReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { hashOf, type Link, noHash, readLink } from '../telemetry/sinks/chain.ts'

export interface Trouble {
  readonly file: string
  readonly line: number
  readonly what: string
}

export interface VerifiedChain {
  readonly id: string
  readonly first: number
  readonly last: number
  readonly hash: string
  readonly isEnded: boolean
}

export interface Verdict {
  /** `changed`: it is not what was written. `open`: nothing is wrong with it as far as it goes. */
  readonly outcome: 'whole' | 'open' | 'changed'
  readonly records: number
  readonly chains: readonly VerifiedChain[]
  /** Before the first record that is in a chain. */
  readonly unprotected: number
  readonly lost: number
  readonly troubles: readonly Trouble[]
  readonly troubleCount: number
}

const maxTroubles = 100
const maxLineBytes = 1_048_576
const newline = 0x0a

interface Chain {
  first: number
  last: number
  hash: string
  isEnded: boolean
  hasBeginning: boolean
}

/** Files in the order in which they were written; those that end in .gz are unpacked on the way. */
export async function verifyFiles(
  files: readonly string[],
  keys: readonly string[],
): Promise<Verdict> {
  const reader = new TrailReader(keys)
  for (const [index, file] of files.entries()) {
    await eachLine(file, (line, number, isWhole) => {
      const isLast = index === files.length - 1
      reader.read(line, { file, line: number }, isWhole, isLast)
    })
  }
  return reader.verdict
}

class TrailReader {
  readonly #keys: readonly (string | undefined)[]
  readonly #chains = new Map<string, Chain>()
  readonly #troubles: Trouble[] = []
  #troubleCount = 0
  #records = 0
  #unprotected = 0
  #lost = 0
  /** Something is missing that may be elsewhere. */
  #isOpen = false

  constructor(keys: readonly string[]) {
    this.#keys = keys.length === 0 ? [undefined] : keys
  }

  read(line: Buffer, at: Omit<Trouble, 'what'>, isWhole: boolean, isLastFile: boolean): void {
    this.#records++
    if (!isWhole) {
      // It may be on its way still.
      if (isLastFile) this.#isOpen = true
      else this.#tell(at, 'the line is cut off')
      this.#records--
      return
    }
    const read = readLink(line)
    if (read === undefined) {
      if (this.#chains.size === 0) this.#unprotected++
      else this.#tell(at, 'the record is in no chain: it was put in or changed')
      return
    }
    const { member, hash, hashed } = read
    if (!this.#keys.some((key) => hashOf(hashed, key) === hash)) {
      const why = this.#keys[0] === undefined ? ', or made with a key' : ' or made without the key'
      this.#tell(at, `the record was changed${why}: its hash is another`)
    }
    this.#lost += member.lost ?? 0
    const chain = this.#chains.get(member.id)
    if (chain === undefined) this.#begin(read, at)
    else {
      if (chain.isEnded) this.#tell(at, `chain ${short(member.id)} has ended before`)
      if (member.seq !== chain.last + 1) this.#tell(at, gap(member.id, chain.last + 1, member.seq))
      else if (member.prev !== chain.hash) {
        this.#tell(at, `record ${member.seq} does not follow the one before it`)
      }
      Object.assign(chain, { last: member.seq, hash, isEnded: member.end === true })
    }
  }

  #begin(
    { member, hash }: NonNullable<ReturnType<typeof readLink>>,
    at: Omit<Trouble, 'what'>,
  ): void {
    const { id, seq, prev, follows, end } = member
    const hasBeginning = seq === 1
    if (hasBeginning && prev !== noHash) this.#tell(at, 'the first record follows another')
    if (!hasBeginning) this.#isOpen = true
    if (follows !== undefined) this.#follow(follows, at)
    this.#chains.set(id, { first: seq, last: seq, hash, isEnded: end === true, hasBeginning })
  }

  /** What stood last when a chain began has to stand before it still. */
  #follow({ id, seq, hash }: Link, at: Omit<Trouble, 'what'>): void {
    const chain = this.#chains.get(id)
    if (chain === undefined) {
      this.#isOpen = true
      // With nothing read before it, it is in an older file.
      if (this.#chains.size > 0)
        this.#tell(at, `chain ${short(id)}, which stood before it, is missing`)
    } else if (chain.last < seq) {
      this.#tell(at, `chain ${short(id)} was cut off behind record ${chain.last}: it had ${seq}`)
    } else if (chain.last === seq && chain.hash !== hash) {
      this.#tell(at, `record ${seq} of chain ${short(id)} is another than stood there`)
    }
  }

  #tell(at: Omit<Trouble, 'what'>, what: string): void {
    this.#troubleCount++
    if (this.#troubles.length < maxTroubles) this.#troubles.push({ ...at, what })
  }

  get verdict(): Verdict {
    const chains = [...this.#chains].map(([id, { first, last, hash, isEnded }]) => ({
      ...{ id, first, last, hash, isEnded },
    }))
    const isOpen =
      this.#isOpen ||
      this.#unprotected > 0 ||
      chains.length === 0 ||
      chains.some(({ isEnded }) => !isEnded)
    return {
      outcome: this.#troubleCount > 0 ? 'changed' : isOpen ? 'open' : 'whole',
      records: this.#records,
      chains,
      unprotected: this.#unprotected,
      lost: this.#lost,
      troubles: this.#troubles,
      troubleCount: this.#troubleCount,
    }
  }
}

function gap(id: string, expected: number, found: number): string {
  const chain = `chain ${short(id)}`
  if (found < expected) return `record ${found} of ${chain} comes a second time, or too late`
  const last = found - 1
  const missing = last === expected ? `record ${expected}` : `records ${expected} to ${last}`
  return `${missing} of ${chain} must stand before it: taken away, or moved`
}

function short(id: string): string {
  return id.slice(0, 8)
}

/** Tells of each line without its end; of the last one whether it has an end. */
export async function eachLine(
  file: string,
  onLine: (line: Buffer, number: number, isWhole: boolean) => void,
): Promise<void> {
  const bytes = createReadStream(file)
  const stream: AsyncIterable<Buffer> = file.endsWith('.gz') ? unpack(bytes) : bytes
  let parts: Buffer[] = []
  let length = 0
  let number = 0
  for await (const chunk of stream) {
    let from = 0
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      parts.push(chunk.subarray(from, at))
      onLine(parts.length === 1 ? (parts[0] ?? chunk) : Buffer.concat(parts), ++number, true)
      parts = []
      length = 0
      from = at + 1
    }
    if (from < chunk.length) {
      parts.push(chunk.subarray(from))
      length += chunk.length - from
    }
    if (length > maxLineBytes)
      throw new Error(`${file}: line ${number + 1} is too long for a record`)
  }
  if (length > 0) onLine(Buffer.concat(parts), number + 1, false)
}

function unpack(bytes: ReadStream): AsyncIterable<Buffer> {
  const unpacked = createGunzip()
  bytes.on('error', (error) => unpacked.destroy(error))
  return bytes.pipe(unpacked)
}
