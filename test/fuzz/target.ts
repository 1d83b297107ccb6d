import type { Taken } from '../../src/wire/startup.ts'

/** Something that reads bytes of strangers, and what must be so whatever they are. */
export interface Target extends AsyncDisposable {
  readonly name: string
  /** Inputs to begin with; the kept corpus is added to them. */
  readonly seeds: readonly Buffer[]
  readonly maxBytes: number
  /** Says in a few words what came of an input; throws where something is not as it must be. */
  readonly run: (input: Buffer) => string | Promise<string>
}

/** A promise that the code under test broke. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** A target that keeps nothing between two inputs. */
export function pureTarget(target: Omit<Target, typeof Symbol.asyncDispose>): Target {
  return { ...target, [Symbol.asyncDispose]: async () => Promise.resolve() }
}

export interface StreamReader<T> {
  readonly read: (bytes: Buffer) => Taken<T> | undefined
  /** The value as text: equal texts mean equal values. */
  readonly describe: (value: T) => string
  /** Whether an error is one of those that the reader promises; its text goes into the outcome. */
  readonly expected: (error: unknown) => string | undefined
  /** More bytes than this are never waited for. */
  readonly maxUnread: number
}

interface Reading {
  readonly values: readonly string[]
  readonly end: string
  /** What is not read yet, where the reader waits for more. */
  readonly unread?: Buffer
}

/** Reads all there is, whole and cut into pieces: both must come to the same. */
export function readStream<T>(input: Buffer, reader: StreamReader<T>): string {
  const copy = Buffer.from(input)
  const whole = readPieces([input], reader)
  if (!copy.equals(input)) throw new Violation('the reader changed its input')
  for (const pieces of cuts(input)) {
    const again = readPieces(pieces, reader)
    if (again.end !== whole.end || again.values.join('\n') !== whole.values.join('\n')) {
      const lengths = pieces.map((piece) => piece.length).join(' ')
      throw new Violation(
        `cut into ${lengths} bytes it is ${show(again)}, and whole it is ${show(whole)}`,
      )
    }
  }
  if (whole.unread !== undefined) checkLimit(whole.unread, reader)
  return `${Math.min(whole.values.length, 3)} then ${whole.end}`
}

/** Whatever came so far, and whatever comes next: there is an end to what is waited for. */
function checkLimit<T>(unread: Buffer, reader: StreamReader<T>): void {
  const more = Buffer.alloc(Math.max(reader.maxUnread + 1 - unread.length, 0))
  try {
    if (reader.read(Buffer.concat([unread, more])) !== undefined) return
  } catch (error) {
    if (reader.expected(error) === undefined) throw error
    return
  }
  throw new Violation(`waits for more than ${reader.maxUnread} bytes`)
}

function show({ values, end }: Reading): string {
  return JSON.stringify([...values, end])
}

function readPieces<T>(pieces: readonly Buffer[], reader: StreamReader<T>): Reading {
  const values: string[] = []
  let unread: Buffer = Buffer.alloc(0)
  try {
    for (const piece of pieces) {
      unread = unread.length === 0 ? piece : Buffer.concat([unread, piece])
      for (;;) {
        const taken = reader.read(unread)
        if (taken === undefined) break
        if (taken.length <= 0 || taken.length > unread.length) {
          throw new Violation(`took ${taken.length} of ${unread.length} bytes`)
        }
        values.push(reader.describe(taken.value))
        unread = unread.subarray(taken.length)
        if (unread.length === 0) break
      }
    }
  } catch (error) {
    const text = error instanceof Violation ? undefined : reader.expected(error)
    if (text === undefined) throw error
    return { values, end: text }
  }
  return { values, end: `waits with ${unread.length === 0 ? 'nothing' : 'something'}`, unread }
}

const bytewiseLimit = 40

/** Some ways to cut an input, the same ones each time. */
export function cuts(input: Buffer): readonly (readonly Buffer[])[] {
  let hash = input.length
  for (const byte of input) hash = (Math.imul(hash, 31) + byte) >>> 0
  const first = hash % (input.length + 1)
  const second = (hash >>> 8) % (input.length + 1)
  const [low, high] = first < second ? [first, second] : [second, first]
  const ways: Buffer[][] = [
    [input.subarray(0, low), input.subarray(low, high), input.subarray(high)],
  ]
  if (input.length <= bytewiseLimit) {
    ways.push(Array.from(input, (_, at) => input.subarray(at, at + 1)))
  }
  return ways
}
