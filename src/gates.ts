// Which databases of the node are open: kept here, in the process that outlives the workers.
import type { GateControl, GateReport } from './admin/pooler/services.ts'
import { addUp, type Answers } from './fleet/bus.ts'
import {
  changed,
  type DatabaseGate,
  type GateCensus,
  gateOf,
  type GateOrder,
  type GateState,
  joinCensuses,
  openState,
} from './session/gate-state.ts'

/** Where the state is that all replicas go by. */
export interface GateShare {
  /** Changes it there, and returns what it is now; where it cannot be reached, what it is here. */
  change(
    database: string | undefined,
    change: (gate: DatabaseGate, version: number) => Partial<DatabaseGate>,
  ): Promise<GateState>
}

export interface NodeGatesOptions {
  /** Asks every process of this replica that has sessions. */
  readonly ask: (order: GateOrder) => Promise<Answers<GateCensus>>
  /** Asks the other replicas. */
  readonly askPeers?: ((order: GateOrder) => Promise<Answers<GateCensus>>) | undefined
  readonly databases: () => readonly string[]
  readonly onChange: (fields: Readonly<Record<string, unknown>>) => void
}

export class NodeGates implements GateControl {
  readonly #options: NodeGatesOptions
  #state = openState
  #share: GateShare | undefined

  constructor(options: NodeGatesOptions) {
    this.#options = options
  }

  /** From now on changes are made where other replicas see them. */
  shareWith(share: GateShare): void {
    this.#share = share
  }

  /** Takes over what others have changed. Throws where a process did not say that it has. */
  async adopt(state: GateState): Promise<void> {
    this.#take(state)
    const { unanswered } = await this.#options.ask({ state: this.#state, about: undefined })
    if (unanswered > 0) throw new Error(`${unanswered} processes did not answer`)
  }

  /** What another replica asks of this one: that it goes by a state, and what that comes to. */
  async answer({ state, about }: GateOrder): Promise<Answers<GateCensus>> {
    this.#take(state)
    return this.#options.ask({ state: this.#state, about })
  }

  #take(state: GateState): void {
    if (state.version > this.#state.version) this.#state = state
  }

  /** What a worker that starts now is given. */
  get state(): GateState {
    return this.#state
  }

  get databases(): readonly string[] {
    return this.#options.databases()
  }

  get mode(): 'active' | 'paused' | 'suspended' {
    const { hold } = this.#state.all
    if (hold === undefined) return 'active'
    return hold === 'suspended' ? hold : 'paused'
  }

  stateOf(database: string): { readonly paused: boolean; readonly disabled: boolean } {
    const { hold, isDisabled } = gateOf(this.#state, database)
    return { paused: hold !== undefined, disabled: isDisabled }
  }

  async change(
    database: string | undefined,
    change: (gate: DatabaseGate, version: number) => Partial<DatabaseGate>,
  ): Promise<GateReport> {
    // First, so that no worker is started without it that does not hear of it.
    if (this.#share === undefined) this.#state = changed(this.#state, database, change)
    else this.#take(await this.#share.change(database, change))
    const { all, databases, version } = this.#state
    const gate = database === undefined ? all : databases.find(({ name }) => name === database)
    this.#options.onChange({
      database: database ?? 'all',
      hold: gate?.hold ?? 'none',
      disabled: gate?.isDisabled === true,
      ended: gate?.killedAt === version,
      renewed: gate?.renewedAt === version,
    })
    return this.census(database)
  }

  async census(about: string | undefined): Promise<GateReport> {
    // With the state each time: a worker that missed it is told again.
    const order = { state: this.#state, about }
    const { ask, askPeers } = this.#options
    const all = await Promise.all([ask(order), askPeers?.(order) ?? noAnswers])
    const { answers, unanswered } = addUp(all)
    return { ...joinCensuses(answers), unanswered }
  }
}

const noAnswers: Answers<GateCensus> = { answers: [], unanswered: 0 }
