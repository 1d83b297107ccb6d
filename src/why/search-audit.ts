import type { AuditFile } from './audit-files.ts'
import {
  blocksBackward,
  blocksForward,
  blocksOfCompressed,
  linesWith,
  offsetsOf,
  timesOf,
} from './read-blocks.ts'
import type { Stretch } from './read-when.ts'
import { fromAuditLine, type RefusedLogin } from './refused-login.ts'

export interface Search extends Stretch {
  /** Which of the refusals are meant. */
  readonly matches: (one: RefusedLogin) => boolean
  /** Of the one login that is meant. */
  readonly reference?: string | undefined
}

/** What refusals are found in. */
export interface RefusalSource {
  newestFirst(search: Search): AsyncIterable<RefusedLogin>
  oldestFirst(search: Search): AsyncIterable<RefusedLogin>
}

/** What was looked for, and what could not be looked at. */
export interface Deadline {
  readonly isOver: () => boolean
}

/** Several processes write one file, and wait for a slow disk each for itself. */
const disorderMs = 60_000
/** Compressed files are read from their begin: of what is found in one the latest are kept. */
const keptOfCompressed = 1_000

const failure = Buffer.from('"status":"Failure"')

/** The refusals in audit files, of which the newest comes first. */
export function auditSource(files: readonly AuditFile[], deadline: Deadline): RefusalSource {
  return {
    async *newestFirst(search) {
      for (const file of files) {
        if (deadline.isOver()) return
        if (!(await mayHave(file, search))) continue
        yield* file.isCompressed
          ? latestOf(forward(file, search, deadline))
          : backward(file, search, deadline)
      }
    },
    async *oldestFirst(search) {
      for (const file of files.toReversed()) {
        if (deadline.isOver()) return
        if (await mayHave(file, search)) yield* forward(file, search, deadline)
      }
    },
  }
}

/** The refusals that processes remember. */
export function rememberedSource(remembered: readonly RefusedLogin[]): RefusalSource {
  const latest = [...remembered].sort((one, other) => other.atMs - one.atMs)
  const found = (search: Search): readonly RefusedLogin[] =>
    latest.filter((one) => isMeant(one, search))
  return {
    async *newestFirst(search) {
      yield* await Promise.resolve(found(search))
    },
    async *oldestFirst(search) {
      yield* await Promise.resolve(found(search).toReversed())
    },
  }
}

async function mayHave(file: AuditFile, { fromMs, untilMs }: Stretch): Promise<boolean> {
  if (file.size === 0 || file.changedMs + disorderMs < fromMs) return false
  if (untilMs === Infinity) return true
  const blocks = file.isCompressed
    ? blocksOfCompressed(file.path)
    : blocksForward(file.path, 0, false)
  for await (const block of blocks) {
    const times = timesOf(block)
    if (times !== undefined) return times.firstMs - disorderMs <= untilMs
  }
  return false
}

async function* forward(
  { path, size, isCompressed }: AuditFile,
  search: Search,
  deadline: Deadline,
): AsyncGenerator<RefusedLogin> {
  const begin =
    isCompressed || search.fromMs === -Infinity
      ? 0
      : (await offsetsOf(path, size, search.fromMs - disorderMs)).low
  const blocks = isCompressed ? blocksOfCompressed(path) : blocksForward(path, begin, begin > 0)
  for await (const block of blocks) {
    if (deadline.isOver()) return
    const times = timesOf(block)
    if (times !== undefined && times.firstMs - disorderMs > search.untilMs) return
    // Most of a compressed file is passed by.
    if (times !== undefined && times.lastMs + disorderMs < search.fromMs) continue
    yield* refusalsIn(block, search)
  }
}

async function* backward(
  { path, size }: AuditFile,
  search: Search,
  deadline: Deadline,
): AsyncGenerator<RefusedLogin> {
  const end =
    search.untilMs === Infinity
      ? size
      : (await offsetsOf(path, size, search.untilMs + disorderMs)).high
  for await (const block of blocksBackward(path, end)) {
    if (deadline.isOver()) return
    const times = timesOf(block)
    if (times !== undefined && times.lastMs + disorderMs < search.fromMs) return
    yield* [...refusalsIn(block, search)].reverse()
  }
}

function* refusalsIn(block: Buffer, search: Search): Generator<RefusedLogin> {
  const { reference } = search
  for (const line of linesWith(block, reference === undefined ? failure : Buffer.from(reference))) {
    const one = fromAuditLine(line)
    if (one !== undefined && isMeant(one, search)) yield one
  }
}

function isMeant(one: RefusedLogin, { fromMs, untilMs, reference, matches }: Search): boolean {
  if (one.atMs < fromMs || one.atMs > untilMs) return false
  return (reference === undefined || one.session === reference) && matches(one)
}

async function* latestOf(found: AsyncIterable<RefusedLogin>): AsyncGenerator<RefusedLogin> {
  const kept: RefusedLogin[] = []
  for await (const one of found) {
    kept.push(one)
    if (kept.length > keptOfCompressed) kept.shift()
  }
  yield* kept.reverse()
}
