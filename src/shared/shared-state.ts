// What replicas share, put together: read before anybody is let in, followed from then on, and copied into a file.
import type { LocalLedger } from '../session/ledger.ts'
import type { StoredVersion } from '../catalog/catalog-table.ts'
import type { FleetSessions } from '../fleet-sessions.ts'
import { type Store, StoreAway } from '../fleet/store/store.ts'
import type { NodeGates } from '../gates.ts'
import { begin, type Beginning } from './begin.ts'
import { CopyFile, copyFileOf, readCopy } from './copy.ts'
import { SharedFailures } from './failures.ts'
import { SharedGates } from './gates.ts'
import { sharedMarks, type UsedOnce } from './marks.ts'
import { SharedOrders } from './orders.ts'

export interface SharedStateOptions {
  readonly store: Store
  /** Of the configuration. */
  readonly file: string
  readonly fleet: FleetSessions
  readonly gates: NodeGates
  readonly ledger: LocalLedger
  readonly observer: SharedStateObserver
}

export interface SharedStateObserver {
  /** The store could not be reached: this replica goes by what it knew last. */
  begunFromCopy(): void
  /** Orders that were given while the store is away, until it is back and has all of them. */
  ordersKept(count: number): void
  copyFailed(code: string): void
}

export class SharedState {
  readonly #options: SharedStateOptions
  readonly #orders: SharedOrders
  readonly #gates: SharedGates
  readonly #failures: SharedFailures
  readonly #copy: CopyFile
  #catalog: StoredVersion | undefined
  readonly once: UsedOnce

  constructor(options: SharedStateOptions) {
    const { store, file, fleet, gates, ledger, observer } = options
    this.#options = options
    this.#orders = new SharedOrders({
      store,
      apply: async (order) => {
        const { unanswered } = await fleet.endHere(order)
        if (unanswered > 0) throw new Error(`${unanswered} processes did not answer`)
      },
      takeBack: async (ids) => {
        const { unanswered } = await fleet.restoreHere({ ids })
        if (unanswered > 0) throw new Error(`${unanswered} processes did not answer`)
      },
      onKept: (count) => {
        observer.ordersKept(count)
      },
      onChange: () => {
        this.#copy.renew()
      },
    })
    this.#gates = new SharedGates({
      store,
      state: () => gates.state,
      adopt: async (state) => {
        await gates.adopt(state)
        this.#copy.renew()
      },
    })
    this.#failures = new SharedFailures({ store, ledger })
    // Where it is away each replica takes a token once.
    this.once = sharedMarks(store, () => {})
    this.#copy = new CopyFile({
      ...{ file: copyFileOf(file), store },
      now: () => ({
        catalog: this.#catalog,
        orders: fleet.standingOrders,
        gates: gates.state,
      }),
      onFailure: (code) => {
        observer.copyFailed(code)
      },
    })
  }

  /**
   * Before anybody is let in, and when this replica is known to the others: what they ask for from then on it is asked
   * for, and what they asked for before it reads now. `first` is the catalog of the file, where it is shared.
   * Returns the catalog to begin with; undefined: that of the file.
   */
  async begin(first: (() => StoredVersion) | undefined): Promise<StoredVersion | undefined> {
    const { store, file, fleet, gates, observer } = this.#options
    const copy = await readCopy(copyFileOf(file), store)
    const beginning = await begin({ store, copy, first })
    if (copy !== undefined) {
      this.#orders.remember(copy.orders)
      for (const order of copy.orders) await fleet.endHere(order)
      await gates.adopt(copy.gates)
      this.#gates.remember()
    }
    if (!(await this.#isRead(beginning))) {
      observer.begunFromCopy()
      this.#catalog = first === undefined ? undefined : copy?.catalog
    } else this.#catalog = beginning.from === 'store' ? beginning.catalog : undefined
    fleet.shareWith(this.#orders)
    gates.shareWith({
      change: async (...change) => {
        const state = await this.#gates.change(...change)
        this.#copy.renew()
        return state
      },
    })
    return this.#catalog
  }

  /** What is shared from now on is followed, and what happens here is shared. */
  start(): void {
    this.#orders.start()
    this.#gates.start()
    this.#failures.start()
    this.#copy.renew()
  }

  /** This version of the catalog is in use. */
  used(catalog: StoredVersion): void {
    this.#catalog = catalog
    this.#copy.renew()
  }

  async stop(): Promise<void> {
    this.#orders.stop()
    this.#gates.stop()
    await this.#failures.stop()
    await this.#copy.settled()
  }

  /** Throws where there is no copy to go by instead. */
  async #isRead(beginning: Beginning): Promise<boolean> {
    if (beginning.from === 'copy') return false
    try {
      await this.#orders.look()
      await this.#gates.look()
      await this.#failures.look()
      return true
    } catch (error) {
      if (!(error instanceof StoreAway) || !beginning.hasCopy) throw error
      return false
    }
  }
}
