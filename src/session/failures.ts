// Failed guesses of one pair of address and user, whoever counted them. Pure: what replicas have counted comes to the
// same in whichever order it is put together, however often, and never to less than one of them had.

/** What one replica counted, which nobody else changes. */
export interface Counted {
  /** Of different credentials in a row. */
  readonly count: number
  readonly firstAtMs: number
  readonly lastAtMs: number
}

export interface Failures {
  readonly counts: ReadonlyMap<string, Counted>
  /** Of the credentials that failed last. */
  readonly digests: readonly { readonly digest: number; readonly atMs: number }[]
  /** A credential passed then: what was before counts for nothing. */
  readonly clearedAtMs: number
}

/** What failures come to. */
export interface Delay {
  readonly count: number
  readonly lastAtMs: number
  readonly notBeforeMs: number
}

export const firstDelayMs = 1_000
export const longestDelayMs = 3_600_000
/** After so long without a failure it is forgotten. */
export const memoryMs = 86_400_000
/** Wrong credentials of one pair that are known again. */
const maxDigests = 8
/** Replicas that have counted within a day; of more the latest are remembered. */
const maxCounts = 64

export const noFailures: Failures = { counts: new Map(), digests: [], clearedAtMs: -Infinity }

/** With one more, which `counting` has seen. */
export function failedOnce(
  before: Failures,
  counting: string,
  digest: number | undefined,
  nowMs: number,
): Failures {
  const own = before.counts.get(counting) ?? { count: 0, firstAtMs: nowMs, lastAtMs: nowMs }
  // An application that tries the same wrong one again and again has not guessed again.
  const isKnown = digest !== undefined && before.digests.some((one) => one.digest === digest)
  const count = isKnown ? own.count : own.count + 1
  const counted = { count, firstAtMs: own.firstAtMs, lastAtMs: Math.max(own.lastAtMs, nowMs) }
  return tidy({
    counts: new Map([...before.counts, [counting, counted]]),
    digests: [...before.digests, ...(digest === undefined ? [] : [{ digest, atMs: nowMs }])],
    clearedAtMs: before.clearedAtMs,
  })
}

export function mergeFailures(one: Failures, other: Failures): Failures {
  const counts = new Map(one.counts)
  for (const [name, counted] of other.counts) {
    const known = counts.get(name)
    if (known === undefined || isLater(counted, known)) counts.set(name, counted)
  }
  return tidy({
    counts,
    digests: [...one.digests, ...other.digests],
    clearedAtMs: Math.max(one.clearedAtMs, other.clearedAtMs),
  })
}

/** The same by another clock. */
export function shiftFailures({ counts, digests, clearedAtMs }: Failures, byMs: number): Failures {
  return {
    counts: new Map(
      [...counts].map(([name, { count, firstAtMs, lastAtMs }]) => [
        name,
        { count, firstAtMs: firstAtMs + byMs, lastAtMs: lastAtMs + byMs },
      ]),
    ),
    digests: digests.map(({ digest, atMs }) => ({ digest, atMs: atMs + byMs })),
    clearedAtMs: clearedAtMs + byMs,
  }
}

/** Undefined: there are none. */
export function delayOf({ counts }: Failures): Delay | undefined {
  if (counts.size === 0) return undefined
  const all = [...counts.values()]
  const count = all.reduce((sum, one) => sum + one.count, 0)
  const firstAtMs = Math.min(...all.map((one) => one.firstAtMs))
  const lastAtMs = Math.max(...all.map((one) => one.lastAtMs))
  // What was tried at once is as late as what was tried in turn.
  const inTurn = firstAtMs + delaysUpTo(count)
  const soonest = Math.max(lastAtMs + delayBehind(count), inTurn)
  return { count, lastAtMs, notBeforeMs: Math.min(soonest, lastAtMs + longestDelayMs) }
}

/** Only one writes it, and always more, but for what was cleared: the later one has all of the other. */
function isLater(one: Counted, other: Counted): boolean {
  if (one.lastAtMs !== other.lastAtMs) return one.lastAtMs > other.lastAtMs
  if (one.count !== other.count) return one.count > other.count
  return one.firstAtMs < other.firstAtMs
}

function tidy({ counts, digests, clearedAtMs }: Failures): Failures {
  const seen = new Map<number, number>()
  for (const { digest, atMs } of digests) {
    if (atMs >= clearedAtMs) seen.set(digest, Math.max(atMs, seen.get(digest) ?? atMs))
  }
  const standing = [...counts].filter(([, { lastAtMs }]) => lastAtMs >= clearedAtMs)
  return {
    counts: new Map(
      standing.length <= maxCounts
        ? standing
        : standing
            .sort(([a, one], [b, other]) => other.lastAtMs - one.lastAtMs || (a < b ? -1 : 1))
            .slice(0, maxCounts),
    ),
    digests: [...seen]
      .map(([digest, atMs]) => ({ digest, atMs }))
      .sort((one, other) => other.atMs - one.atMs || one.digest - other.digest)
      .slice(0, maxDigests),
    clearedAtMs,
  }
}

function delayBehind(count: number): number {
  return Math.min(firstDelayMs * 2 ** (count - 1), longestDelayMs)
}

/** From the first guess of a row to the one behind so many. */
function delaysUpTo(count: number): number {
  let sum = 0
  for (let each = 1; each <= count && sum < memoryMs; each++) sum += delayBehind(each)
  return sum
}
