// Why a statement is not carried out, with PostgreSQL's codes. The position is added by whoever has it.
import { nearestName } from '../../nearest-name.ts'
import { ConsoleError, type ConsoleNotice } from '../answer.ts'
import { printName } from '../grammar/print.ts'
import type { ObjectKind } from '../grammar/statement.ts'

export const kindNames: Readonly<Record<ObjectKind, string>> = {
  database: 'database',
  group: 'group',
  'sso integration': 'SSO integration',
  connectivity_pool: 'connectivity pool',
}

export function nameOf(kind: ObjectKind, name: string): string {
  return `${kindNames[kind]} "${name}"`
}

export function alreadyExists(kind: ObjectKind, name: string): string {
  return `${nameOf(kind, name)} already exists`
}

export function doesNotExist(kind: ObjectKind, name: string): string {
  return `${nameOf(kind, name)} does not exist`
}

export function unknown(kind: ObjectKind, name: string, known: readonly string[]): ConsoleError {
  return new ConsoleError({
    sqlstate: '42704',
    message: doesNotExist(kind, name),
    hint: didYouMean(name, known),
  })
}

/** The nearest name, else a few of those that exist. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  if (nearest !== undefined) return `Perhaps you meant ${printName(nearest)}.`
  if (known.length === 0) return 'There are none.'
  const shown = known.slice(0, 8).map(printName).join(', ')
  return `There ${known.length === 1 ? 'is' : 'are'} ${shown}${known.length > 8 ? ', ...' : ''}.`
}

/** Something else would be left without what it needs. */
export function neededBy(
  message: string,
  reasons: readonly string[],
  hint: string | undefined,
): ConsoleError {
  const shown = reasons.slice(0, 20)
  const more = reasons.length - shown.length
  const lines = more > 0 ? [...shown, `and ${more} more`] : shown
  return new ConsoleError({ sqlstate: '2BP01', message, detail: lines.join('\n'), hint })
}

export function notice(message: string, hint?: string): ConsoleNotice {
  return { severity: 'NOTICE', message, hint }
}

export function warning(message: string, hint?: string): ConsoleNotice {
  return { severity: 'WARNING', message, hint }
}
