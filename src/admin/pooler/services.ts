// What PgBouncer's commands are carried out with.
import type { DatabaseGate, GateCensus, GateState } from '../../session/gate-state.ts'

/** What the processes said, and how many of them did not in time. */
export interface GateReport extends GateCensus {
  readonly unanswered: number
}

export interface GateControl {
  readonly state: GateState
  /** Names of the databases that have sessions. */
  readonly databases: readonly string[]
  /**
   * Changes what is said of a database, or of all, and tells every process: the state is changed at once, whoever
   * answers.
   */
  change(
    database: string | undefined,
    change: (gate: DatabaseGate, version: number) => Partial<DatabaseGate>,
  ): Promise<GateReport>
  /** Asks every process about the sessions of a database, or of all. */
  census(about: string | undefined): Promise<GateReport>
  /** For `SHOW DATABASES`. */
  stateOf(database: string): { readonly paused: boolean; readonly disabled: boolean }
  /** For `SHOW STATE`. */
  readonly mode: 'active' | 'paused' | 'suspended'
}

/** At once, when each session is idle, or when its client has gone. */
export type Shutdown = 'now' | 'for servers' | 'for clients'

export interface ReloadOutcome {
  /** What is wrong with the configuration; where there is none, it is in use. */
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

export interface Lifecycle {
  reload(): Promise<ReloadOutcome>
  /** Begins in a moment, so that it can be answered. One that waits can be hastened by one that does not. */
  shutDown(how: Shutdown): 'begun' | 'under way'
}
