// Values of a token, of any type, made fit for a message.
import { printable } from '../refusal.ts'

/** An object may bring a `toString` of its own, and an array nest beyond the stack. */
export function shown(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? `(${Array.isArray(value) ? 'array' : 'object'})`
    : printable(String(value))
}

export function quoted(value: unknown): string {
  const values = [value ?? []].flat().map((one) => `"${shown(one)}"`)
  return values.length === 0 ? '(none)' : values.slice(0, 10).join(', ')
}

/** As CockroachDB writes a list in a message. */
export function bracketed(values: readonly unknown[]): string {
  return `[${values.slice(0, 10).map(shown).join(' ')}${values.length > 10 ? ' ...' : ''}]`
}

/** For the log: whose genuine token it was that was refused. */
export function holder({ sub }: { readonly sub?: unknown }): string {
  return `sub ${shown(sub)}`
}

/** ECMAScript's last point in time: a claim beyond it is that, and not an invalid date. */
const lastMs = 8.64e15

export function toDate(seconds: number): Date {
  return new Date(Math.max(Math.min(seconds * 1_000, lastMs), -lastMs))
}

/** The names of one principal as one text, for logs, the audit and messages. */
export function listed(names: readonly string[]): string {
  const first = names.slice(0, 5).join(', ')
  return names.length > 5 ? `${first}, ...` : first
}
