// Orders that refuse logins for a time, as all replicas have to carry them out: also those that are started later, and
// those that could not be asked. Nothing is taken away but by another order that says so, or by its time: rows
// that are missing pardon nobody.
import { randomUUID } from 'node:crypto'
import type { KnownOrder, OrderShare } from '../fleet-sessions.ts'
import { type Store, StoreAway } from '../fleet/store/store.ts'

export interface SharedOrdersOptions {
  readonly store: Store
  /** Carries an order out on this replica. Throws where a process of it did not say that it has. */
  readonly apply: (order: KnownOrder) => Promise<void>
  /** Takes orders back on this replica, by their ids. */
  readonly takeBack: (ids: readonly string[]) => Promise<void>
  /** Something was kept because the store is away, or has been written that was. */
  readonly onKept: (kept: number) => void
  readonly onChange: () => void
  readonly nowMs?: () => number
}

/** What is in a row. Times are by the clock of the store. */
type Kept =
  | { readonly kind: 'order'; readonly order: KnownOrder; readonly untilMs: number }
  | { readonly kind: 'restored'; readonly ids: readonly string[]; readonly untilMs: number }

interface Row {
  readonly id: string
  readonly sealed: string
}

/** Of each kind; as many as a replica remembers of orders. */
const maxKept = 10_000
const maxRead = 20_000
const batch = 200

export class SharedOrders implements OrderShare {
  readonly #options: SharedOrdersOptions
  readonly #nowMs: () => number
  /** Rows that are in force here, and until when that means anything. */
  readonly #known = new Map<string, number>()
  readonly #restored = new Map<string, number>()
  readonly #unwritten = new Map<string, Kept>()
  #unfollow: () => void = () => {}

  constructor(options: SharedOrdersOptions) {
    this.#options = options
    this.#nowMs = options.nowMs ?? Date.now
  }

  start(): void {
    this.#unfollow = this.#options.store.follow('orders', async () => {
      await this.#writeKept()
      await this.look()
    })
  }

  stop(): void {
    this.#unfollow()
  }

  /** Before anybody is asked to carry it out: whoever is not asked any more finds it. Never throws. */
  async add(order: KnownOrder): Promise<void> {
    const untilMs = this.#options.store.nowMs + order.refusedUntilMs - this.#nowMs()
    this.#known.set(order.id, untilMs)
    await this.#writeOrKeep(order.id, { kind: 'order', order, untilMs })
  }

  async restored(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const untilMs = Math.max(...ids.map((id) => this.#known.get(id) ?? 0))
    for (const id of ids) this.#restored.set(id, untilMs)
    await this.#writeOrKeep(randomUUID(), { kind: 'restored', ids, untilMs })
  }

  /** Sees what others have written until now. Never throws. */
  async refresh(): Promise<void> {
    await this.look().catch(() => {})
  }

  /** Those of a copy, which are carried out already. */
  remember(orders: readonly KnownOrder[]): void {
    for (const { id, refusedUntilMs } of orders) {
      this.#known.set(id, this.#options.store.nowMs + refusedUntilMs - this.#nowMs())
    }
  }

  /** Carries out what is new. Throws where the store is away, or where that could not be done on every process. */
  async look(): Promise<void> {
    const { store, apply, takeBack, onChange } = this.#options
    this.#forgetOld()
    const rows = await store.transact(async (transaction) =>
      transaction.query<Pick<Row, 'id'>>(
        `SELECT id::text AS id FROM orders WHERE until > pg_catalog.clock_timestamp()
         ORDER BY orders.until DESC LIMIT $1`,
        [maxRead],
      ),
    )
    const unknown = rows.map(({ id }) => id).filter((id) => !this.#known.has(id))
    const found = await this.#read(unknown)
    const back = found.flatMap(([, kept]) => (kept.kind === 'restored' ? kept.ids : []))
    for (const [id, kept] of found) {
      for (const one of kept.kind === 'restored' ? kept.ids : []) {
        this.#restored.set(one, Math.max(kept.untilMs, this.#restored.get(one) ?? 0))
      }
      if (kept.kind === 'restored') this.#known.set(id, kept.untilMs)
    }
    const inForce = back.filter((id) => this.#known.has(id))
    if (inForce.length > 0) await takeBack(inForce)
    const failures: unknown[] = []
    for (const [id, kept] of found) {
      if (kept.kind !== 'order') continue
      const leftMs = kept.untilMs - store.nowMs
      try {
        if (leftMs > 0 && !this.#restored.has(id)) {
          await apply({ ...kept.order, refusedUntilMs: this.#nowMs() + leftMs })
        }
        this.#known.set(id, kept.untilMs)
      } catch (error) {
        failures.push(error)
      }
    }
    if (found.length > 0) onChange()
    if (failures.length > 0)
      throw new Error('not every process has carried out an order', { cause: failures[0] })
  }

  async #read(ids: readonly string[]): Promise<readonly (readonly [string, Kept])[]> {
    const { store } = this.#options
    const found: (readonly [string, Kept])[] = []
    for (let at = 0; at < ids.length; at += batch) {
      const rows = await store.transact(async (transaction) =>
        transaction.query<Row>(
          'SELECT id::text AS id, sealed FROM orders WHERE id = ANY($1::uuid[])',
          [ids.slice(at, at + batch)],
        ),
      )
      for (const { id, sealed } of rows) {
        // Whoever has no secret of the fleet keeps nobody out.
        const kept = await store.open(purposeOf(id), sealed).catch(() => undefined)
        if (kept !== undefined) found.push([id, kept as Kept])
      }
    }
    return found
  }

  async #writeOrKeep(id: string, kept: Kept): Promise<void> {
    try {
      await this.#write(id, kept)
    } catch {
      this.#unwritten.set(id, kept)
      while (this.#unwritten.size > maxKept) {
        const [oldest] = this.#unwritten.keys()
        if (oldest !== undefined) this.#unwritten.delete(oldest)
      }
      this.#options.onKept(this.#unwritten.size)
    }
    this.#options.onChange()
  }

  async #writeKept(): Promise<void> {
    if (this.#unwritten.size === 0) return
    for (const [id, kept] of [...this.#unwritten]) {
      if (kept.untilMs > this.#options.store.nowMs) await this.#write(id, kept)
      this.#unwritten.delete(id)
    }
    this.#options.onKept(0)
  }

  async #write(id: string, kept: Kept): Promise<void> {
    const { store } = this.#options
    if (store.state.kind === 'away') throw new StoreAway(store.state.why)
    const sealed = await store.seal(purposeOf(id), kept)
    await store.transact(async (transaction) => {
      await transaction.query(
        `INSERT INTO orders (id, sealed, until)
         VALUES ($1, $2, pg_catalog.to_timestamp($3::double precision / 1000))
         ON CONFLICT (id) DO NOTHING`,
        [id, sealed, kept.untilMs],
      )
      await transaction.changed('orders')
    })
    if (kept.kind === 'restored') this.#known.set(id, kept.untilMs)
  }

  #forgetOld(): void {
    const { nowMs } = this.#options.store
    for (const map of [this.#known, this.#restored]) {
      for (const [id, untilMs] of map) if (untilMs + graceMs < nowMs) map.delete(id)
    }
  }
}

/** Clocks may differ by less. */
const graceMs = 60_000

function purposeOf(id: string): string {
  return `order ${id}`
}
