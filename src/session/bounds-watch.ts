import type { GovernedEnd } from './endings.ts'
import { assess, type SessionBounds, type Standing } from './session-bounds.ts'

/** What is watched of a spliced session. */
export interface Bounded {
  readonly standing: Standing
  /** When something was last asked or answered, by the monotonic clock. */
  readonly activeAt: number
  endWhenIdle(reason: GovernedEnd): void
  endNow(reason: GovernedEnd): void
}

/**
 * Ends a session when its time is over. It has one timer, which is not touched by what passes: it looks
 * at the clocks when it fires, and sleeps on where there is still time.
 */
export class BoundsWatch {
  readonly #bounds: SessionBounds
  readonly #session: Bounded
  readonly #now: () => Date
  readonly #startedAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(bounds: SessionBounds, session: Bounded, now: () => Date) {
    this.#bounds = bounds
    this.#session = session
    this.#now = now
  }

  /** Looks for the first time: the token may have expired during its login. */
  start(): void {
    this.#look()
  }

  stop(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  readonly #look = (): void => {
    if (this.#isOver) return
    const { standing, activeAt } = this.#session
    const at = performance.now()
    const { end, isNow, lookAgainMs } = assess(this.#bounds, {
      nowMs: this.#now().getTime(),
      ageMs: at - this.#startedAt,
      standing,
      quietMs: at - activeAt,
    })
    if (end !== undefined && isNow) {
      this.#isOver = true
      this.#session.endNow(end)
      return
    }
    this.#timer = setTimeout(this.#look, lookAgainMs)
    if (end !== undefined) this.#session.endWhenIdle(end)
  }
}
