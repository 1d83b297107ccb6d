// What has to be counted for the whole service, whichever of its processes a connection meets.
import { randomUUID } from 'node:crypto'
import { type Counted, SessionCounts } from './session-counts.ts'
import {
  type Guess,
  type PairFailures,
  Throttle,
  type TrialOutcome,
  type Verdict,
} from './throttle.ts'

/** Rejects where nobody answers: then nobody is let in. */
export interface Ledger {
  /** Counts a session, before any work is done for it upstream. */
  reserve(claim: readonly Counted[]): Promise<Reservation>
  /** Asks whether a credential may be tried; it has to be settled, whatever comes of it. */
  tryCredential(guess: Guess): PendingTrial
}

export type Reservation =
  | { readonly kind: 'reserved'; readonly release: () => void }
  | { readonly kind: 'full'; readonly counted: Counted }

export interface PendingTrial {
  readonly verdict: Promise<Verdict>
  readonly settle: (outcome: TrialOutcome) => void
}

/** How long a try waits for others of its address and user to end. */
const longestWaitMs = 5_000

/** The ledger itself, in the one process that has it. */
export class LocalLedger implements Ledger {
  readonly #counts = new SessionCounts()
  readonly #throttle = new Throttle({
    // Others know by it who has counted what.
    name: randomUUID(),
    onChange: (key) => {
      this.#onFailures(key)
    },
  })
  #onFailures: (key: string) => void = () => {}
  readonly nowMs: () => number

  /** `monotonicNow` tells milliseconds that never step back, whatever the wall clock does. */
  constructor(monotonicNow: () => number = performance.now.bind(performance)) {
    this.nowMs = monotonicNow
  }

  onFailures(listener: (key: string) => void): void {
    this.#onFailures = listener
  }

  /** What other replicas are to know of a pair, by the clock of this ledger. */
  tellFailures(key: string): PairFailures | undefined {
    return this.#throttle.tell(key)
  }

  takeFailures(pair: PairFailures): void {
    this.#throttle.take(pair, this.nowMs())
  }

  /** Pairs of address and user that have to wait before their next credential is tried. */
  get delayed(): number {
    return this.#throttle.delayed(this.nowMs())
  }

  /** What is counted and not given back: nothing, when nobody is there. */
  get open(): number {
    return this.#counts.size + this.#throttle.busy
  }

  async reserve(claim: readonly Counted[]): Promise<Reservation> {
    const full = this.#counts.take(claim)
    if (full !== undefined) return Promise.resolve({ kind: 'full', counted: full })
    let isHeld = true
    const release = (): void => {
      if (isHeld) this.#counts.giveBack(claim)
      isHeld = false
    }
    return Promise.resolve({ kind: 'reserved', release })
  }

  tryCredential(guess: Guess): PendingTrial {
    const { promise: verdict, resolve } = Promise.withResolvers<Verdict>()
    // Where there is an answer at once, as most often, settling it is all that is left to do.
    const waiting: { timer?: NodeJS.Timeout } = {}
    const trial = this.#throttle.begin(guess, this.nowMs(), (answer) => {
      clearTimeout(waiting.timer)
      resolve(answer)
    })
    const settle = (outcome: TrialOutcome): void => {
      trial.settle(outcome, this.nowMs())
    }
    if (trial.isWaiting)
      waiting.timer = setTimeout(() => {
        settle('neither')
      }, longestWaitMs)
    return { verdict, settle }
  }
}
