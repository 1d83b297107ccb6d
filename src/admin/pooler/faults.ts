// What is said where a command is not carried out: PgBouncer's texts, which tools look for.
import { nearestName } from '../../nearest-name.ts'
import { printable } from '../../refusal.ts'
import { gateOf, type Hold } from '../../session/gate-state.ts'
import { ConsoleError, type ConsoleFault } from '../answer.ts'
import type { GateControl, GateReport } from './services.ts'

/** PgBouncer's code for whatever its console refuses. */
const poolerError = '08P01'

export function problem(message: string, fields: Partial<ConsoleFault> = {}): ConsoleError {
  return new ConsoleError({ sqlstate: poolerError, message: printable(message), ...fields })
}

const consoleDatabases = ['system', 'portcullis', 'pgbouncer']

export function requireDatabase(
  name: string,
  verb: string,
  { databases }: Pick<GateControl, 'databases'>,
): void {
  if (databases.includes(name)) return
  if (consoleDatabases.includes(name)) throw problem(`cannot ${verb} admin db: ${name}`)
  const nearest = nearestName(name, databases)
  throw problem(`no such database: ${name}`, {
    sqlstate: '3D000',
    hint:
      nearest === undefined
        ? 'SHOW DATABASES lists those that there are.'
        : `Perhaps you meant ${printable(nearest)}.`,
  })
}

export function alreadyHeld({ state }: GateControl): ConsoleError {
  const { hold } = state.all
  return problem('already suspended/paused', {
    hint: `All databases are ${wordFor(hold)}: RESUME lets them go on.`,
  })
}

export function notHeld(paused: readonly string[]): ConsoleError {
  return problem('pooler is not paused/suspended', {
    hint: paused.length === 0 ? undefined : `Paused by name: ${paused.join(', ')}.`,
  })
}

/** Throws where not every process has confirmed: what was said holds all the same, and sessions may not know. */
export function requireAll(
  { unanswered }: GateReport,
  command: string,
  database: string | undefined,
  gates: GateControl,
): void {
  if (unanswered === 0) return
  const count = unanswered === 1 ? '1 worker process' : `${unanswered} worker processes`
  throw problem(`${count} did not confirm ${command}`, {
    sqlstate: '58000',
    detail: `${stateOf(database, gates)} The others keep to that; sessions of those that did not answer may not.`,
    hint: 'They are told again whenever they are asked. SHOW STATE and SHOW DATABASES say how things are.',
  })
}

export function stateOf(database: string | undefined, { state }: GateControl): string {
  if (database === undefined) return `All databases are ${wordFor(state.all.hold)}.`
  const { hold, isDisabled } = gateOf(state, database)
  const and = isDisabled ? ', and disabled' : ''
  return `Database ${printable(database)} is ${wordFor(hold)}${and}.`
}

function wordFor(hold: Hold | undefined): string {
  switch (hold) {
    case undefined:
      return 'not paused'
    case 'killed':
      return 'paused by KILL'
    case 'paused':
    case 'suspended':
      return hold
  }
}
