// A text in the keyring of the system, in as many entries as its limit makes necessary.
import { randomBytes } from 'node:crypto'

/** What a keyring does: one short text under one name. */
export interface Entries {
  get(name: string): string | undefined
  set(name: string, text: string): void
  remove(name: string): void
}

/** A head says how many parts there are, and of which writing: `<tag>.<parts>.<text where there are none>`. */
const headPattern = /^([0-9a-f]{8})\.(\d{1,3})\.([A-Za-z0-9_-]*)$/
const headLength = 13
const mostParts = 400

/** Undefined where there is none, or where it is not whole. */
export function readText(entries: Entries, name: string): string | undefined {
  const head = headIn(entries.get(name))
  if (head === undefined) return undefined
  const parts = partNames(name, head).map((part) => entries.get(part))
  if (parts.includes(undefined)) return undefined
  return Buffer.from(parts.length === 0 ? head.text : parts.join(''), 'base64url').toString('utf8')
}

/** The parts are there before the head is replaced: whoever is killed meanwhile leaves what was there before. */
export function writeText(entries: Entries, name: string, text: string, longest: number): void {
  const before = headIn(entries.get(name))
  const coded = Buffer.from(text).toString('base64url')
  const tag = randomBytes(4).toString('hex')
  const parts = headLength + coded.length <= longest ? [] : cut(coded, longest)
  if (parts.length > mostParts) throw new Error('too long for the keyring')
  const names = partNames(name, { tag, parts: parts.length })
  names.forEach((part, index) => {
    entries.set(part, parts[index] ?? '')
  })
  entries.set(name, `${tag}.${parts.length}.${parts.length === 0 ? coded : ''}`)
  if (before !== undefined) for (const part of partNames(name, before)) entries.remove(part)
}

export function removeText(entries: Entries, name: string): void {
  const head = headIn(entries.get(name))
  entries.remove(name)
  if (head !== undefined) for (const part of partNames(name, head)) entries.remove(part)
}

interface Head {
  readonly tag: string
  readonly parts: number
}

function headIn(text: string | undefined): (Head & { readonly text: string }) | undefined {
  const [, tag, parts, rest] = headPattern.exec(text ?? '') ?? []
  if (tag === undefined || parts === undefined || rest === undefined) return undefined
  return Number(parts) <= mostParts ? { tag, parts: Number(parts), text: rest } : undefined
}

function partNames(name: string, { tag, parts }: Head): readonly string[] {
  return Array.from({ length: parts }, (_, index) => `${name}.${tag}.${index}`)
}

function cut(text: string, length: number): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, index) =>
    text.slice(index * length, (index + 1) * length),
  )
}
