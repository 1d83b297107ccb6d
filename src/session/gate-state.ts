// Which databases of the node are open to sessions: plain data, which the primary has and every worker is given.

/** `killed`: paused, after its sessions were ended. `suspended`: held within transactions as well. */
export type Hold = 'paused' | 'killed' | 'suspended'

export interface DatabaseGate {
  readonly hold: Hold | undefined
  /** The version since which it is held. */
  readonly heldAt: number
  readonly isDisabled: boolean
  /** The versions since which sessions are others: older ones are ended, or not used again. 0: never. */
  readonly killedAt: number
  readonly renewedAt: number
}

export interface NamedGate extends DatabaseGate {
  readonly name: string
}

export interface GateState {
  /** One more with each change: who has a newer one keeps it. */
  readonly version: number
  readonly all: DatabaseGate
  /** Those of which something was said. */
  readonly databases: readonly NamedGate[]
}

/** What a process says of its sessions. */
export interface GateCensus {
  /** Sessions that are to be held and are not yet, and logins that go to the database. */
  readonly busy: number
  /** Of before the last `renewedAt`. */
  readonly old: number
}

/** A state, and what is asked about the sessions that it holds for. It crosses the channel. */
export interface GateOrder {
  readonly state: GateState
  /** Undefined: all databases. */
  readonly about: string | undefined
}

const open: DatabaseGate = {
  hold: undefined,
  heldAt: 0,
  isDisabled: false,
  killedAt: 0,
  renewedAt: 0,
}

export const openState: GateState = { version: 0, all: open, databases: [] }

/** What was said of one database, apart from what holds for all. */
export function ownGateOf({ databases }: GateState, name: string): DatabaseGate {
  return databases.find((one) => one.name === name) ?? open
}

/** What holds for a database. */
export function gateOf(state: GateState, name: string): DatabaseGate {
  const { all } = state
  const own = ownGateOf(state, name)
  return {
    // To be suspended is to be held more firmly than by anything that is said of one database.
    hold: all.hold ?? own.hold,
    heldAt: all.hold === undefined ? own.heldAt : all.heldAt,
    isDisabled: all.isDisabled || own.isDisabled,
    killedAt: Math.max(all.killedAt, own.killedAt),
    renewedAt: Math.max(all.renewedAt, own.renewedAt),
  }
}

/** The state after a change of one database, or of what holds for all. */
export function changed(
  state: GateState,
  database: string | undefined,
  change: (gate: DatabaseGate, version: number) => Partial<DatabaseGate>,
): GateState {
  const version = state.version + 1
  if (database === undefined) {
    return { ...state, version, all: { ...state.all, ...change(state.all, version) } }
  }
  const own = ownGateOf(state, database)
  const others = state.databases.filter(({ name }) => name !== database)
  const next = { ...own, ...change(own, version), name: database }
  return { ...state, version, databases: [...others, next] }
}

/** Whether nobody gets to the database. */
export function isHeld(state: GateState, database: string): boolean {
  return gateOf(state, database).hold !== undefined
}

export function joinCensuses(all: readonly GateCensus[]): GateCensus {
  return {
    busy: all.reduce((sum, { busy }) => sum + busy, 0),
    old: all.reduce((sum, { old }) => sum + old, 0),
  }
}
