// What needs nobody but the session itself: SELECT, its parameters, its transaction, what it has prepared.
import { type Answer, ConsoleError, type Table } from '../answer.ts'
import { columnsOf } from '../columns.ts'
import type { Statement } from '../grammar/statement.ts'
import type { Value } from '../grammar/value.ts'
import { isSessionParameter, type SessionParameters } from './parameters.ts'
import { select, type SelectFacts } from './select.ts'
import type { Transaction } from './transaction.ts'

export interface Own {
  readonly parameters: SessionParameters
  readonly transaction: Transaction
  readonly facts: () => SelectFacts
  /** Forgets a prepared statement, or all; false where there is none of the name. */
  readonly deallocate: (name: string | undefined) => boolean
  readonly closePortals: () => void
}

/** The database under whose name PgBouncer has its console. */
const likePgBouncer = 'pgbouncer'

/** Clients know by it that there is no PostgreSQL here, and ask for nothing that only one has. */
const noSelect = new ConsoleError({
  sqlstate: '08P01',
  message: "invalid command 'SELECT', use SHOW HELP;",
  hint: 'Under the names system and portcullis the console answers literals and a few functions.',
})

/** Undefined for what the primary is asked. */
export function answerLocally(statement: Statement, own: Own): Answer | undefined {
  switch (statement.kind) {
    case 'select': {
      const facts = own.facts()
      if (facts.database === likePgBouncer) throw noSelect
      const table = select(statement.items, facts)
      return { tag: `SELECT ${table.rows.length}`, table }
    }
    case 'show parameter':
      return { tag: 'SHOW', table: shown(statement, own.parameters) }
    case 'set parameter':
      if (!isSessionParameter(statement.name)) return undefined
      own.parameters.set(statement.name, statement.values.map(textOf).join(', '))
      return { tag: 'SET' }
    case 'reset parameter':
      if (!isSessionParameter(statement.name)) return undefined
      own.parameters.reset(statement.name)
      return { tag: 'RESET' }
    case 'begin':
    case 'commit':
    case 'rollback':
      return own.transaction.take(statement)
    case 'set transaction':
      return { tag: 'SET' }
    case 'deallocate':
      return deallocated(statement.name, own)
    case 'discard':
      return discarded(statement.what, own)
    case 'unlisten all':
      return { tag: 'UNLISTEN' }
    case 'close all':
      own.closePortals()
      return { tag: 'CLOSE CURSOR ALL' }
    default:
      return undefined
  }
}

function shown(
  statement: Extract<Statement, { readonly kind: 'show parameter' }>,
  parameters: SessionParameters,
): Table {
  const columns = columnsOf(statement) ?? []
  if (statement.name === 'all') {
    return { columns, rows: parameters.all().map(({ name, value, is }) => [name, value, is]) }
  }
  return { columns, rows: [[parameters.show(statement.name).value]] }
}

function textOf(value: Value): string {
  switch (value.kind) {
    case 'string':
    case 'number':
      return String(value.value)
    case 'boolean':
      return value.value ? 'on' : 'off'
    default:
      throw new ConsoleError({ sqlstate: '22023', message: 'a parameter of a session is text' })
  }
}

function deallocated(name: string | undefined, own: Own): Answer {
  if (name === undefined) {
    own.deallocate(undefined)
    return { tag: 'DEALLOCATE ALL' }
  }
  if (own.deallocate(name)) return { tag: 'DEALLOCATE' }
  throw new ConsoleError({
    sqlstate: '26000',
    message: 'there is no prepared statement of that name',
  })
}

function discarded(
  what: Extract<Statement, { readonly kind: 'discard' }>['what'],
  own: Own,
): Answer {
  if (what === 'all') {
    if (own.transaction.status !== 'I') {
      throw new ConsoleError({
        sqlstate: '25001',
        message: 'DISCARD ALL cannot run inside a transaction block',
      })
    }
    own.parameters.reset('all')
    own.deallocate(undefined)
    own.closePortals()
  }
  return { tag: `DISCARD ${what.toUpperCase()}` }
}
