import type { ConsoleNotice } from '../answer.ts'
import type { CatalogEdit } from '../catalog-home.ts'
import type { DefinitionStatement, SettingStatement } from '../grammar/statement.ts'

export interface Plan {
  readonly edits: readonly CatalogEdit[]
  readonly notices: readonly ConsoleNotice[]
}

export type ChangingStatement =
  | DefinitionStatement
  | Extract<SettingStatement, { kind: 'set cluster setting' | 'reset cluster setting' }>

/** The statement of that kind. */
export type Of<K extends ChangingStatement['kind']> = WithKind<ChangingStatement, K>

type WithKind<S extends ChangingStatement, K> = S extends { readonly kind: infer Kinds }
  ? K extends Kinds
    ? S
    : never
  : never

export const nothing: Plan = { edits: [], notices: [] }
