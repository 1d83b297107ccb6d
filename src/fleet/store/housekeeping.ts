import { lockClassOf, locks } from './migrate.ts'
import { forgottenMs } from './registry.ts'
import type { StoreTransaction } from './store.ts'

/** In one go; the rest goes with the next. */
const maxRows = 1_000

/** Rows that mean nothing any more, and since when. Guesses are forgotten when no delay can come of them. */
const expired = [
  ['calls', 'until', '1 minute'],
  ['replicas', 'seen_at', `${forgottenMs} milliseconds`],
  ['orders', 'until', '1 hour'],
  ['failures', 'last_at', '1 day'],
  ['marks', 'until', '1 hour'],
] as const

/** Takes rows away whose time is over, where no other replica is at it. */
export function cleanUp(schema: string): (transaction: StoreTransaction) => Promise<void> {
  return async (transaction) => {
    const [row] = await transaction.query<{ readonly mine: boolean }>(
      'SELECT pg_catalog.pg_try_advisory_xact_lock($1, $2) AS mine',
      [lockClassOf(schema), locks.housekeeping],
    )
    if (row?.mine !== true) return
    for (const [table, column, age] of expired) {
      await transaction.query(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM ${table}
           WHERE ${column} < pg_catalog.clock_timestamp() - $1::interval LIMIT $2))`,
        [age, maxRows],
      )
    }
  }
}
