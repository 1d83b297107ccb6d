// What sessions have done in all, over all processes, those that have ended included.
import {
  addStatistics,
  growthOf,
  noTotals,
  type Statistics,
} from './session/database-statistics.ts'
import type { ProcessStatistics } from './session/process-view.ts'
import type { DatabaseStatistic, FleetStatistics } from './admin/console-fleet.ts'
import type { Answers } from './fleet/bus.ts'

/** Averages are of so long, as PgBouncer's `stats_period`. */
export const statisticsPeriodMs = 60_000

export class FleetTotals {
  readonly #ask: () => Promise<Answers<ProcessStatistics>>
  readonly #nowMs: () => number
  /** The last that each process has said. */
  readonly #known = new Map<string, Statistics>()
  /** Of processes that are gone, as far as they were asked. */
  #gone: Statistics = new Map()
  #before: { readonly sums: Statistics; readonly atMs: number }
  #period: { readonly growth: Statistics; readonly ms: number } = { growth: new Map(), ms: 0 }
  #timer: NodeJS.Timeout | undefined

  constructor(
    ask: () => Promise<Answers<ProcessStatistics>>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#ask = ask
    this.#nowMs = nowMs
    this.#before = { sums: new Map(), atMs: nowMs() }
  }

  start(): void {
    this.#timer = setInterval(() => {
      void this.endPeriod().catch(() => {})
    }, statisticsPeriodMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async read(): Promise<FleetStatistics> {
    const { sums, unanswered } = await this.#sum()
    const { growth, ms: periodMs } = this.#period
    const databases = new Map<string, DatabaseStatistic>()
    for (const [name, totals] of sums) {
      databases.set(name, { totals, period: growth.get(name) ?? noTotals, periodMs })
    }
    return { databases, unanswered }
  }

  /** From now on the averages are of the time since this was last called. */
  async endPeriod(): Promise<void> {
    const { sums } = await this.#sum()
    const atMs = this.#nowMs()
    const growth = new Map(
      [...sums].map(([name, totals]) => [name, growthOf(totals, this.#before.sums.get(name))]),
    )
    this.#period = { growth, ms: atMs - this.#before.atMs }
    this.#before = { sums, atMs }
  }

  async #sum(): Promise<{ readonly sums: Statistics; readonly unanswered: number }> {
    const { answers, unanswered } = await this.#ask()
    for (const { process, databases } of answers) this.#known.set(process, databases)
    // Whoever does not answer may be gone or busy: what it said last is as good as anything.
    if (unanswered === 0) this.#forget(new Set(answers.map(({ process }) => process)))
    return { sums: addStatistics([this.#gone, ...this.#known.values()]), unanswered }
  }

  /** What processes that are gone have said stays in the sums. */
  #forget(present: ReadonlySet<string>): void {
    for (const [process, statistics] of this.#known) {
      if (present.has(process)) continue
      this.#gone = addStatistics([this.#gone, statistics])
      this.#known.delete(process)
    }
  }
}
