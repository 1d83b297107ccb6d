import type { StoreTransaction } from './store.ts'

/** What one replica writes at a time. */
const locks = { catalog: 11, orders: 12, failures: 13, gates: 14 } as const

/** Waits until no other replica does, and until the end of the transaction none will. */
export async function lock(
  transaction: Pick<StoreTransaction, 'query'>,
  what: keyof typeof locks,
): Promise<void> {
  await transaction.query(
    `SELECT pg_catalog.pg_advisory_xact_lock('catalog_versions'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int4, $1)`,
    [locks[what]],
  )
}
