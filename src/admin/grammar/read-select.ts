// SELECT of literals and of the few functions that drivers and tools ask for. There are no tables.
import { nearestName } from '../../nearest-name.ts'
import { failNoTables } from './elsewhere.ts'
import { readNumber } from './read-value.ts'
import { listed, type Reader } from './reader.ts'
import { sqlstates } from './statement-error.ts'
import type { ClientStatement, SelectExpression, SelectItem } from './statement.ts'

export const selectFunctions = [
  'current_catalog',
  'current_database',
  'current_role',
  'current_schema',
  'current_setting',
  'current_user',
  'inet_client_addr',
  'inet_server_addr',
  'inet_server_port',
  'now',
  'pg_backend_pid',
  'pg_is_in_recovery',
  'session_user',
  'user',
  'version',
] as const

export function readSelect(reader: Reader): ClientStatement {
  return { kind: 'select', items: reader.several(() => readItem(reader)) }
}

function readItem(reader: Reader): SelectItem {
  const expression = readExpression(reader)
  const type = reader.takeSymbol('::') ? reader.dottedName() : undefined
  if (reader.at('FROM')) failNoTables(reader)
  const alias = reader.take('AS') || startsAlias(reader) ? reader.name() : undefined
  if (reader.at('FROM')) failNoTables(reader)
  return { expression, type, alias }
}

function startsAlias(reader: Reader): boolean {
  const { token } = reader
  return token.kind === 'word' || token.kind === 'quoted'
}

function readExpression(reader: Reader): SelectExpression {
  const { token } = reader
  if (token.kind === 'string') {
    reader.advance()
    return { kind: 'string', value: token.value }
  }
  if (token.kind === 'parameter') {
    reader.advance()
    return { kind: 'placeholder', number: token.value, of: 'text' }
  }
  const number = readNumber(reader)
  if (number !== undefined) {
    reader.advance()
    return { kind: 'number', value: number }
  }
  reader.expecting('a literal', 'a function')
  if (token.kind !== 'word')
    return token.kind === 'symbol' && token.value === '*' ? failNoTables(reader) : reader.fail()
  switch (token.value) {
    case 'true':
    case 'false':
      reader.advance()
      return { kind: 'boolean', value: token.value === 'true' }
    case 'null':
      reader.advance()
      return { kind: 'null' }
    default:
      return readCall(reader)
  }
}

function readCall(reader: Reader): SelectExpression {
  if (reader.at('PG_CATALOG')) {
    reader.need('PG_CATALOG')
    reader.needSymbol('.')
  }
  const { token } = reader
  const name = reader.takeName(selectFunctions)
  if (name === undefined) {
    if (token.kind !== 'word') return reader.fail()
    const nearest = nearestName(token.value, selectFunctions)
    const suggestion = nearest === undefined ? '' : `Perhaps you meant ${nearest}. `
    return reader.fail({
      sqlstate: sqlstates.unknownFunction,
      message: 'the console has no such column or function',
      hint: `${suggestion}It has no tables, and these functions: ${listed(selectFunctions)}. SHOW HELP lists its statements.`,
      expected: selectFunctions,
      suggestion: nearest,
    })
  }
  if (!reader.takeSymbol('(')) return { kind: 'call', function: name, arguments: [] }
  const values: SelectExpression[] = []
  while (!reader.takeSymbol(')')) {
    if (values.length > 0) reader.needSymbol(',')
    reader.checkCount(values.length)
    values.push(readLiteral(reader))
  }
  return { kind: 'call', function: name, arguments: values }
}

/** Calls are not within each other. */
function readLiteral(reader: Reader): SelectExpression {
  const { token } = reader
  const isCall = token.kind === 'word' && !['true', 'false', 'null'].includes(token.value)
  if (!isCall) return readExpression(reader)
  reader.expecting('a literal')
  return reader.fail()
}
