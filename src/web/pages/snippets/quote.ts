// How a value is written in each of the languages that clients are configured in. Whatever is in it, it stays
// one value, and the same.

/** For a POSIX shell. */
export function shellQuoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}

/** A value of a connection string of libpq, `keyword=value`. */
export function conninfoQuoted(value: string): string {
  if (/^[\w@%+:,./*-]+$/.test(value)) return value
  return `'${value.replaceAll(/['\\]/g, (one) => `\\${one}`)}'`
}

/** For any part of a URL; blanks and plus signs too, which not all read in the same way. */
export function urlEncoded(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** A field of a passfile; undefined where none can hold it, since a line ends where it ends. */
export function passfileEscaped(value: string): string | undefined {
  if (/[\r\n\0]/.test(value)) return undefined
  // Alone it would be for anything.
  if (value === '*') return '\\*'
  return value.replaceAll(/[:\\]/g, (one) => `\\${one}`)
}

/** A value of a connection string of .NET. */
export function dotnetQuoted(value: string): string {
  return /^[\w@%+:,./*-]+$/.test(value) ? value : `"${value.replaceAll('"', '""')}"`
}

/** A literal of Python. */
export function pythonLiteral(value: string): string {
  return literal(value, longUnicode)
}

/** A literal of Go, interpreted. */
export function goLiteral(value: string): string {
  return literal(value.toWellFormed(), longUnicode)
}

/** A literal of JavaScript. */
export function javascriptLiteral(value: string): string {
  return literal(value, (point) => `\\u{${point.toString(16)}}`)
}

const named: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

/** What is not seen, or turns other text around, is written by its number. */
function literal(value: string, escaped: (point: number) => string): string {
  const body = Array.from(value, (one) => {
    const short = named[one]
    if (short !== undefined) return short
    return /^[\p{L}\p{N}\p{P}\p{S} ]$/u.test(one) ? one : escaped(one.codePointAt(0) ?? 0)
  })
  return `"${body.join('')}"`
}

function longUnicode(point: number): string {
  const hex = point.toString(16)
  return point > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`
}
