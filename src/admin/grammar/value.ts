import type { Secret } from './secret.ts'

export interface StringValue {
  readonly kind: 'string'
  readonly value: string
}

export interface NumberValue {
  readonly kind: 'number'
  readonly value: number
}

export interface BooleanValue {
  readonly kind: 'boolean'
  readonly value: boolean
}

export interface NullValue {
  readonly kind: 'null'
}

export interface ListValue {
  readonly kind: 'list'
  readonly items: readonly Value[]
}

export interface MapValue {
  readonly kind: 'map'
  /** In the order in which they were written; no key twice. */
  readonly entries: readonly MapEntry[]
}

export interface MapEntry {
  readonly key: string
  readonly value: Value
}

export interface SecretValue {
  readonly kind: 'secret'
  /** undefined is the mask itself, as SHOW CREATE prints it: the statement does not tell the secret. */
  readonly secret: Secret | undefined
}

/** `$1`: a parameter of the extended protocol. `bind` puts a value in its place. */
export interface Placeholder {
  readonly kind: 'placeholder'
  readonly number: number
  readonly of: 'text' | 'count' | 'secret'
}

export type Value =
  StringValue | NumberValue | BooleanValue | ListValue | MapValue | SecretValue | Placeholder

export type Text = StringValue | Placeholder

export interface Assignment {
  readonly name: string
  readonly value: Value
}
