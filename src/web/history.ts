/** How far back is looked. */
export type Range = 'hour' | 'day'

export interface HistoryView {
  readonly intervalMs: number
  /** The oldest first; one in which nobody could be asked is missing. */
  readonly intervals: readonly Interval[]
}

/** What became of logins in some time. */
export interface Interval {
  /** When it began, in milliseconds since 1970. */
  readonly at: number
  readonly admitted: number
  /** Closed by the client before anything was decided. */
  readonly abandoned: number
  readonly refused: Readonly<Record<string, number>>
  /** Open at its end. */
  readonly sessions: number
  /** Logins that took no longer, by seconds. */
  readonly durations: readonly (readonly [atMost: number, logins: number])[]
}

/** Of durations as they are counted; undefined where there were none. In seconds. */
export function percentile(durations: Interval['durations'], share: number): number | undefined {
  const total = durations.at(-1)?.[1] ?? 0
  if (total === 0) return undefined
  const wanted = share * total
  let [longer, fewer] = [0, 0]
  for (const [atMost, logins] of durations) {
    if (logins >= wanted) {
      // Nobody knows how much longer than the last limit.
      if (!Number.isFinite(atMost)) return longer
      const inside = logins - fewer
      return inside === 0 ? atMost : longer + ((wanted - fewer) / inside) * (atMost - longer)
    }
    ;[longer, fewer] = [Number.isFinite(atMost) ? atMost : longer, logins]
  }
  return longer
}

/** Several intervals as one, which begins with the first. */
export function joinIntervals(intervals: readonly Interval[]): Interval {
  const refused = new Map<string, number>()
  const durations = new Map<number, number>()
  for (const one of intervals) {
    for (const [reason, count] of Object.entries(one.refused)) {
      refused.set(reason, (refused.get(reason) ?? 0) + count)
    }
    for (const [atMost, logins] of one.durations) {
      durations.set(atMost, (durations.get(atMost) ?? 0) + logins)
    }
  }
  const sum = (key: 'admitted' | 'abandoned'): number =>
    intervals.reduce((count, one) => count + one[key], 0)
  return {
    at: intervals[0]?.at ?? 0,
    admitted: sum('admitted'),
    abandoned: sum('abandoned'),
    refused: Object.fromEntries(refused),
    sessions: Math.max(0, ...intervals.map(({ sessions }) => sessions)),
    durations: [...durations].sort(([one], [other]) => one - other),
  }
}
