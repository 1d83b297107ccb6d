// The only way by which a name or a text becomes a part of SQL: PostgreSQL takes no parameters in
// statements about roles. Whoever uses it speaks to a session whose `client_encoding` is UTF8 or
// SQL_ASCII: in other encodings a quote may be the second byte of a character.

/** PostgreSQL cuts a longer name, and what is left of it may be somebody else's. */
const maxIdentifierBytes = 63

/** Cannot be said to PostgreSQL as what it is. */
export class Unquotable extends Error {
  override readonly name = 'Unquotable'
}

/** A name in quotes, in which nothing but the quote means more than itself. */
export function quoteIdentifier(name: string): string {
  checkText(name)
  const bytes = Buffer.byteLength(name)
  if (bytes === 0 || bytes > maxIdentifierBytes) {
    throw new Unquotable(`a name has 1 to ${maxIdentifierBytes} bytes, and this one ${bytes}`)
  }
  return `"${name.replaceAll('"', '""')}"`
}

/** A text as one literal, whatever `standard_conforming_strings` is. */
export function quoteLiteral(text: string): string {
  checkText(text)
  const quoted = `'${text.replaceAll("'", "''")}'`
  // The blank keeps the E from becoming a part of what stands in front.
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}

function checkText(text: string): void {
  if (text.includes('\0')) throw new Unquotable('PostgreSQL has no text with a NUL')
  // Half of a pair would be sent as another character, which other names may have as well.
  if (!text.isWellFormed()) throw new Unquotable('it is no text: half of a character is missing')
}
