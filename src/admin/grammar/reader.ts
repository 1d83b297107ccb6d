// Reads tokens and remembers what could have stood at each place: an error tells all of it.
import { nearestName } from '../../nearest-name.ts'
import { printable } from '../../refusal.ts'
import type { Keyword } from './keywords.ts'
import { Lexer, type Token } from './lexer.ts'
import type { GrammarLimits, Meter } from './limits.ts'
import { positionOf, type StatementFault, sqlstates, StatementError } from './statement-error.ts'

const mostShown = 12
const longestShown = 64

export interface Fault {
  readonly message?: string
  readonly sqlstate?: string
  /** Instead of what was expected. */
  readonly hint?: string
  readonly suggestion?: string | undefined
  readonly expected?: readonly string[]
  readonly at?: Token
  /** A sentence behind what was expected. */
  readonly more?: string
}

export class Reader {
  readonly limits: GrammarLimits
  readonly #text: string
  readonly #lexer: Lexer
  readonly #meter: Meter
  #token: Token
  #behind: Token | undefined
  #before: Token | undefined
  /** Words that were asked for at this token, as they are written; then descriptions of other things. */
  readonly #words = new Set<string>()
  readonly #others = new Set<string>()
  #isHidden = false
  #parameters = 0

  constructor(text: string, limits: GrammarLimits, meter: Meter) {
    this.#text = text
    this.limits = limits
    this.#meter = meter
    this.#lexer = new Lexer(text, meter)
    this.#token = this.#lexer.next()
  }

  get token(): Token {
    return this.#token
  }

  /** The highest number of a parameter since the last call. */
  takeParameters(): number {
    const highest = this.#parameters
    this.#parameters = 0
    return highest
  }

  positionOf(token: Token): number {
    return positionOf(this.#text, token.start)
  }

  peek(): Token {
    this.#behind ??= this.#lexer.next()
    return this.#behind
  }

  advance(): Token {
    const token = this.#token
    if (token.kind === 'parameter') this.#parameters = Math.max(this.#parameters, token.value)
    this.#before = token
    this.#token = this.peek()
    this.#behind = undefined
    this.#words.clear()
    this.#others.clear()
    this.#meter.steps++
    return token
  }

  at(keyword: Keyword): boolean {
    this.#meter.steps++
    this.#words.add(keyword)
    return this.#token.kind === 'word' && this.#token.keyword === keyword
  }

  /** Whether the token behind this one is the word. */
  isFollowedBy(...words: readonly Keyword[]): boolean {
    const next = this.peek()
    return next.kind === 'word' && next.keyword !== undefined && words.includes(next.keyword)
  }

  take(keyword: Keyword): boolean {
    if (!this.at(keyword)) return false
    this.advance()
    this.#isHidden = false
    return true
  }

  /** All of the words one after the other. */
  need(...words: readonly Keyword[]): void {
    for (const one of words) if (!this.take(one)) this.fail()
  }

  /** Goes on behind the first of the words; there must be one of them. */
  choose<T>(ways: Partial<Readonly<Record<Keyword, () => T>>>): T {
    for (const word of Object.keys(ways) as Keyword[]) {
      if (this.take(word)) return (ways[word] as () => T)()
    }
    return this.fail()
  }

  /** The first of the names that stands here, whatever its case; they need not be keywords. */
  takeName(names: readonly string[]): string | undefined {
    for (const name of names) this.#words.add(name)
    this.#meter.steps++
    const token = this.#token
    if (token.kind !== 'word') return undefined
    const written = token.value.toLowerCase()
    const found = names.find((name) => name.toLowerCase() === written)
    if (found === undefined) return undefined
    this.advance()
    this.#isHidden = false
    return found
  }

  atSymbol(symbol: string): boolean {
    this.#meter.steps++
    this.#others.add(`"${symbol}"`)
    return this.#token.kind === 'symbol' && this.#token.value === symbol
  }

  takeSymbol(symbol: string): boolean {
    if (!this.atSymbol(symbol)) return false
    this.advance()
    this.#isHidden = false
    return true
  }

  /** Whether the statement ends here. */
  isAtEnd(): boolean {
    return this.atSymbol(';') || this.#token.kind === 'end'
  }

  needSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) this.fail()
  }

  /** Notes what else may stand here. */
  expecting(...descriptions: readonly string[]): void {
    for (const description of descriptions) this.#others.add(description)
  }

  /** From here on nothing is repeated in an error, until a word or symbol of ours stands there. */
  hide(): void {
    this.#isHidden = true
  }

  /** One or more with commas between. */
  several<T>(read: () => T): readonly T[] {
    const items = [read()]
    while (this.takeSymbol(',')) {
      this.checkCount(items.length)
      items.push(read())
    }
    return items
  }

  checkCount(count: number): void {
    if (count < this.limits.maxItems) return
    this.fail({
      message: 'too many items',
      sqlstate: sqlstates.tooLong,
      hint: `There may be ${this.limits.maxItems} of them.`,
    })
  }

  fail(fault: Fault = {}): never {
    throw new StatementError(this.#faultOf(fault))
  }

  #faultOf(fault: Fault): StatementFault {
    const token = fault.at ?? this.#token
    const found = this.#shown(token)
    const words = [...this.#words]
    const expected = fault.expected ?? [...words, ...this.#others]
    const candidates = fault.expected ?? words
    const suggestion =
      fault.suggestion ??
      (token.kind === 'word' && !this.#isHidden ? nearestName(token.value, candidates) : undefined)
    const where = token.kind === 'end' ? 'at end of input' : `at or near "${found}"`
    return {
      message: fault.message ?? `syntax error ${where}`,
      sqlstate: fault.sqlstate ?? sqlstates.syntax,
      position: this.positionOf(token),
      found: token.kind === 'end' ? undefined : found,
      expected,
      suggestion,
      hint: fault.hint ?? hintOf(suggestion, expected, this.#remark(token), fault.more),
    }
  }

  /** Literals are not repeated: what somebody quoted wrongly may be a secret. */
  #shown(token: Token): string {
    if (this.#isHidden) return '...'
    if (token.kind === 'string') return "'...'"
    if (token.kind === 'quoted') return '"..."'
    return printable(this.#text.slice(token.start, token.end), longestShown)
  }

  /** What is probably wrong where the grammar alone does not tell. */
  #remark(token: Token): string | undefined {
    if (token.kind === 'string' && this.#others.has(nameWords)) {
      return 'A name stands in double quotes or in none.'
    }
    if (token.kind !== 'symbol') return undefined
    if (/\p{Pi}|\p{Pf}/u.test(token.value)) return `Quotes are ' and ", not typographic ones.`
    if (/[\p{Z}\p{Cf}]/u.test(token.value))
      return 'It is a character that looks like a blank, or like nothing.'
    if (token.value === '\\')
      return 'Commands with a backslash are those of psql, at the beginning of a line.'
    const before = this.#before
    const isWithin = before?.kind === 'word' && before.end === token.start
    if (isWithin && !/[,;()[\]{}=]/.test(token.value)) {
      return 'Names and text with other characters than letters, digits and _ stand in quotes.'
    }
    return undefined
  }

  /** A name: a word, or anything in double quotes. */
  name(): string {
    this.expecting(nameWords)
    const token = this.#token
    if (token.kind === 'word') {
      this.advance()
      return token.value
    }
    if (token.kind !== 'quoted') return this.fail()
    this.#checkNotEmpty(token.value)
    this.advance()
    return token.value
  }

  /** `a.b.c`, in lower case; one in double quotes may have the dots within. */
  dottedName(): string {
    const parts = [this.name()]
    while (this.takeSymbol('.')) {
      this.checkCount(parts.length)
      parts.push(this.name())
    }
    return parts.join('.').replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
  }

  #checkNotEmpty(name: string): void {
    if (name !== '') return
    this.fail({
      message: 'zero-length delimited identifier at or near """"',
      hint: 'A name has a character at least.',
    })
  }
}

const nameWords = 'a name'

function hintOf(
  suggestion: string | undefined,
  expected: readonly string[],
  ...remarks: readonly (string | undefined)[]
): string {
  const others = expected.filter((one) => one !== suggestion)
  const sentences = [
    suggestion === undefined ? undefined : `Perhaps you meant ${suggestion}.`,
    others.length === 0 ? undefined : `Expected ${listed(expected)}.`,
    ...remarks,
  ].filter((sentence) => sentence !== undefined)
  return sentences.length === 0 ? 'Nothing may stand here.' : sentences.join(' ')
}

export function listed(names: readonly string[]): string {
  if (names.length > mostShown) {
    return `${names.slice(0, mostShown).join(', ')} or one of ${names.length - mostShown} more`
  }
  return names.length < 2
    ? names.join('')
    : `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`
}
