import type { SessionFacts } from './observer.ts'
import type { SessionActivity } from './session-activity.ts'

/** What all sessions of a database have done together; the waits are those of logins for their server. */
export interface DatabaseTotals {
  readonly sessions: number
  readonly queries: number
  readonly transactions: number
  readonly bytesFromFrontend: number
  readonly bytesFromUpstream: number
  readonly queryMs: number
  readonly transactionMs: number
  readonly waitMs: number
}

/** By database. */
export type Statistics = ReadonlyMap<string, DatabaseTotals>

export interface Counting {
  readonly facts: Pick<SessionFacts, 'requested'>
  readonly activity?: SessionActivity | undefined
  /** How long it waited for its server. */
  readonly waitedMs?: number | undefined
}

export const noTotals: DatabaseTotals = {
  sessions: 0,
  queries: 0,
  transactions: 0,
  bytesFromFrontend: 0,
  bytesFromUpstream: 0,
  queryMs: 0,
  transactionMs: 0,
  waitMs: 0,
}

const counted = Object.keys(noTotals) as readonly (keyof DatabaseTotals)[]

/** What sessions did that have ended. Those that are open count for themselves. */
export class DatabaseStatistics {
  readonly #ended = new Map<string, DatabaseTotals>()

  /** Takes over what a session has done, at its end. */
  end(session: Counting): void {
    addInto(this.#ended, ofSession(session))
  }

  /** Who is at the console has no database that anything could be counted for. */
  with(open: Iterable<Counting>): Statistics {
    const sums = new Map<string, DatabaseTotals>(this.#ended)
    for (const session of open) addInto(sums, ofSession(session))
    return sums
  }
}

export function addStatistics(all: readonly Statistics[]): Statistics {
  const sums = new Map<string, DatabaseTotals>()
  for (const one of all) addInto(sums, one)
  return sums
}

/** How much more there is than there was; never less than nothing. */
export function growthOf(now: DatabaseTotals, before: DatabaseTotals = noTotals): DatabaseTotals {
  return combined(now, before, (one, other) => Math.max(0, one - other))
}

export function sumOf(all: Iterable<DatabaseTotals>): DatabaseTotals {
  let sum = noTotals
  for (const one of all) sum = combined(sum, one, (left, right) => left + right)
  return sum
}

function addInto(sums: Map<string, DatabaseTotals>, statistics: Statistics): void {
  for (const [database, totals] of statistics) {
    sums.set(database, sumOf([sums.get(database) ?? noTotals, totals]))
  }
}

function combined(
  one: DatabaseTotals,
  other: DatabaseTotals,
  combine: (one: number, other: number) => number,
): DatabaseTotals {
  const result: Record<keyof DatabaseTotals, number> = { ...noTotals }
  for (const key of counted) result[key] = combine(one[key], other[key])
  return result
}

function ofSession({ facts, activity, waitedMs = 0 }: Counting): Statistics {
  if (activity === undefined) return new Map()
  const totals: DatabaseTotals = {
    sessions: 1,
    queries: activity.queries,
    transactions: activity.transactions,
    bytesFromFrontend: activity.bytesFromFrontend,
    bytesFromUpstream: activity.bytesFromUpstream,
    queryMs: activity.queryMs,
    transactionMs: activity.transactionMs,
    waitMs: waitedMs,
  }
  return new Map([[facts.requested?.database ?? '', totals]])
}
