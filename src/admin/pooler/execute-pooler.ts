// PgBouncer's commands, as runbooks use them.
import type { Answer } from '../answer.ts'
import type { PoolerStatement } from '../grammar/statement.ts'
import type { DatabaseGate } from '../../session/gate-state.ts'
import { ownGateOf } from '../../session/gate-state.ts'
import { alreadyHeld, notHeld, problem, requireAll, requireDatabase, stateOf } from './faults.ts'
import { reload, shutDown } from './lifecycle.ts'
import type { GateControl, Lifecycle } from './services.ts'
import { type Outcome, type Wait, type WaitOrder, waitFor } from './wait.ts'

export interface PoolerServices {
  readonly gates: GateControl
  readonly lifecycle: Lifecycle
}

export type PoolerCommand = Exclude<PoolerStatement, { readonly kind: 'kill client' }>

export async function executePooler(
  statement: PoolerCommand,
  order: WaitOrder,
  { gates, lifecycle }: PoolerServices,
): Promise<Outcome> {
  switch (statement.kind) {
    case 'pause':
      return pause(statement.database, order, gates)
    case 'suspend':
      return suspend(order, gates)
    case 'resume':
      return resume(statement.database, gates)
    case 'kill':
      return kill(statement.database, gates)
    case 'enable':
    case 'disable':
      return setDisabled(statement.database, statement.kind === 'disable', gates)
    case 'reconnect':
      return reconnect(statement.database, gates)
    case 'wait close':
      return waitClose(statement.database, order, gates)
    case 'reload':
      return reload(lifecycle)
    case 'shutdown':
      return shutDown(statement.waits, lifecycle)
  }
}

async function pause(
  database: string | undefined,
  order: WaitOrder,
  gates: GateControl,
): Promise<Outcome> {
  const { ticket } = order
  if (ticket !== undefined) return waitUntilHeld('PAUSE', database, ticket, order, gates)
  if (database !== undefined) requireDatabase(database, 'pause', gates)
  const before = ownOf(gates, database)
  if (before.hold !== undefined) {
    if (database === undefined) throw alreadyHeld(gates)
    // Somebody may have lost the console that it was said at, and wants to wait again.
    return waitUntilHeld('PAUSE', database, `other ${before.heldAt}`, order, gates)
  }
  return holdAndWait('PAUSE', database, 'paused', gates)
}

async function suspend(order: WaitOrder, gates: GateControl): Promise<Outcome> {
  const { ticket } = order
  if (ticket !== undefined) return waitUntilHeld('SUSPEND', undefined, ticket, order, gates)
  if (gates.state.all.hold !== undefined) throw alreadyHeld(gates)
  const paused = gates.state.databases.filter(({ hold }) => hold !== undefined)
  if (paused.length > 0) {
    const hint = `RESUME first: ${paused.map(({ name }) => name).join(', ')}.`
    throw problem('cannot suspend with paused databases', { hint })
  }
  return holdAndWait('SUSPEND', undefined, 'suspended', gates)
}

async function holdAndWait(
  command: 'PAUSE' | 'SUSPEND',
  database: string | undefined,
  hold: 'paused' | 'suspended',
  gates: GateControl,
): Promise<Outcome> {
  const report = await gates.change(database, (_, version) => ({ hold, heldAt: version }))
  requireAll(report, command, database, gates)
  const { heldAt } = ownOf(gates, database)
  return waitUntilHeld(command, database, `own ${heldAt}`, {}, gates)
}

/** The ticket says since when it is held, and whether by this very statement: then it can take that back. */
async function waitUntilHeld(
  command: 'PAUSE' | 'SUSPEND',
  database: string | undefined,
  ticket: string,
  order: WaitOrder,
  gates: GateControl,
): Promise<Outcome> {
  const [whose, heldAt] = ticket.split(' ')
  const wait: Wait = {
    command,
    ticket,
    isDone: async () => {
      const own = ownOf(gates, database)
      if (own.hold === undefined || String(own.heldAt) !== heldAt) {
        throw problem(`${command} was ended by RESUME`, { sqlstate: '57014' })
      }
      const report = await gates.census(database)
      requireAll(report, command, database, gates)
      return report.busy === 0
    },
    giveUp: async () => {
      const own = ownOf(gates, database)
      if (whose === 'own' && own.hold !== undefined && String(own.heldAt) === heldAt) {
        requireAll(
          await gates.change(database, () => ({ hold: undefined })),
          'RESUME',
          database,
          gates,
        )
      }
      return stateOf(database, gates)
    },
  }
  return waitFor(wait, order)
}

async function resume(database: string | undefined, gates: GateControl): Promise<Answer> {
  const { state } = gates
  const paused = state.databases.filter(({ hold }) => hold !== undefined).map(({ name }) => name)
  if (database === undefined) {
    if (state.all.hold === undefined) throw notHeld(paused)
  } else {
    const names = [...gates.databases, ...paused]
    requireDatabase(database, 'resume', { databases: names })
    if (!paused.includes(database)) {
      const isAll = state.all.hold !== undefined
      throw problem(`database ${database} is not paused`, {
        ...(isAll && { hint: 'All databases are paused: RESUME without a name.' }),
      })
    }
  }
  const report = await gates.change(database, () => ({ hold: undefined }))
  requireAll(report, 'RESUME', database, gates)
  const left = database === undefined ? paused : []
  return {
    tag: 'RESUME',
    notices:
      left.length === 0
        ? undefined
        : [{ severity: 'NOTICE', message: `databases that stay paused: ${left.join(', ')}` }],
  }
}

async function kill(database: string | undefined, gates: GateControl): Promise<Answer> {
  if (database !== undefined) requireDatabase(database, 'kill', gates)
  const report = await gates.change(database, ({ hold, heldAt }, version) => ({
    killedAt: version,
    ...(hold === 'suspended' ? { hold, heldAt } : { hold: 'killed', heldAt: version }),
  }))
  requireAll(report, 'KILL', database, gates)
  return { tag: 'KILL' }
}

async function setDisabled(
  database: string,
  isDisabled: boolean,
  gates: GateControl,
): Promise<Answer> {
  const command = isDisabled ? 'DISABLE' : 'ENABLE'
  const known = gates.state.databases.map(({ name }) => name)
  const databases = isDisabled ? gates.databases : [...gates.databases, ...known]
  requireDatabase(database, isDisabled ? 'disable' : 'enable', { databases })
  requireAll(await gates.change(database, () => ({ isDisabled })), command, database, gates)
  return { tag: command }
}

async function reconnect(database: string | undefined, gates: GateControl): Promise<Answer> {
  if (database !== undefined) requireDatabase(database, 'reconnect', gates)
  const report = await gates.change(database, (_, version) => ({ renewedAt: version }))
  requireAll(report, 'RECONNECT', database, gates)
  return { tag: 'RECONNECT' }
}

async function waitClose(
  database: string | undefined,
  order: WaitOrder,
  gates: GateControl,
): Promise<Outcome> {
  if (database !== undefined) requireDatabase(database, 'wait in', gates)
  const wait: Wait = {
    command: 'WAIT_CLOSE',
    ticket: 'close',
    isDone: async () => {
      const report = await gates.census(database)
      requireAll(report, 'WAIT_CLOSE', database, gates)
      return report.old === 0
    },
    giveUp: async () => Promise.resolve(undefined),
  }
  return waitFor(wait, order)
}

/** What was said of exactly this: of one database, or of all of them. */
function ownOf({ state }: GateControl, database: string | undefined): DatabaseGate {
  return database === undefined ? state.all : ownGateOf(state, database)
}
