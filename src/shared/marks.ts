// What may be used one time only, whichever replica it is brought to.
import type { Store } from '../fleet/store/store.ts'

export interface UsedOnce {
  /** Whether it is the first time; where the store is away, as far as nobody knows better. */
  take(purpose: string, text: string, forMs: number): Promise<boolean>
  /** It was of no use, and may come again. */
  giveBack(purpose: string, text: string): Promise<void>
}

/** Without a fleet this process knows all of it by itself. */
export const knownHere: UsedOnce = {
  take: async () => Promise.resolve(true),
  giveBack: async () => Promise.resolve(),
}

export function sharedMarks(store: Store, onAway: (error: unknown) => void): UsedOnce {
  return {
    take: async (purpose, text, forMs) => {
      try {
        const rows = await store.transact(async (transaction) =>
          transaction.query(
            `INSERT INTO marks (mark, until)
             VALUES ($1, pg_catalog.to_timestamp($2::double precision / 1000))
             ON CONFLICT (mark) DO UPDATE SET until = excluded.until
             WHERE marks.until <= pg_catalog.clock_timestamp() RETURNING mark`,
            [store.mark(purpose, text), store.nowMs + forMs],
          ),
        )
        return rows.length > 0
      } catch (error) {
        onAway(error)
        return true
      }
    },
    giveBack: async (purpose, text) => {
      await store
        .transact(async (transaction) =>
          transaction.query('DELETE FROM marks WHERE mark = $1', [store.mark(purpose, text)]),
        )
        .catch(onAway)
    },
  }
}
