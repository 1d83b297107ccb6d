import { defaultLimits } from '../../../src/admin/grammar/limits.ts'
import { type ParsedStatement, parseStatements } from '../../../src/admin/grammar/parse.ts'
import { printStatement } from '../../../src/admin/grammar/print.ts'
import { reference } from '../../../src/admin/grammar/reference.ts'
import { StatementError } from '../../../src/admin/grammar/statement-error.ts'
import { masked } from '../../unit/admin/masked.ts'
import { pureTarget, type Target, Violation } from '../target.ts'

/** For each character of a text, and once for every text. */
const mostSteps = { each: 100, once: 1_000 }

/** Statements of the console: what is read is printed and read again, what is not has an error with a place. */
export function consoleTarget(): Target {
  const examples = Object.values(reference).flatMap((entry) => entry.examples)
  return pureTarget({
    name: 'console',
    maxBytes: 400,
    seeds: [
      ...examples,
      'creat group g',
      String.raw`SELECT E'\u0041\x42', U&'!0061' UESCAPE '!', $a$b$a$, -1.5e3::float8`,
      '/* /* */ */ -- \n;;',
      "EXPLAIN LOGIN TOKEN 'ey.J.x' USER u",
    ].map((text) => Buffer.from(text)),
    run: (input) => {
      const text = input.toString('utf8')
      const meter = { steps: 0 }
      let statements: readonly ParsedStatement[]
      try {
        statements = parseStatements(text, { limits: defaultLimits, meter })
      } catch (error) {
        if (!(error instanceof StatementError)) throw error
        checkSteps(text, meter.steps)
        checkError(text, error)
        return `${error.sqlstate} ${error.message.replace(/at or near .*/s, '')}`
      }
      checkSteps(text, meter.steps)
      checkPrinted(statements)
      return statements
        .map(({ statement }) => statement.kind)
        .slice(0, 2)
        .join(' ')
    },
  })
}

function checkSteps(text: string, steps: number): void {
  if (steps > mostSteps.each * text.length + mostSteps.once) {
    throw new Violation(`${steps} steps for ${text.length} characters`)
  }
}

function checkError(
  text: string,
  { message, hint, position, expected, suggestion }: StatementError,
): void {
  const characters = Array.from(text)
  if (!(Number.isInteger(position) && position >= 1 && position <= characters.length + 1)) {
    throw new Violation(`position ${position} of ${characters.length} characters`)
  }
  if (hint === '' || message === '') throw new Violation('an error without words')
  if (/[\p{Cc}\p{Cf}]/u.test(message + hint)) throw new Violation('characters that are not printed')
  const word = /^[\p{L}_][\p{L}\p{M}\p{N}_$]*/u.exec(characters.slice(position - 1).join(''))?.[0]
  const isUnknown = word !== undefined && message.startsWith('syntax error')
  if (isUnknown && expected.length === 0 && !/[Uu]se |once|tables/.test(hint)) {
    throw new Violation('an unknown word without a suggestion')
  }
  if (suggestion !== undefined && !hint.includes(suggestion))
    throw new Violation('a suggestion untold')
}

function checkPrinted(statements: readonly ParsedStatement[]): void {
  const printed = statements.map(({ statement }) => printStatement(statement)).join(';\n')
  const again = parseStatements(printed, { limits: { ...defaultLimits, maxLength: 1_000_000 } })
  const one = JSON.stringify(masked(statements.map(({ statement }) => statement)))
  const other = JSON.stringify(masked(again.map(({ statement }) => statement)))
  if (one !== other) throw new Violation(`${printed} is ${other} and not ${one}`)
  const twice = again.map(({ statement }) => printStatement(statement)).join(';\n')
  if (twice !== printed) throw new Violation(`${printed} is printed again as ${twice}`)
}
