// The only two ways by which a name gets into the text of a statement.

/** As NAMEDATALEN has it: PostgreSQL cuts a longer one, and means somebody else by what is left. */
const maxNameBytes = 63
/** They forge lines and turn text around, and the statements are shown to people. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/**
 * A name as a quoted identifier, which means that name and nothing else wherever an identifier may stand.
 * Throws where PostgreSQL can have no such name.
 */
export function quoteIdentifier(name: string): string {
  const bytes = Buffer.byteLength(name)
  if (bytes === 0 || bytes > maxNameBytes) {
    throw new Error(`a name has 1 to ${maxNameBytes} bytes, and this one ${bytes}`)
  }
  if (name.includes('\0') || !name.isWellFormed()) {
    throw new Error('a name has a character that PostgreSQL cannot have')
  }
  const quoted = `"${name.replaceAll('"', '""')}"`
  if (name.search(unseen) === -1) return quoted
  // PostgreSQL documentation, 4.1.1: escapes by code point.
  return `U&${quoted.replaceAll('\\', String.raw`\\`).replaceAll(unseen, escapeOf)}`
}

function escapeOf(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0
  return `\\+${codePoint.toString(16).padStart(6, '0')}`
}

/** A name as an expression of type text: as hexadecimal bytes, which neither quotes nor settings change. */
export function nameLiteral(name: string): string {
  const bytes = Buffer.from(name, 'utf8').toString('hex')
  return `pg_catalog.convert_from(pg_catalog.decode('${bytes}', 'hex'), pg_catalog.getdatabaseencoding())`
}
