// One privilege of one role on one object, and the statements that give and take several of them.
import { shownIdentifier } from '../upstream/shown-identifier.ts'
import { type Keyword, keywords } from './privileges.ts'

export type Target =
  | { readonly kind: 'database' }
  | { readonly kind: 'schema'; readonly schema: string }
  | { readonly kind: 'table' | 'sequence'; readonly schema: string; readonly name: string }
  | {
      readonly kind: 'column'
      readonly schema: string
      readonly name: string
      readonly column: string
    }
  | {
      readonly kind: 'routine'
      readonly schema: string
      readonly name: string
      readonly types: Types
    }
  | {
      readonly kind: 'default'
      readonly creator: string
      /** Null: wherever the creator makes something. */
      readonly schema: string | null
      readonly objects: DefaultObjects
    }

/** Types of arguments, each as schema and name. */
type Types = readonly (readonly [string, string])[]

export type DefaultObjects = 'tables' | 'sequences' | 'routines' | 'schemas'

export interface Right {
  readonly target: Target
  readonly privilege: Keyword
}

/** How many objects one statement names at most: it is shown to people. */
const maxObjects = 50

/** Equal for equal rights, and in the order in which they are given. */
export function keyOf({ target, privilege }: Right): string {
  const order = String.fromCharCode(97 + kinds.indexOf(target.kind))
  return order + JSON.stringify([targetKey(target), keywords.indexOf(privilege)])
}

const kinds = ['database', 'schema', 'table', 'column', 'sequence', 'routine', 'default'] as const

function targetKey(target: Target): readonly unknown[] {
  switch (target.kind) {
    case 'database':
      return []
    case 'schema':
      return [target.schema]
    case 'table':
    case 'sequence':
      return [target.schema, target.name]
    case 'column':
      return [target.schema, target.name, target.column]
    case 'routine':
      return [target.schema, target.name, target.types]
    case 'default':
      return [target.creator, target.schema, target.objects]
  }
}

export type Verb = 'grant' | 'revoke' | 'revoke-option'

const verbs: Readonly<Record<Verb, readonly [string, string]>> = {
  grant: ['GRANT', 'TO'],
  revoke: ['REVOKE', 'FROM'],
  'revoke-option': ['REVOKE GRANT OPTION FOR', 'FROM'],
}

/** Objects of one schema with the same privileges share a statement. */
export function writeStatements(
  verb: Verb,
  rights: readonly Right[],
  role: string,
  database: string,
): readonly string[] {
  const sorted = rights.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const byTarget = Map.groupBy(sorted, ({ target }) =>
    JSON.stringify([target.kind, targetKey(target)]),
  )
  const objects = [...byTarget.values()].flatMap((some) => {
    const [first] = some
    if (first === undefined) return []
    const privileges = keywords.filter((one) => some.some(({ privilege }) => privilege === one))
    return [{ target: first.target, privileges }]
  })
  const byStatement = Map.groupBy(objects, ({ target, privileges }) =>
    JSON.stringify([statementKey(target), privileges]),
  )
  return [...byStatement.values()].flatMap((some) =>
    chunks(some, maxObjects).flatMap((chunk) => {
      const [first] = chunk
      if (first === undefined) return []
      const targets = chunk.map(({ target }) => target)
      return [write(verb, first.privileges, targets, role, database)]
    }),
  )
}

function statementKey(target: Target): unknown {
  switch (target.kind) {
    case 'database':
    case 'schema':
      return [target.kind]
    case 'table':
    case 'sequence':
    case 'routine':
      return [target.kind, target.schema]
    case 'column':
    case 'default':
      return [target.kind, targetKey(target)]
  }
}

function write(
  verb: Verb,
  privileges: readonly Keyword[],
  targets: readonly Target[],
  role: string,
  database: string,
): string {
  const [begin, preposition] = verbs[verb]
  const [first] = targets
  const grantee = `${preposition} ${shownIdentifier(role)};`
  const list = privileges.join(', ')
  if (first?.kind === 'column') {
    const columns = privileges.map((one) => `${one} (${shownIdentifier(first.column)})`).join(', ')
    return `${begin} ${columns} ON TABLE ${qualified(first.schema, first.name)} ${grantee}`
  }
  if (first?.kind === 'default') {
    const where = first.schema === null ? '' : ` IN SCHEMA ${shownIdentifier(first.schema)}`
    const forWhom = `ALTER DEFAULT PRIVILEGES FOR ROLE ${shownIdentifier(first.creator)}${where}`
    return `${forWhom} ${begin} ${list} ON ${first.objects.toUpperCase()} ${grantee}`
  }
  const names = targets.map((target) => nameOf(target, database)).join(', ')
  return `${begin} ${list} ON ${(first?.kind ?? '').toUpperCase()} ${names} ${grantee}`
}

function nameOf(target: Target, database: string): string {
  switch (target.kind) {
    case 'database':
      return shownIdentifier(database)
    case 'schema':
      return shownIdentifier(target.schema)
    case 'routine': {
      const types = target.types.map(([schema, name]) => qualified(schema, name)).join(', ')
      return `${qualified(target.schema, target.name)}(${types})`
    }
    case 'table':
    case 'sequence':
      return qualified(target.schema, target.name)
    case 'column':
    case 'default':
      throw new Error(`a ${target.kind} has no name of its own`)
  }
}

function qualified(schema: string, name: string): string {
  return `${shownIdentifier(schema)}.${shownIdentifier(name)}`
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}
