// What the console says to a statement: data, so that it can cross a channel between processes.

/** Types of PostgreSQL, by their names in pg_type. */
export type ColumnType =
  'text' | 'bool' | 'int4' | 'int8' | 'float8' | 'timestamptz' | 'jsonb' | 'text[]'

export interface Column {
  readonly name: string
  readonly type: ColumnType
}

/** A timestamptz is milliseconds since 1970, jsonb is its text. */
export type Cell = string | number | bigint | boolean | readonly string[] | null

export interface Table {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Cell[])[]
}

export interface ConsoleNotice {
  readonly severity: 'NOTICE' | 'WARNING'
  readonly message: string
  readonly detail?: string | undefined
  readonly hint?: string | undefined
}

export interface Answer {
  /** Of CommandComplete, such as `CREATE GROUP`. */
  readonly tag: string
  readonly table?: Table | undefined
  readonly notices?: readonly ConsoleNotice[] | undefined
}

export interface ConsoleFault {
  readonly sqlstate: string
  readonly message: string
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  /** In characters of the whole text, from 1 on. */
  readonly position?: number | undefined
}

/** A statement that is not carried out, for a reason that is told to whoever sent it. */
export class ConsoleError extends Error {
  override readonly name = 'ConsoleError'
  readonly fault: ConsoleFault

  constructor(fault: ConsoleFault, options?: ErrorOptions) {
    super(fault.message, options)
    this.fault = fault
  }
}
