export interface StatementFault {
  readonly message: string
  readonly sqlstate: string
  /** Where it is, in characters from 1 on, as the field P of an ErrorResponse counts. */
  readonly position: number
  /** What stands there. Never a literal: it could be a secret. */
  readonly found?: string | undefined
  /** What may stand there. */
  readonly expected?: readonly string[]
  readonly suggestion?: string | undefined
  readonly hint: string
}

/** A text that is no statement of the console. It repeats no literal of the text. */
export class StatementError extends Error {
  override readonly name = 'StatementError'
  readonly sqlstate: string
  readonly position: number
  readonly found: string | undefined
  readonly expected: readonly string[]
  readonly suggestion: string | undefined
  readonly hint: string

  constructor(fault: StatementFault) {
    super(fault.message)
    this.sqlstate = fault.sqlstate
    this.position = fault.position
    this.found = fault.found
    this.expected = fault.expected ?? []
    this.suggestion = fault.suggestion
    this.hint = fault.hint
  }
}

/** PostgreSQL's codes for what can be wrong with a text. */
export const sqlstates = {
  syntax: '42601',
  unsupported: '0A000',
  invalidValue: '22023',
  outOfRange: '22003',
  invalidText: '22021',
  invalidEscape: '22025',
  unknownSetting: '42704',
  unknownFunction: '42883',
  tooLong: '54000',
  tooComplex: '54001',
} as const

/** The offset in UTF-16 units as a position in characters, from 1 on. */
export function positionOf(text: string, offset: number): number {
  let position = 1
  for (let at = 0; at < offset; at++) {
    const unit = text.charCodeAt(at)
    const isSecondHalf = unit >= 0xdc00 && unit <= 0xdfff && at > 0 && isFirstHalf(text, at - 1)
    if (!isSecondHalf) position++
  }
  return position
}

function isFirstHalf(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return unit >= 0xd800 && unit <= 0xdbff
}
