import type { Cell, Column, ColumnType, ConsoleNotice } from '../answer.ts'
import type { ConsoleFleet } from '../console-fleet.ts'

export type Row = readonly Cell[]

export interface Shown {
  readonly rows: readonly Row[]
  /** Processes that did not say what they have. */
  readonly unanswered?: number | undefined
  /** How many rows there are, where they are not all here. */
  readonly total?: number | undefined
  readonly notices?: readonly ConsoleNotice[] | undefined
}

/** Something to show. The columns are known before anybody is asked. */
export interface Topic {
  readonly columns: readonly Column[]
  /** `limit` rows are enough. */
  readonly show: (fleet: ConsoleFleet, limit: number) => Shown | Promise<Shown>
}

/** Columns in their order; those without a type are text. */
export function columns(
  ...named: readonly (string | readonly [name: string, type: ColumnType])[]
): readonly Column[] {
  return named.map((one) =>
    typeof one === 'string' ? { name: one, type: 'text' } : { name: one[0], type: one[1] },
  )
}

/** As PgBouncer writes a moment. */
export function moment(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** Milliseconds of a timestamptz from a text of ISO 8601. */
export function milliseconds(iso: string | undefined): number | null {
  return iso === undefined ? null : Date.parse(iso)
}
