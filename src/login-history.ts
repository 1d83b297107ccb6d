// What became of logins over the last hours, drawn from the metrics of all workers: kept in memory, bounded,
// and sampled whether somebody looks or not.
import type { Answers } from './fleet/bus.ts'
import type { LoginCounts } from './session/process-view.ts'
import type { HistoryView, Interval, Range } from './web/history.ts'

export const sampleMs = 10_000
const minuteMs = 60_000

/** So long is looked back, in intervals of so long. */
const spans = {
  hour: { intervalMs: sampleMs, count: 360 },
  day: { intervalMs: minuteMs, count: 1_440 },
} as const satisfies Record<Range, object>

/** Reasons are a closed list; whoever has more of them is counted as one. */
const maxReasons = 200

export interface LoginHistoryOptions {
  readonly ask: () => Promise<Answers<LoginCounts>>
  readonly now: () => number
}

interface Growing {
  readonly at: number
  admitted: number
  abandoned: number
  sessions: number
  readonly refused: Map<string, number>
  durations: Map<number, number>
}

export class LoginHistory {
  readonly #options: LoginHistoryOptions
  /** The last that each process has said. A process that is new begins at nothing: counters are never reset. */
  readonly #known = new Map<string, LoginCounts>()
  readonly #rings: Readonly<Record<Range, Growing[]>> = { hour: [], day: [] }
  #timer: NodeJS.Timeout | undefined
  #sampling: Promise<void> | undefined

  constructor(options: LoginHistoryOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => {
      void this.sample()
    }, sampleMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** The oldest first; the last interval is not over yet. */
  view(range: Range): HistoryView {
    const { intervalMs } = spans[range]
    return { intervalMs, intervals: this.#rings[range].map(toInterval) }
  }

  /** Never throws: whoever does not answer is asked again in a while, and has lost nothing by it. */
  async sample(): Promise<void> {
    this.#sampling ??= this.#sampleNow().finally(() => (this.#sampling = undefined))
    await this.#sampling
  }

  async #sampleNow(): Promise<void> {
    let said: Answers<LoginCounts>
    try {
      said = await this.#options.ask()
    } catch {
      return
    }
    const { answers, unanswered } = said
    const growing = Object.entries(spans).map(([range, span]) =>
      this.#current(range as Range, span.intervalMs, span.count),
    )
    for (const counts of answers) {
      const before = this.#known.get(counts.process)
      this.#known.set(counts.process, counts)
      for (const interval of growing) grow(interval, counts, before)
    }
    // Whoever does not answer may be gone or busy: its sessions are what they were.
    if (unanswered === 0) this.#forget(new Set(answers.map(({ process }) => process)))
    const sessions = [...this.#known.values()].reduce((sum, one) => sum + one.sessionsOpen, 0)
    for (const interval of growing) interval.sessions = sessions
  }

  #current(range: Range, intervalMs: number, count: number): Growing {
    const ring = this.#rings[range]
    const at = Math.floor(this.#options.now() / intervalMs) * intervalMs
    const last = ring.at(-1)
    // A clock that was set back adds to what there is: intervals only ever go forward.
    if (last !== undefined && last.at >= at) return last
    const next: Growing = {
      ...{ at, admitted: 0, abandoned: 0, sessions: 0 },
      refused: new Map(),
      durations: new Map(),
    }
    ring.push(next)
    while (ring.length > count || (ring[0]?.at ?? at) <= at - count * intervalMs) ring.shift()
    return next
  }

  #forget(present: ReadonlySet<string>): void {
    for (const process of this.#known.keys()) {
      if (!present.has(process)) this.#known.delete(process)
    }
  }
}

function grow(interval: Growing, counts: LoginCounts, before: LoginCounts | undefined): void {
  interval.admitted += growth(counts.admitted, before?.admitted)
  interval.abandoned += growth(counts.abandoned, before?.abandoned)
  for (const [reason, count] of Object.entries(counts.refused)) {
    const grown = growth(count, before?.refused[reason])
    if (grown === 0) continue
    const isKnown = interval.refused.has(reason) || interval.refused.size < maxReasons
    const name = isKnown ? reason : 'other'
    interval.refused.set(name, (interval.refused.get(name) ?? 0) + grown)
  }
  const earlier = new Map(before?.durations)
  for (const [atMost, logins] of counts.durations) {
    const grown = growth(logins, earlier.get(atMost))
    interval.durations.set(atMost, (interval.durations.get(atMost) ?? 0) + grown)
  }
}

/** A counter that is less than it was began anew. */
function growth(now: number, before = 0): number {
  return now >= before ? now - before : now
}

function toInterval({ at, admitted, abandoned, sessions, refused, durations }: Growing): Interval {
  return {
    ...{ at, admitted, abandoned, sessions },
    refused: Object.fromEntries(refused),
    durations: [...durations].sort(([one], [other]) => one - other),
  }
}
