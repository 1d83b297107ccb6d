// Whole lines of large files, a block of them at a time: most of it is never made into text.
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'

const blockBytes = 1_048_576
/** A longer line is no record, and is skipped. */
const maxLineBytes = 1_048_576
const lineEnd = 0x0a

/** Blocks of whole lines from an offset to the end; what is before the first line is left out if `isWithin` a line. */
export async function* blocksForward(
  path: string,
  begin: number,
  isWithin: boolean,
): AsyncGenerator<Buffer> {
  yield* wholeLines(createReadStream(path, { start: begin, highWaterMark: blockBytes }), isWithin)
}

export async function* blocksOfCompressed(path: string): AsyncGenerator<Buffer> {
  const packed = createReadStream(path, { highWaterMark: blockBytes })
  const unpacked = createGunzip({ chunkSize: blockBytes })
  // `pipe` does not pass errors on.
  packed.once('error', (error) => unpacked.destroy(error))
  try {
    yield* wholeLines(packed.pipe(unpacked), false)
  } finally {
    packed.destroy()
    unpacked.destroy()
  }
}

async function* wholeLines(
  chunks: AsyncIterable<unknown>,
  beginsWithin: boolean,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let isSkipping = beginsWithin
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    let bytes = chunk
    if (isSkipping) {
      const end = bytes.indexOf(lineEnd)
      if (end === -1) continue
      bytes = bytes.subarray(end + 1)
      isSkipping = false
    }
    const whole = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    const last = whole.lastIndexOf(lineEnd)
    if (last >= 0) yield whole.subarray(0, last + 1)
    rest = whole.subarray(last + 1)
    if (rest.length > maxLineBytes) {
      rest = Buffer.alloc(0)
      isSkipping = true
    }
  }
  if (rest.length > 0) yield rest
}

/** Blocks of whole lines before an offset, the last ones first. */
export async function* blocksBackward(path: string, end: number): AsyncGenerator<Buffer> {
  const file = await open(path)
  try {
    let rest: Buffer = Buffer.alloc(0)
    let isSkipping = false
    for (let at = end; at > 0;) {
      const length = Math.min(blockBytes, at)
      at -= length
      let bytes = await readAt(file, at, length)
      if (isSkipping) {
        const last = bytes.lastIndexOf(lineEnd)
        if (last === -1) continue
        bytes = bytes.subarray(0, last + 1)
        isSkipping = false
      }
      const whole = rest.length === 0 ? bytes : Buffer.concat([bytes, rest])
      // What is before the first end of a line belongs to the block before.
      const first = at === 0 ? -1 : whole.indexOf(lineEnd)
      if (at > 0 && first === -1) {
        rest = whole
        if (rest.length > maxLineBytes) {
          rest = Buffer.alloc(0)
          isSkipping = true
        }
        continue
      }
      if (first + 1 < whole.length) yield whole.subarray(first + 1)
      rest = whole.subarray(0, first + 1)
    }
  } finally {
    await file.close()
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}

/** The lines of a block that have these bytes in them. */
export function* linesWith(block: Buffer, needle: Buffer): Generator<string> {
  for (let at = block.indexOf(needle); at >= 0;) {
    const begin = block.lastIndexOf(lineEnd, at) + 1
    const found = block.indexOf(lineEnd, at)
    const end = found === -1 ? block.length : found
    yield block.toString('utf8', begin, end)
    at = block.indexOf(needle, end)
  }
}

/** When the first and the last line of a block that say so were written. */
export function timesOf(
  block: Buffer,
): { readonly firstMs: number; readonly lastMs: number } | undefined {
  const first = timeAt(block, block.indexOf(timeKey))
  const last = timeAt(block, block.lastIndexOf(timeKey))
  return first === undefined || last === undefined ? undefined : { firstMs: first, lastMs: last }
}

// A client cannot have it in a name: there its quotes would be escaped.
const timeKey = Buffer.from('"time":')
const timeDigits = 16

function timeAt(block: Buffer, at: number): number | undefined {
  if (at === -1) return undefined
  const begin = at + timeKey.length
  const digits = /^\d+/.exec(block.toString('latin1', begin, begin + timeDigits))
  return digits === null ? undefined : Number(digits[0])
}

const probeBytes = 65_536

/**
 * Two offsets between which the first line of a moment is, in a file that is in its order in the main. Neither need be
 * the begin of a line.
 */
export async function offsetsOf(
  path: string,
  size: number,
  atMs: number,
): Promise<{ readonly low: number; readonly high: number }> {
  const file = await open(path)
  try {
    let low = 0
    let high = size
    while (high - low > 4 * probeBytes) {
      const middle = low + Math.floor((high - low) / 2)
      const bytes = await readAt(file, middle, Math.min(probeBytes, high - middle))
      const times = timesOf(bytes)
      // Nothing but a line that is longer than all of it: to look at more of the file is no mistake.
      if (times === undefined) break
      if (times.firstMs < atMs) low = middle
      else high = middle
    }
    return { low, high: Math.min(size, high + probeBytes) }
  } finally {
    await file.close()
  }
}
