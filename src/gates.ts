// Which databases of the node are open: kept here, in the process that outlives the workers.
import type { GateControl, GateReport } from './admin/pooler/services.ts'
import type { Answers } from './fleet/bus.ts'
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

export interface NodeGatesOptions {
  /** Asks every process that has sessions. */
  readonly ask: (order: GateOrder) => Promise<Answers<GateCensus>>
  readonly databases: () => readonly string[]
  readonly onChange: (fields: Readonly<Record<string, unknown>>) => void
}

export class NodeGates implements GateControl {
  readonly #options: NodeGatesOptions
  #state = openState

  constructor(options: NodeGatesOptions) {
    this.#options = options
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
    this.#state = changed(this.#state, database, change)
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
    const { answers, unanswered } = await this.#options.ask({ state: this.#state, about })
    return { ...joinCensuses(answers), unanswered }
  }
}
