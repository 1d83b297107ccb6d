/** What kind of value a property takes, before the catalog looks at the value itself. */
export type PropertyKind = 'text' | 'number' | 'boolean' | 'list' | 'map'

export interface Property {
  readonly kinds: readonly PropertyKind[]
  /** In words, for an error. */
  readonly is: string
  readonly isSecret?: true
  /** The only texts that it takes. */
  readonly words?: readonly string[]
  /** Of a list. */
  readonly items?: Property
  /** Of a map with keys of its own. */
  readonly entries?: Properties
  /** Of a map whose keys somebody chose. */
  readonly each?: Property
}

export type Properties = Readonly<Record<string, Property>>
