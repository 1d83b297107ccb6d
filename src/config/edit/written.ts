// A configuration file as plain values, before anything is put into it.
import { isDeepStrictEqual } from 'node:util'
import { readTree } from '../read-tree.ts'
import { EditRefused } from './edit-refused.ts'

export type Written = string | number | boolean | null | readonly Written[] | WrittenMap
export interface WrittenMap {
  readonly [key: string]: Written
}

export type WrittenPath = readonly (string | number)[]

export type WrittenEdit =
  | {
      readonly kind: 'set'
      readonly path: WrittenPath
      readonly value: Written
      /** The value is as it would stand in the file: references in it are references. */
      readonly isWritten?: boolean
    }
  | { readonly kind: 'remove'; readonly path: WrittenPath }

/** Throws where the text is no YAML, which the text of a configuration in use never is. */
export function readWritten(text: string): WrittenMap {
  const { value } = readTree(text)
  if (value === undefined) throw new EditRefused('the file is no YAML')
  if (value === null) return {}
  // A mapping of YAML has text for its keys, and of this schema no other values than these.
  if (isMapping(value as Written)) return value as WrittenMap
  throw new EditRefused('the file is no mapping')
}

export function isMapping(value: Written | undefined): value is WrittenMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isSame(one: Written | undefined, other: Written | undefined): boolean {
  return isDeepStrictEqual(one, other)
}

/** As it has to be written to be read as this text. */
export function literally(value: Written): Written {
  if (typeof value === 'string') return value.replaceAll('${', () => '$${')
  if (isList(value)) return value.map(literally)
  if (!isMapping(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, literally(inside)]))
}

export function isList(value: Written | undefined): value is readonly Written[] {
  return Array.isArray(value)
}

export function valueAt(tree: Written, path: WrittenPath): Written | undefined {
  let at: Written | undefined = tree
  for (const step of path) {
    if (isList(at) && typeof step === 'number') at = at[step]
    else if (isMapping(at) && Object.hasOwn(at, String(step))) at = at[String(step)]
    else return undefined
  }
  return at
}

/** The tree with the edit in it; what is not concerned is the same object as before. */
export function applyToTree(tree: WrittenMap, edit: WrittenEdit): WrittenMap {
  const value =
    edit.kind === 'remove' || edit.isWritten === true ? undefined : literally(edit.value)
  const wanted = edit.kind === 'set' ? (value ?? edit.value) : undefined
  const changed = applyAt(tree, edit.path, wanted)
  if (isMapping(changed)) return changed
  throw new EditRefused('the whole file cannot be taken away')
}

/** Undefined: it is taken away. */
function applyAt(
  at: Written | undefined,
  path: WrittenPath,
  value: Written | undefined,
): Written | undefined {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (step === '__proto__') throw new EditRefused('"__proto__" may not be used as a name')
  if (typeof step === 'number') return applyToList(at, step, rest, value)
  if (at !== undefined && at !== null && !isMapping(at)) throw notThere('a mapping')
  const before = at ?? {}
  const inside = Object.hasOwn(before, step) ? before[step] : undefined
  if (inside === undefined && value === undefined) throw notThere(`"${step}"`)
  const changed = applyAt(inside, rest, value)
  if (changed !== undefined) return { ...before, [step]: changed }
  return Object.fromEntries(Object.entries(before).filter(([key]) => key !== step))
}

function applyToList(
  at: Written | undefined,
  index: number,
  rest: WrittenPath,
  value: Written | undefined,
): Written {
  if (at !== undefined && at !== null && !isList(at)) throw notThere('a list')
  const before = at ?? []
  const isAppended = index === before.length && value !== undefined
  if (!isAppended && before[index] === undefined) throw notThere(`entry ${index + 1}`)
  const changed = applyAt(before[index], rest, value)
  return [
    ...before.slice(0, index),
    ...(changed === undefined ? [] : [changed]),
    ...before.slice(index + 1),
  ]
}

function notThere(what: string): EditRefused {
  return new EditRefused(`${what} is not there`)
}
