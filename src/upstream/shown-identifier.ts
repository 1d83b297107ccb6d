import { quoteIdentifier } from './quote-sql.ts'

/** They forge lines and turn text around. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/**
 * A name in quotes for a statement that people read before it runs: what cannot be seen is written by its
 * code point (PostgreSQL documentation, 4.1.1). Throws `Unquotable` where PostgreSQL can have no such name.
 */
export function shownIdentifier(name: string): string {
  const quoted = quoteIdentifier(name)
  if (quoted.search(unseen) === -1) return quoted
  return `U&${quoted.replaceAll('\\', String.raw`\\`).replaceAll(unseen, escapeOf)}`
}

function escapeOf(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0
  return `\\+${codePoint.toString(16).padStart(6, '0')}`
}
