// What replicas share, as the parts that keep something in it see it. `postgres-store.ts` is the one that there is.

/** What may change in the store, and is looked at again then. */
export type Topic = 'catalog' | 'orders' | 'failures' | 'gates' | 'replicas' | 'calls'

export type StoreState =
  | { readonly kind: 'up' }
  /** `why` names a cause such as `ECONNREFUSED` or a SQLSTATE: never a host or a credential. */
  | { readonly kind: 'away'; readonly sinceMs: number; readonly why: string }

/** The store cannot be reached, or has not answered in time. Nothing is known of what was asked of it. */
export class StoreAway extends Error {
  override readonly name = 'StoreAway'
}

/** Statements of one transaction. Tables are found without a schema in front of them. */
export interface StoreTransaction {
  readonly query: <Row extends object>(
    text: string,
    values?: readonly unknown[],
  ) => Promise<readonly Row[]>
  /** Has the other replicas look at it once more, or these alone, when the transaction is committed. */
  readonly changed: (topic: Topic, replicas?: readonly string[]) => Promise<void>
}

export interface Store {
  /** Of this replica since its start: a UUID. */
  readonly replica: string
  readonly state: StoreState
  /** By the clock of the database, which is the one that counts; milliseconds since 1970. */
  readonly nowMs: number
  /**
   * Does a work in one transaction, read committed, within a deadline for all of it. Throws `StoreAway`, or what
   * the work throws, which includes violated constraints; then it is rolled back. Nothing is tried again:
   * whoever asked knows whether it may be.
   */
  transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T>
  /**
   * Has something looked at now, when another replica has changed it, whenever the store is back after it was
   * away, and once in a while for good measure. One look at a time; a change during one leads to another. A
   * look that throws is repeated with the next heartbeat. Until the returned function is called.
   */
  follow(topic: Topic, look: () => Promise<void>): () => void
  /** Seals data for one purpose, so that nobody without the secret of the fleet can read or make it. */
  seal(purpose: string, data: unknown): Promise<string>
  /** Throws where it is not ours, or for another purpose. */
  open(purpose: string, sealed: string): Promise<unknown>
  /** The same for the same text on every replica, and nothing to whoever has no secret of the fleet: a key of a row. */
  mark(purpose: string, text: string): string
}
