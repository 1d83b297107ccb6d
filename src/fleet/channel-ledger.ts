// A worker's end of the ledger, which the primary has.
import type { Ledger, PendingTrial, Reservation } from '../session/ledger.ts'
import type { Counted } from '../session/session-counts.ts'
import type { Guess, TrialOutcome, Verdict } from '../session/throttle.ts'
import { type Channel, ChannelError } from './channel.ts'

/** What a worker asks for. Its id is the worker's, so that it can be given back without an answer. */
export interface Asked<T> {
  readonly id: number
  readonly asked: T
}

export interface Settled {
  readonly id: number
  readonly outcome: TrialOutcome
}

/** Undefined where a session was reserved. */
export type ReservationReply = Counted | undefined

const reserveTimeoutMs = 2_000
/** Longer than the primary lets one try wait for others. */
const trialTimeoutMs = 7_000
/** Calls of one kind that wait for the primary; more of them mean that it does not answer. */
const maxWaiting = 400

export function channelLedger(channel: Channel): Ledger {
  const ids = counter()
  const reservations = new Waiting()
  const trials = new Waiting()
  return {
    reserve: async (claim: readonly Counted[]): Promise<Reservation> => {
      const id = ids()
      const release = (): void => {
        channel.tell('release', id)
      }
      try {
        const counted = (await reservations.run(async () =>
          channel.call(
            'reserve',
            { id, asked: claim } satisfies Asked<typeof claim>,
            reserveTimeoutMs,
          ),
        )) as ReservationReply
        return counted === undefined ? { kind: 'reserved', release } : { kind: 'full', counted }
      } catch (error) {
        // The primary may have it by now.
        release()
        throw error
      }
    },
    tryCredential: (guess: Guess): PendingTrial => {
      const id = ids()
      const verdict = trials.run(async () =>
        channel.call('tryCredential', { id, asked: guess } satisfies Asked<Guess>, trialTimeoutMs),
      ) as Promise<Verdict>
      return {
        verdict,
        settle: (outcome) => {
          channel.tell('settle', { id, outcome } satisfies Settled)
        },
      }
    },
  }
}

class Waiting {
  #count = 0

  async run<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#count >= maxWaiting) throw new ChannelError('too many calls wait for the primary')
    this.#count++
    try {
      return await ask()
    } finally {
      this.#count--
    }
  }
}

function counter(): () => number {
  let last = 0
  return () => ++last
}
