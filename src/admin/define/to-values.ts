// What the file has, as the values of a statement.
import type { Written, WrittenMap } from '../catalog-home.ts'
import type { Properties, Property } from '../grammar/property.ts'
import type { Assignment, Value } from '../grammar/value.ts'
import { isList, isMap, isReference, toLiteral } from './tree.ts'

export interface Assignments {
  readonly assignments: readonly Assignment[]
  /** What a statement cannot say, in words. */
  readonly remarks: readonly string[]
}

/** Secrets are left as the mask. Keys that are no properties of the table are for somebody else to print. */
export function toAssignments(entry: Written, table: Properties): Assignments {
  const remarks: string[] = []
  const assignments: Assignment[] = []
  if (!isMap(entry)) return { assignments, remarks }
  for (const [name, property] of Object.entries(table)) {
    const written = Object.hasOwn(entry, name) ? entry[name] : undefined
    if (written === undefined) continue
    const value = toValue(written, property, name, remarks)
    if (value !== undefined) assignments.push({ name, value })
  }
  return { assignments, remarks }
}

/** undefined for what no statement can say. */
export function toValue(
  written: Written,
  property: Property,
  name: string,
  remarks: string[],
): Value | undefined {
  if (property.isSecret === true) return { kind: 'secret', secret: undefined }
  if (typeof written === 'string') return fromText(written, property, name, remarks)
  if (typeof written === 'number') {
    if (property.kinds.includes('number')) return { kind: 'number', value: written }
    return fromText(String(written), property, name, remarks)
  }
  if (typeof written === 'boolean') {
    if (property.kinds.includes('boolean')) return { kind: 'boolean', value: written }
    return fromText(String(written), property, name, remarks)
  }
  if (isList(written)) {
    const of = property.items ?? anything
    const items = written.map((item) => toValue(item, of, name, remarks))
    return { kind: 'list', items: items.filter((item) => item !== undefined) }
  }
  return isMap(written) ? fromMap(written, property, name, remarks) : undefined
}

const anything: Property = { kinds: ['text', 'number', 'boolean', 'list', 'map'], is: 'value' }

function fromMap(written: WrittenMap, property: Property, name: string, remarks: string[]): Value {
  const entries = Object.entries(written).flatMap(([key, inner]) => {
    const own = property.entries !== undefined && Object.hasOwn(property.entries, key)
    const of = (own ? property.entries[key] : property.each) ?? anything
    const value = toValue(inner, of, `${name}.${key}`, remarks)
    return value === undefined ? [] : [{ key, value }]
  })
  return { kind: 'map', entries }
}

function fromText(
  written: string,
  { kinds }: Property,
  name: string,
  remarks: string[],
): Value | undefined {
  if (isReference(written)) {
    remarks.push(`${name} is a reference in the file, ${onOneLine(written)}`)
    if (!kinds.includes('text')) return undefined
  }
  const text = toLiteral(written)
  if (kinds.includes('text')) return { kind: 'string', value: text }
  if (kinds.includes('boolean') && (text === 'true' || text === 'false')) {
    return { kind: 'boolean', value: text === 'true' }
  }
  if (kinds.includes('number') && /^[+-]?\d{1,15}$/.test(text)) {
    return { kind: 'number', value: Number(text) }
  }
  remarks.push(`${name} is left out: it is written in the file in a way that no statement has`)
  return undefined
}

/** A comment ends where its line does. */
export function onOneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
}
