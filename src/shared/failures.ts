// Failed guesses, as all replicas have counted them: to ask another one is no new try, and a restart no pardon.
import { lock } from '../fleet/store/lock.ts'
import type { Store, StoreTransaction } from '../fleet/store/store.ts'
import { memoryMs, mergeFailures, shiftFailures } from '../session/failures.ts'
import type { PairFailures } from '../session/throttle.ts'

/** Where failures are counted on this replica, by its own clock, which never steps back. */
export interface FailureLedger {
  readonly nowMs: () => number
  tellFailures(key: string): PairFailures | undefined
  takeFailures(pair: PairFailures): void
  /** Who is told of a pair when there is something to be told of it. */
  onFailures(listener: (key: string) => void): void
}

export interface SharedFailuresOptions {
  readonly store: Store
  readonly ledger: FailureLedger
  readonly writeIntervalMs?: number
}

interface Row {
  readonly mark: string
  readonly sealed: string
  readonly seq: string
}

const usualWriteIntervalMs = 1_000
/** Pairs that are to be written; of more the oldest are for this replica alone. */
const maxChanged = 10_000
const maxWritten = 200
const maxRead = 500
const maxRows = 20_000
const trimIntervalMs = 600_000
/** Both clocks run as fast; what is between them is looked at anew where one of them was set. */
const clockStepMs = 2_000

export class SharedFailures {
  readonly #options: SharedFailuresOptions
  readonly #changed = new Set<string>()
  #seq = '0'
  #aheadMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #writtenAtMs = -Infinity
  #trimmedAtMs = -Infinity
  #unfollow: () => void = () => {}

  constructor(options: SharedFailuresOptions) {
    this.#options = options
  }

  start(): void {
    const { store, ledger } = this.#options
    ledger.onFailures((key) => {
      this.#noteChange(key)
    })
    this.#unfollow = store.follow('failures', async () => {
      await this.look()
      await this.#write()
    })
  }

  /** What is not written yet is written once more, where that goes fast. */
  async stop(): Promise<void> {
    this.#unfollow()
    clearTimeout(this.#timer)
    if (this.#options.store.state.kind === 'up') await this.#write().catch(() => {})
  }

  /** Takes over what others have counted. Throws where the store is away. */
  async look(): Promise<void> {
    const { store, ledger } = this.#options
    for (;;) {
      const rows = await store.transact(async (transaction) =>
        transaction.query<Row>(
          `SELECT mark, sealed, seq::text AS seq FROM failures WHERE failures.seq > $1::bigint
           ORDER BY failures.seq LIMIT $2`,
          [this.#seq, maxRead],
        ),
      )
      for (const { mark, sealed, seq } of rows) {
        this.#seq = seq
        const pair = await this.#open(mark, sealed)
        if (pair !== undefined) ledger.takeFailures(shifted(pair, -this.#ahead()))
      }
      if (rows.length < maxRead) return
    }
  }

  #noteChange(key: string): void {
    this.#changed.add(key)
    if (this.#changed.size > maxChanged) {
      const [oldest] = this.#changed
      if (oldest !== undefined) this.#changed.delete(oldest)
    }
    this.#plan()
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#changed.size === 0) return
    const { writeIntervalMs = usualWriteIntervalMs, ledger } = this.#options
    const waitMs = Math.max(0, this.#writtenAtMs + writeIntervalMs - ledger.nowMs())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#writtenAtMs = ledger.nowMs()
      // What cannot be written now is written when the store is looked at next.
      void this.#write().catch(() => {})
    }, waitMs)
    this.#timer.unref()
  }

  async #write(): Promise<void> {
    const { store, ledger } = this.#options
    const keys = [...this.#changed].slice(0, maxWritten)
    if (keys.length === 0) return
    const ahead = this.#ahead()
    const pairs = keys
      .map((key) => ledger.tellFailures(key))
      .filter((pair) => pair !== undefined)
      .map((pair) => shifted(pair, ahead))
    for (const key of keys) this.#changed.delete(key)
    try {
      await store.transact(async (transaction) => {
        // Whoever writes has seen what the one before has written.
        await lock(transaction, 'failures')
        await this.#put(transaction, pairs)
        await transaction.changed('failures')
      })
    } catch (error) {
      for (const key of keys) this.#changed.add(key)
      throw error
    }
    this.#plan()
  }

  async #put(transaction: StoreTransaction, pairs: readonly PairFailures[]): Promise<void> {
    const { store } = this.#options
    const marked = new Map(pairs.map((pair) => [store.mark('failures', pair.key), pair]))
    const known = await transaction.query<Row>(
      'SELECT mark, sealed FROM failures WHERE mark = ANY($1)',
      [[...marked.keys()]],
    )
    for (const { mark, sealed } of known) {
      const [before, pair] = [await this.#open(mark, sealed), marked.get(mark)]
      if (before === undefined || pair === undefined) continue
      marked.set(mark, { ...pair, failures: mergeFailures(before.failures, pair.failures) })
    }
    const sealed = await Promise.all(
      [...marked].map(async ([mark, pair]) => store.seal(purposeOf(mark), pair)),
    )
    await transaction.query(
      `INSERT INTO failures (mark, sealed, last_at)
       SELECT one.mark, one.sealed, pg_catalog.to_timestamp(one.at / 1000)
       FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]),
         pg_catalog.unnest($3::double precision[])) AS one (mark, sealed, at)
       ON CONFLICT (mark) DO UPDATE
       SET sealed = excluded.sealed, last_at = excluded.last_at, seq = DEFAULT`,
      [[...marked.keys()], sealed, [...marked.values()].map(lastOf)],
    )
    if (store.nowMs - this.#trimmedAtMs < trimIntervalMs) return
    this.#trimmedAtMs = store.nowMs
    await transaction.query(
      `DELETE FROM failures WHERE last_at < pg_catalog.to_timestamp($1::double precision / 1000)
       OR mark IN (SELECT mark FROM failures ORDER BY last_at DESC OFFSET $2)`,
      [store.nowMs - memoryMs, maxRows],
    )
  }

  async #open(mark: string, sealed: string): Promise<PairFailures | undefined> {
    try {
      return (await this.#options.store.open(purposeOf(mark), sealed)) as PairFailures
    } catch {
      // Whoever has no secret of the fleet neither delays nor pardons anybody.
      return undefined
    }
  }

  /** How far the clock of the store is ahead of that of the ledger. */
  #ahead(): number {
    const { store, ledger } = this.#options
    const now = store.nowMs - ledger.nowMs()
    if (this.#aheadMs === undefined || Math.abs(now - this.#aheadMs) > clockStepMs) {
      this.#aheadMs = now
    }
    return this.#aheadMs
  }
}

function shifted(pair: PairFailures, byMs: number): PairFailures {
  return { ...pair, failures: shiftFailures(pair.failures, byMs) }
}

function purposeOf(mark: string): string {
  return `failures ${mark}`
}

function lastOf({ failures: { counts, clearedAtMs } }: PairFailures): number {
  const last = Math.max(clearedAtMs, ...[...counts.values()].map(({ lastAtMs }) => lastAtMs))
  return Number.isFinite(last) ? last : 0
}
