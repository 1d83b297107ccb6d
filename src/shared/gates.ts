// Which databases of the fleet are open. The store has the last state; a replica never goes back behind one.
import { lock } from '../fleet/store/lock.ts'
import { type Store, StoreAway, type StoreTransaction } from '../fleet/store/store.ts'
import type { GateShare } from '../gates.ts'
import {
  changed,
  type DatabaseGate,
  type GateState,
  openState,
  ownGateOf,
} from '../session/gate-state.ts'

interface Row {
  readonly version: string
  readonly sealed: string
}

export interface SharedGatesOptions {
  readonly store: Store
  readonly state: () => GateState
  /** Takes a state over on every process of this replica. */
  readonly adopt: (state: GateState) => Promise<void>
}

export class SharedGates implements GateShare {
  readonly #options: SharedGatesOptions
  /** What was changed here while the store was away; `undefined` is what holds for all databases. */
  readonly #changedHere = new Set<string | undefined>()
  /** The last version that this replica and the store have had in common. */
  #common: number
  #adopted = 0
  #unfollow: () => void = () => {}

  constructor(options: SharedGatesOptions) {
    this.#options = options
    this.#common = options.state().version
  }

  /** What this replica goes by was in the store once. */
  remember(): void {
    this.#common = this.#options.state().version
  }

  start(): void {
    this.#unfollow = this.#options.store.follow('gates', async () => this.look())
  }

  stop(): void {
    this.#unfollow()
  }

  async change(
    database: string | undefined,
    change: (gate: DatabaseGate, version: number) => Partial<DatabaseGate>,
  ): Promise<GateState> {
    const { store, state } = this.#options
    try {
      return await store.transact(async (transaction) => {
        const last = this.#together(await this.#last(transaction))
        return this.#put(transaction, changed(last, database, change))
      })
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error
      this.#changedHere.add(database)
      return changed(state(), database, change)
    }
  }

  /** Takes over what others have changed, and has them take over what was changed here while the store was away. */
  async look(): Promise<void> {
    const { store, adopt } = this.#options
    const next = await store.transact(async (transaction) => {
      const last = await this.#last(transaction)
      const together = this.#together(last)
      return together.version > last.version ? this.#put(transaction, together) : together
    })
    this.#changedHere.clear()
    this.#common = next.version
    // Also what is known already, as long as not every process has said that it goes by it.
    if (next.version <= this.#adopted) return
    await adopt(next)
    this.#adopted = next.version
  }

  /** Behind the lock. What nobody of the fleet has sealed is no state. */
  async #last(transaction: StoreTransaction): Promise<GateState> {
    const { store } = this.#options
    await lock(transaction, 'gates')
    const [row] = await transaction.query<Row>(
      'SELECT version::text AS version, sealed FROM gates LIMIT 1',
    )
    if (row === undefined) return openState
    return store.open(`gates ${row.version}`, row.sealed).then(
      (state) => state as GateState,
      () => openState,
    )
  }

  async #put(transaction: StoreTransaction, state: GateState): Promise<GateState> {
    const { version } = state
    const sealed = await this.#options.store.seal(`gates ${version}`, state)
    await transaction.query(
      `INSERT INTO gates (version, sealed) VALUES ($1, $2) ON CONFLICT (is_only) DO UPDATE
       SET version = excluded.version, sealed = excluded.sealed`,
      [version, sealed],
    )
    await transaction.changed('gates')
    return state
  }

  /** The last state of all, with what was changed here alone. */
  #together(last: GateState): GateState {
    const here = this.#options.state()
    if (this.#changedHere.size === 0) return last.version < here.version ? here : last
    const version = Math.max(last.version, here.version) + 1
    // Of a version that both have made each for itself nobody knows what it was.
    const renewed = (at: number): number => (at > this.#common ? version : at)
    const joined = <Gate extends DatabaseGate>(
      gate: Gate,
      own: DatabaseGate | undefined,
    ): Gate => ({
      ...gate,
      killedAt: renewed(gate.killedAt),
      renewedAt: renewed(gate.renewedAt),
      // Whether it is open, and not that sessions were ended: that was about those of then.
      hold: own === undefined ? gate.hold : own.hold,
      isDisabled: own === undefined ? gate.isDisabled : own.isDisabled,
      heldAt: own === undefined ? renewed(gate.heldAt) : own.heldAt,
    })
    const names = new Set([...last.databases, ...here.databases].map(({ name }) => name))
    return {
      version,
      all: joined(last.all, this.#changedHere.has(undefined) ? here.all : undefined),
      databases: [...names].map((name) =>
        joined(
          { ...ownGateOf(last, name), name },
          this.#changedHere.has(name) ? ownGateOf(here, name) : undefined,
        ),
      ),
    }
  }
}
