// Text to tokens, as PostgreSQL's lexer has it with standard_conforming_strings on. No pattern here
// backtracks: the time is in proportion to the text.
import { type Keyword, keywordOf } from './keywords.ts'
import type { Meter } from './limits.ts'
import { positionOf, sqlstates, StatementError } from './statement-error.ts'
import { type EscapeFault, readEscapes, readUnicodeEscapes } from './string-escapes.ts'

interface Span {
  readonly start: number
  readonly end: number
}

export type Token = Span &
  (
    | { readonly kind: 'word'; readonly value: string; readonly keyword: Keyword | undefined }
    | { readonly kind: 'quoted'; readonly value: string }
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'number'; readonly value: number }
    | { readonly kind: 'parameter'; readonly value: number }
    | { readonly kind: 'symbol'; readonly value: string }
    | { readonly kind: 'end' }
  )

const blanks = /[ \t\n\r\f\v]+/y
const word = /[\p{L}_][\p{L}\p{M}\p{N}_$]*/uy
const number = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const parameter = /\$\d+/y
const dollarTag = /\$(?:[\p{L}_][\p{L}\p{M}\p{N}_]*)?\$/uy
const restOfLine = /[^\n\r]*/y
const twoCharacters = ['::', ':=']
const mostParameters = 65_535

export class Lexer {
  readonly #text: string
  readonly #meter: Meter
  #at = 0

  constructor(text: string, meter: Meter) {
    this.#text = text
    this.#meter = meter
  }

  next(): Token {
    this.#skip()
    const start = this.#at
    const token = this.#read(start)
    this.#at = token.end
    this.#meter.steps += token.end - start + 1
    return token
  }

  #read(start: number): Token {
    const text = this.#text
    const first = text[start]
    if (first === undefined) return { kind: 'end', start, end: start }
    if (first === "'") return this.#string(start)
    if (first === '"') return this.#quoted(start)
    if (first === '$') return this.#dollar(start)
    const digits = this.#match(number, start)
    if (digits !== undefined) return this.#number(start, digits)
    const letters = this.#match(word, start)
    if (letters !== undefined) return this.#word(start, letters)
    const pair = text.slice(start, start + 2)
    const symbol = twoCharacters.includes(pair)
      ? pair
      : String.fromCodePoint(codePointAt(text, start))
    return { kind: 'symbol', value: symbol, start, end: start + symbol.length }
  }

  #word(start: number, letters: string): Token {
    const text = this.#text
    const next = text[start + letters.length]
    const prefix = letters.toLowerCase()
    if (next === "'" && prefix === 'e') return this.#escapeString(start)
    if (next === '&' && prefix === 'u') {
      const quote = text[start + 2]
      if (quote === "'" || quote === '"') return this.#unicode(start, quote)
    }
    const value = folded(letters)
    return { kind: 'word', value, keyword: keywordOf(value), start, end: start + letters.length }
  }

  #number(start: number, digits: string): Token {
    const end = start + digits.length
    if (this.#match(word, end) !== undefined) {
      throw this.#fault(start, sqlstates.syntax, 'trailing junk after numeric literal', quotesHint)
    }
    const value = Number(digits)
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      const hint = 'Put it in quotes, if it is no number to count with.'
      throw this.#fault(start, sqlstates.outOfRange, 'number is out of range', hint)
    }
    return { kind: 'number', value, start, end }
  }

  #dollar(start: number): Token {
    const text = this.#text
    const written = this.#match(parameter, start)
    if (written !== undefined) {
      const value = Number(written.slice(1))
      if (value < 1 || value > mostParameters) {
        const hint = `Parameters are $1 to $${mostParameters}.`
        throw this.#fault(start, sqlstates.syntax, 'there is no such parameter', hint)
      }
      return { kind: 'parameter', value, start, end: start + written.length }
    }
    const tag = this.#match(dollarTag, start)
    if (tag === undefined) return { kind: 'symbol', value: '$', start, end: start + 1 }
    const close = text.indexOf(tag, start + tag.length)
    if (close === -1) throw this.#unterminated(start, 'dollar-quoted string', '$', 'the same $tag$')
    const value = text.slice(start + tag.length, close)
    return { kind: 'string', value, start, end: close + tag.length }
  }

  /** Of strings with nothing but blanks and a newline in between, the second continues the first. */
  #string(start: number): Token {
    const pieces: string[] = []
    let end = start
    for (let open: number | undefined = start; open !== undefined; open = this.#continued(end)) {
      end = this.#closing(open, "'", 'string')
      pieces.push(this.#text.slice(open + 1, end - 1).replaceAll("''", "'"))
    }
    return { kind: 'string', value: pieces.join(''), start, end }
  }

  #continued(end: number): number | undefined {
    const between = this.#match(blanks, end)
    if (between === undefined || !/[\n\r]/.test(between)) return undefined
    this.#meter.steps += between.length
    const next = end + between.length
    return this.#text[next] === "'" ? next : undefined
  }

  #quoted(start: number): Token {
    const end = this.#closing(start, '"', 'identifier')
    const value = this.#text.slice(start + 1, end - 1).replaceAll('""', '"')
    return { kind: 'quoted', value, start, end }
  }

  /** Behind the closing quote; two quotes are one within the text. */
  #closing(open: number, quote: '"' | "'", what: string): number {
    const text = this.#text
    for (let at = open + 1; ; at += 2) {
      at = text.indexOf(quote, at)
      if (at === -1) throw this.#unterminated(open, `quoted ${what}`, quote, quote)
      if (text[at + 1] !== quote) return at + 1
    }
  }

  #escapeString(start: number): Token {
    const text = this.#text
    let end = start + 2
    for (; ; end++) {
      const unit = text[end]
      if (unit === undefined) throw this.#unterminated(start, 'quoted string', "'", "'")
      if (unit === '\\') end++
      else if (unit === "'") {
        if (text[end + 1] !== "'") break
        end++
      }
    }
    const value = this.#unescaped(start, () => readEscapes(text.slice(start + 2, end)))
    return { kind: 'string', value, start, end: end + 1 }
  }

  #unicode(start: number, quote: '"' | "'"): Token {
    const text = this.#text
    const what = quote === '"' ? 'identifier' : 'string'
    const closed = this.#closing(start + 2, quote, what)
    const { escape, end } = this.#escapeCharacter(closed)
    const written = text.slice(start + 3, closed - 1).replaceAll(quote + quote, quote)
    const value = this.#unescaped(start, () => readUnicodeEscapes(written, escape))
    return { kind: quote === '"' ? 'quoted' : 'string', value, start, end }
  }

  /** `UESCAPE '!'` behind the literal, if it is there. */
  #escapeCharacter(from: number): { readonly escape: string; readonly end: number } {
    const text = this.#text
    const gap = this.#match(blanks, from)?.length ?? 0
    const letters = this.#match(word, from + gap)
    this.#meter.steps += gap
    if (letters?.toLowerCase() !== 'uescape') return { escape: '\\', end: from }
    const behind = from + gap + letters.length
    const open = behind + (this.#match(blanks, behind)?.length ?? 0)
    const [quote, escape = '', close] = text.slice(open, open + 3)
    if (quote !== "'" || close !== "'" || /[0-9a-fA-F+'"\s]/.test(escape) || escape > '~') {
      const hint =
        'It is one character in single quotes, no digit, letter from A to F, +, quote or blank.'
      throw this.#fault(open, sqlstates.syntax, 'invalid Unicode escape character', hint)
    }
    return { escape, end: open + 3 }
  }

  #unescaped(start: number, read: () => string | EscapeFault): string {
    const value = read()
    if (typeof value === 'string') return value
    throw this.#fault(start, value.sqlstate, value.message, value.hint)
  }

  #skip(): void {
    const from = this.#at
    for (;;) {
      const before = this.#at
      this.#at += this.#match(blanks, before)?.length ?? 0
      if (this.#text.startsWith('--', this.#at)) {
        this.#at += this.#match(restOfLine, this.#at)?.length ?? 0
      } else if (this.#text.startsWith('/*', this.#at)) this.#at = this.#endOfComment(this.#at)
      if (this.#at === before) break
    }
    this.#meter.steps += this.#at - from
  }

  /** They nest. */
  #endOfComment(start: number): number {
    const marks = /\/\*|\*\//g
    marks.lastIndex = start
    let depth = 0
    for (let mark = marks.exec(this.#text); mark !== null; mark = marks.exec(this.#text)) {
      depth += mark[0] === '/*' ? 1 : -1
      if (depth === 0) return marks.lastIndex
    }
    throw this.#unterminated(start, '/* comment', '/*', '*/')
  }

  #match(pattern: RegExp, at: number): string | undefined {
    pattern.lastIndex = at
    return pattern.exec(this.#text)?.[0]
  }

  #unterminated(start: number, what: string, found: string, missing: string): StatementError {
    const message = `unterminated ${what} at or near "${found}"`
    return this.#fault(
      start,
      sqlstates.syntax,
      message,
      `It begins here, and needs ${missing} at its end.`,
    )
  }

  #fault(start: number, sqlstate: string, message: string, hint: string): StatementError {
    // How far it read is not known here: to the end at most.
    this.#meter.steps += this.#text.length - start
    return new StatementError({ message, sqlstate, position: positionOf(this.#text, start), hint })
  }
}

const quotesHint = 'Text stands in quotes.'

/** As PostgreSQL does: the letters from A to Z alone. */
export function folded(name: string): string {
  return name.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function codePointAt(text: string, at: number): number {
  return text.codePointAt(at) ?? 0
}
