// SELECT of literals and of the few functions that there are.
import { type Cell, type Column, type ColumnType, ConsoleError, type Table } from '../answer.ts'
import type { selectFunctions } from '../grammar/read-select.ts'
import type { SelectExpression, SelectItem } from '../grammar/statement.ts'

type FunctionName = (typeof selectFunctions)[number]

/** What functions tell of the session. */
export interface SelectFacts {
  readonly user: string
  readonly database: string
  readonly version: string
  readonly processId: number
  readonly clientAddress: string | null
  readonly serverAddress: string | null
  readonly serverPort: number | null
  readonly nowMs: number
  readonly setting: (name: string) => string
}

interface Function {
  readonly type: ColumnType
  readonly arguments: number
  readonly value: (facts: SelectFacts, argument: string) => Cell
}

const functions: Readonly<Record<FunctionName, Function>> = {
  current_catalog: { type: 'text', arguments: 0, value: ({ database }) => database },
  current_database: { type: 'text', arguments: 0, value: ({ database }) => database },
  current_role: { type: 'text', arguments: 0, value: ({ user }) => user },
  current_schema: { type: 'text', arguments: 0, value: () => null },
  current_setting: { type: 'text', arguments: 1, value: ({ setting }, name) => setting(name) },
  current_user: { type: 'text', arguments: 0, value: ({ user }) => user },
  inet_client_addr: { type: 'text', arguments: 0, value: (facts) => facts.clientAddress },
  inet_server_addr: { type: 'text', arguments: 0, value: (facts) => facts.serverAddress },
  inet_server_port: { type: 'int4', arguments: 0, value: ({ serverPort }) => serverPort },
  now: { type: 'timestamptz', arguments: 0, value: ({ nowMs }) => nowMs },
  pg_backend_pid: { type: 'int4', arguments: 0, value: ({ processId }) => processId },
  pg_is_in_recovery: { type: 'bool', arguments: 0, value: () => false },
  session_user: { type: 'text', arguments: 0, value: ({ user }) => user },
  user: { type: 'text', arguments: 0, value: ({ user }) => user },
  version: { type: 'text', arguments: 0, value: ({ version }) => version },
}

/** The types behind `::`, by all their names. */
const types: Readonly<Record<string, ColumnType>> = {
  text: 'text',
  varchar: 'text',
  name: 'text',
  bool: 'bool',
  boolean: 'bool',
  int: 'int4',
  int4: 'int4',
  integer: 'int4',
  int8: 'int8',
  bigint: 'int8',
  float8: 'float8',
}

export function selectColumns(items: readonly SelectItem[]): readonly Column[] {
  return items.map((item) => ({ name: nameOf(item), type: typeOf(item) }))
}

export function select(items: readonly SelectItem[], facts: SelectFacts): Table {
  const columns = selectColumns(items)
  const row = items.map(({ expression }, index) =>
    cast(valueOf(expression, facts), columns[index]?.type ?? 'text'),
  )
  return { columns, rows: [row] }
}

function nameOf({ expression, type, alias }: SelectItem): string {
  if (alias !== undefined) return alias
  if (expression.kind === 'call') return expression.function
  return type === undefined ? '?column?' : (bareType(type) ?? type)
}

function typeOf({ expression, type }: SelectItem): ColumnType {
  if (type !== undefined) return namedType(type)
  switch (expression.kind) {
    case 'string':
    case 'placeholder':
    case 'null':
      return 'text'
    case 'boolean':
      return 'bool'
    case 'number':
      return typeOfNumber(expression.value)
    case 'call':
      return functionOf(expression).type
  }
}

function typeOfNumber(value: number): ColumnType {
  if (!Number.isSafeInteger(value)) return 'float8'
  return value === (value | 0) ? 'int4' : 'int8'
}

function bareType(name: string): string | undefined {
  return /^(?:pg_catalog\.)?(\w+)$/.exec(name)?.[1]
}

function namedType(name: string): ColumnType {
  const bare = bareType(name) ?? ''
  const type = Object.hasOwn(types, bare) ? types[bare] : undefined
  if (type !== undefined) return type
  throw new ConsoleError({
    sqlstate: '42704',
    message: 'the console has no such type',
    hint: `It has ${Object.keys(types).join(', ')}. SHOW HELP lists its statements.`,
  })
}

type Call = Extract<SelectExpression, { readonly kind: 'call' }>

function functionOf({ function: name, arguments: given }: Call): Function {
  const found = Object.hasOwn(functions, name) ? functions[name as FunctionName] : undefined
  if (found?.arguments === given.length) return found
  throw new ConsoleError({
    sqlstate: '42883',
    message: `function ${name} does not take ${given.length} arguments`,
    hint: 'SHOW HELP lists the statements of this console.',
  })
}

function valueOf(expression: SelectExpression, facts: SelectFacts): Cell {
  switch (expression.kind) {
    case 'string':
    case 'number':
    case 'boolean':
      return expression.value
    case 'null':
      return null
    case 'placeholder':
      throw new ConsoleError({
        sqlstate: '42P02',
        message: `there is no parameter $${expression.number}`,
      })
    case 'call': {
      const [argument] = expression.arguments
      const text = argument === undefined ? '' : String(valueOf(argument, facts))
      return functionOf(expression).value(facts, text)
    }
  }
}

function cast(value: Cell, type: ColumnType): Cell {
  if (value === null) return null
  switch (type) {
    case 'text':
      return typeof value === 'boolean' ? (value ? 'true' : 'false') : String(value)
    case 'bool':
      return typeof value === 'boolean' ? value : toBoolean(String(value))
    case 'int4':
    case 'int8':
      return toInteger(value, type)
    case 'float8':
      return toNumber(String(value))
    default:
      return value
  }
}

function toBoolean(text: string): boolean {
  if (/^\s*(?:t|true|y|yes|on|1)\s*$/i.test(text)) return true
  if (/^\s*(?:f|false|n|no|off|0)\s*$/i.test(text)) return false
  throw invalid('boolean')
}

function toInteger(value: Cell, type: 'int4' | 'int8'): Cell {
  const text = String(value).trim()
  if (!/^[+-]?\d{1,19}$/.test(text)) throw invalid(type === 'int4' ? 'integer' : 'bigint')
  const integer = BigInt(text)
  if (BigInt.asIntN(type === 'int4' ? 32 : 64, integer) === integer) return integer
  throw new ConsoleError({
    sqlstate: '22003',
    message: `value is out of range for type ${type === 'int4' ? 'integer' : 'bigint'}`,
  })
}

function toNumber(text: string): number {
  const number = text.trim() === '' ? NaN : Number(text)
  if (!Number.isNaN(number)) return number
  throw invalid('double precision')
}

function invalid(type: string): ConsoleError {
  return new ConsoleError({ sqlstate: '22P02', message: `invalid input syntax for type ${type}` })
}
