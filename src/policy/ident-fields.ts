// The lexical rules that pg_ident.conf shares with pg_hba.conf (PostgreSQL documentation, 20.1).

export interface LogicalLine {
  /** Counted from 1: the first of the lines that it was written on. */
  readonly number: number
  readonly text: string
}

export interface Field {
  readonly text: string
  /** Whether it begins with a quote, which takes the special meaning from `all`, `+` and `@`. */
  readonly isQuoted: boolean
}

/** Joins lines that end with a backslash to the next one, also inside quotes and comments. */
export function* readLogicalLines(text: string): Generator<LogicalLine> {
  let begun: { number: number; text: string } | undefined
  for (const [index, source] of text.split('\n').entries()) {
    const line = source.replace(/\r+$/, '')
    const { number, text: before } = begun ?? { number: index + 1, text: '' }
    // Only a backslash of this line continues it, not one that joining has brought to its end.
    if (line.endsWith('\\')) {
      begun = { number, text: before + line.slice(0, -1) }
    } else {
      yield { number, text: before + line }
      begun = undefined
    }
  }
  if (begun !== undefined) yield begun
}

/**
 * Splits a line at its blanks. A double quote begins and ends a stretch in which blanks, commas and `#`
 * mean themselves, anywhere in a field, and two of them there are one; `#` outside ends the line.
 */
export function readFields(line: string): Field[] {
  const fields: Field[] = []
  let field: Field | undefined
  let isInQuotes = false
  let endedQuote = false
  for (const character of line) {
    if (character === '"') {
      field ??= { text: '', isQuoted: true }
      if (isInQuotes) endedQuote = true
      else if (endedQuote) field = { ...field, text: `${field.text}"` }
      isInQuotes = !isInQuotes
      continue
    }
    endedQuote = false
    if (!isInQuotes) {
      if (character === '#') break
      if (character === ',') throw new Error('a field takes one value; quote a comma')
      if (/[ \t\r]/.test(character)) {
        if (field !== undefined) fields.push(field)
        field = undefined
        continue
      }
    }
    field ??= { text: '', isQuoted: false }
    field = { ...field, text: field.text + character }
  }
  if (isInQuotes) throw new Error('unterminated quote')
  if (field !== undefined) fields.push(field)
  return fields
}
