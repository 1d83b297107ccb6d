// The values of a statement as edits of what stands in the file. What is the same there already is left alone,
// with its comments and its references.
import { ConsoleError } from '../answer.ts'
import type { CatalogEdit, CatalogPath, Written, WrittenMap } from '../catalog-home.ts'
import { mask } from '../grammar/secret.ts'
import type { Properties, Property } from '../grammar/property.ts'
import type { Assignment, Value } from '../grammar/value.ts'
import { isList, isMap, isReference, toLiteral } from './tree.ts'

/** A secret that a statement does not tell: the one that is there stays. */
const kept = Symbol('kept')

type Wanted = string | number | boolean | typeof kept | readonly Wanted[] | WantedMap
interface WantedMap {
  readonly [key: string]: Wanted
}

export interface Assigned {
  readonly edits: readonly CatalogEdit[]
  /** Properties with a text that looks like a reference, and is none. */
  readonly lookalikes: readonly string[]
}

/** What it takes for the place, where `present` is, to have these properties; others stay as they are. */
export function assign(
  assignments: readonly Assignment[],
  table: Properties,
  present: Written | undefined,
  path: CatalogPath,
): Assigned {
  const lookalikes: string[] = []
  const edits = assignments.flatMap(({ name, value }) => {
    const wanted = toWanted(value, name, table[name])
    const there = isMap(present) && Object.hasOwn(present, name) ? present[name] : undefined
    const changes = [...changed(wanted, there, [...path, name], name)]
    if (changes.some((edit) => edit.kind === 'set' && looksLikeReference(edit.value))) {
      lookalikes.push(name)
    }
    return changes
  })
  return { edits, lookalikes }
}

/** The properties of something new. */
export function toWritten(
  assignments: readonly Assignment[],
  table: Properties,
): { readonly value: WrittenMap; readonly lookalikes: readonly string[] } {
  const entries = assignments.map(({ name, value }) => {
    const wanted = toWanted(value, name, table[name])
    return [name, revealed(wanted, name)] as const
  })
  const lookalikes = entries.filter(([, value]) => looksLikeReference(value)).map(([name]) => name)
  return { value: Object.fromEntries(entries), lookalikes }
}

/** Whether a participant has all of these properties. */
export function hasProperties(
  participant: Written,
  assignments: readonly Assignment[],
  table: Properties,
): boolean {
  return assignments.every(({ name, value }) => {
    const there = isMap(participant) && Object.hasOwn(participant, name) && participant[name]
    const wanted = toWanted(value, name, table[name])
    if (typeof there === 'object' || typeof wanted === 'object') return false
    return String(typeof there === 'string' ? toLiteral(there) : there) === String(wanted)
  })
}

function toWanted(value: Value, name: string, property: Property | undefined): Wanted {
  switch (value.kind) {
    case 'string':
      return fromText(value.value, name, property)
    case 'number':
    case 'boolean':
      return value.value
    case 'secret': {
      const text = value.secret?.reveal()
      return text === undefined || text === mask ? kept : text
    }
    case 'list':
      return value.items.map((item) => toWanted(item, name, property?.items))
    case 'map':
      return toWantedMap(
        value.entries.map(({ key, value: inner }) => {
          const innerProperty =
            property?.entries && Object.hasOwn(property.entries, key)
              ? property.entries[key]
              : property?.each
          return [key, toWanted(inner, key, innerProperty)]
        }),
      )
    case 'placeholder':
      throw new ConsoleError({
        sqlstate: '42P02',
        message: `there is no parameter $${value.number}`,
      })
  }
}

/** A mapping may have any key, `__proto__` too. */
function toWantedMap(entries: readonly (readonly [string, Wanted])[]): WantedMap {
  return Object.fromEntries(entries)
}

/** A parameter is text even where a number, true or false is wanted. */
function fromText(text: string, name: string, property: Property | undefined): Wanted {
  const kinds = property?.kinds ?? ['text']
  if (kinds.includes('text')) return text
  const word = text.toLowerCase()
  if (kinds.includes('number') && /^[+-]?\d{1,15}(?:\.\d{1,15})?$/.test(text)) return Number(text)
  if (kinds.includes('boolean') && (word === 'true' || word === 'on')) return true
  if (kinds.includes('boolean') && (word === 'false' || word === 'off')) return false
  throw new ConsoleError({
    sqlstate: '22023',
    message: `invalid value for "${name}"`,
    hint: `The kind of ${name} is ${property?.is ?? 'text'}.`,
  })
}

function* changed(
  wanted: Wanted,
  there: Written | undefined,
  path: CatalogPath,
  name: string,
): Generator<CatalogEdit> {
  if (wanted === kept) {
    if (there === undefined || there === null) throw secretMissing(name)
  } else if (isWantedList(wanted) && isList(there)) {
    yield* changedList(wanted, there, path, name)
  } else if (isWantedMap(wanted) && isMap(there)) {
    yield* changedMap(wanted, there, path, name)
  } else if (!isSame(wanted, there)) {
    yield { kind: 'set', path, value: revealed(wanted, name) }
  }
}

function* changedMap(
  wanted: WantedMap,
  there: WrittenMap,
  path: CatalogPath,
  name: string,
): Generator<CatalogEdit> {
  for (const key of Object.keys(there)) {
    if (!Object.hasOwn(wanted, key)) yield { kind: 'remove', path: [...path, key] }
  }
  for (const [key, value] of Object.entries(wanted)) {
    const present = Object.hasOwn(there, key) ? there[key] : undefined
    yield* changed(value, present, [...path, key], `${name}.${key}`)
  }
}

function* changedList(
  wanted: readonly Wanted[],
  there: readonly Written[],
  path: CatalogPath,
  name: string,
): Generator<CatalogEdit> {
  // An empty list is written anew: some readers of YAML take the rest of one for nothing at all.
  if (wanted.length === 0) {
    if (there.length > 0) yield { kind: 'set', path, value: [] }
    return
  }
  for (const [index, value] of wanted.entries()) {
    yield* changed(value, there[index], [...path, index], name)
  }
  for (let index = there.length - 1; index >= wanted.length; index--) {
    yield { kind: 'remove', path: [...path, index] }
  }
}

function isSame(wanted: Wanted, there: Written | undefined): boolean {
  return typeof there === 'string' ? toLiteral(there) === wanted : there === wanted
}

/** For a place where something else stands, or nothing. */
function revealed(wanted: Wanted, name: string): Written {
  if (wanted === kept) throw secretMissing(name)
  if (isWantedList(wanted)) return wanted.map((item) => revealed(item, name))
  if (!isWantedMap(wanted)) return wanted
  return Object.fromEntries(
    Object.entries(wanted).map(([key, value]) => [key, revealed(value, `${name}.${key}`)]),
  )
}

function secretMissing(name: string): ConsoleError {
  return new ConsoleError({
    sqlstate: '22023',
    message: `the secret of "${name}" is missing`,
    hint: `'${mask}' keeps the secret that is there, and there is none yet: write the secret itself.`,
  })
}

function isWantedList(wanted: Wanted): wanted is readonly Wanted[] {
  return Array.isArray(wanted)
}

function isWantedMap(wanted: Wanted): wanted is WantedMap {
  return typeof wanted === 'object' && !isWantedList(wanted)
}

function looksLikeReference(value: Written): boolean {
  if (typeof value === 'string') return isReference(value) && /\$\{(?:env|file):/.test(value)
  if (isList(value)) return value.some(looksLikeReference)
  return isMap(value) && Object.values(value).some(looksLikeReference)
}
