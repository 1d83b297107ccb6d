import type { Ledger, PendingTrial } from '../session/ledger.ts'
import type { Counted } from '../session/session-counts.ts'
import type { Guess, Verdict } from '../session/throttle.ts'
import type { Handlers } from './channel.ts'
import type { Asked, ReservationReply, Settled } from './channel-ledger.ts'

/** What one worker has of the ledger: all of it is given back when the worker ends. */
export class WorkerClaims {
  readonly #ledger: Ledger
  readonly #sessions = new Map<number, () => void>()
  readonly #trials = new Map<number, PendingTrial>()
  #isOver = false

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** What the worker may call. */
  get handlers(): Handlers {
    return {
      reserve: async (call: Asked<readonly Counted[]>) => this.#reserve(call),
      release: (id: number) => {
        this.#sessions.get(id)?.()
        this.#sessions.delete(id)
      },
      tryCredential: async (call: Asked<Guess>) => this.#tryCredential(call),
      settle: ({ id, outcome }: Settled) => {
        this.#trials.get(id)?.settle(outcome)
        this.#trials.delete(id)
      },
    }
  }

  /** For a worker that has ended: it has no sessions, and nobody waits for its tries. */
  end(): void {
    this.#isOver = true
    for (const release of this.#sessions.values()) release()
    this.#sessions.clear()
    for (const trial of this.#trials.values()) trial.settle('neither')
    this.#trials.clear()
  }

  async #reserve({ id, asked }: Asked<readonly Counted[]>): Promise<ReservationReply> {
    const reservation = await this.#ledger.reserve(asked)
    if (reservation.kind === 'full') return reservation.counted
    // A call may still be read from the channel of a worker that is gone.
    if (this.#isOver) reservation.release()
    else this.#sessions.set(id, reservation.release)
    return undefined
  }

  async #tryCredential({ id, asked }: Asked<Guess>): Promise<Verdict> {
    const trial = this.#ledger.tryCredential(asked)
    if (this.#isOver) trial.settle('neither')
    else this.#trials.set(id, trial)
    const verdict = await trial.verdict
    return verdict
  }
}
