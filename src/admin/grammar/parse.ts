import { failElsewhere } from './elsewhere.ts'
import type { Keyword } from './keywords.ts'
import { defaultLimits, type GrammarLimits, type Meter } from './limits.ts'
import * as client from './read-client.ts'
import { readAlter, readCreate, readDrop } from './read-definition.ts'
import { readCount, readExplain, readRestore } from './read-governance.ts'
import { readGrant, readRevoke } from './read-grant.ts'
import { poolerCommands } from './read-pooler.ts'
import { readSelect } from './read-select.ts'
import { readResetSetting } from './read-setting.ts'
import { readShow } from './read-show.ts'
import { Reader } from './reader.ts'
import { positionOf, sqlstates, StatementError } from './statement-error.ts'
import type { Statement } from './statement.ts'

export interface ParsedStatement {
  readonly statement: Statement
  /** Where it begins, in characters from 1 on. */
  readonly position: number
  /** The highest parameter: `$2` makes it 2. */
  readonly parameters: number
}

export interface ParseOptions {
  readonly limits?: GrammarLimits
  readonly meter?: Meter
}

/**
 * The statements of a text, with semicolons between them; none for an empty one. Throws a
 * StatementError, and nothing else, for the first thing that is wrong: then none of it is to be executed.
 */
export function parseStatements(
  text: string,
  options: ParseOptions = {},
): readonly ParsedStatement[] {
  const { limits = defaultLimits, meter = { steps: 0 } } = options
  checkText(text, limits)
  const reader = new Reader(text, limits, meter)
  const statements: ParsedStatement[] = []
  const position = positions(text)
  for (;;) {
    while (reader.takeSymbol(';'));
    if (reader.token.kind === 'end') return statements
    if (statements.length >= limits.maxStatements) failTooMany(reader)
    const { start } = reader.token
    const statement = readStatement(reader)
    if (!reader.isAtEnd()) reader.fail()
    statements.push({ statement, position: position(start), parameters: reader.takeParameters() })
  }
}

/** Positions of offsets that only grow, in one pass over the text. */
function positions(text: string): (offset: number) => number {
  let known = { offset: 0, position: 1 }
  return (offset) => {
    const position =
      known.position + positionOf(text.slice(known.offset, offset), offset - known.offset) - 1
    known = { offset, position }
    return position
  }
}

const statements: Partial<Readonly<Record<Keyword, (reader: Reader) => Statement>>> = {
  SHOW: readShow,
  CREATE: readCreate,
  ALTER: readAlter,
  DROP: readDrop,
  GRANT: readGrant,
  REVOKE: readRevoke,
  RESTORE: readRestore,
  EXPLAIN: readExplain,
  SET: client.readSet,
  RESET: (reader) => {
    if (!reader.at('CLUSTER') || !reader.isFollowedBy('SETTING')) return client.readReset(reader)
    reader.need('CLUSTER', 'SETTING')
    return readResetSetting(reader)
  },
  ROLLBACK: (reader) => {
    if (!reader.take('CATALOG')) return client.readEnd(reader, 'rollback')
    reader.need('TO')
    return { kind: 'rollback catalog', version: readCount(reader, 'a version') }
  },
  ...poolerCommands,
  SELECT: readSelect,
  BEGIN: client.readBegin,
  START: client.readStart,
  COMMIT: (reader) => client.readEnd(reader, 'commit'),
  END: (reader) => client.readEnd(reader, 'commit'),
  ABORT: (reader) => client.readEnd(reader, 'rollback'),
  DEALLOCATE: client.readDeallocate,
  DISCARD: client.readDiscard,
  UNLISTEN: client.readUnlisten,
  CLOSE: client.readClose,
}

/** The words that statements begin with. */
export const firstWords = Object.keys(statements) as readonly Keyword[]

function readStatement(reader: Reader): Statement {
  const { token } = reader
  const read = token.kind === 'word' && token.keyword ? statements[token.keyword] : undefined
  if (read !== undefined) {
    reader.advance()
    return read(reader)
  }
  failElsewhere(reader)
  return reader.fail({ expected: firstWords, more: 'SHOW HELP lists the statements.' })
}

function checkText(text: string, limits: GrammarLimits): void {
  const fail = (offset: number, sqlstate: string, message: string, hint: string): never => {
    throw new StatementError({ message, sqlstate, position: positionOf(text, offset), hint })
  }
  if (text.length > limits.maxLength) {
    const hint = `A text of statements may have ${limits.maxLength} characters.`
    fail(limits.maxLength, sqlstates.tooLong, 'the statement is too long', hint)
  }
  const hint = 'The text must be UTF-8 without NUL.'
  const nul = text.indexOf('\0')
  if (nul !== -1)
    fail(nul, sqlstates.invalidText, 'invalid byte sequence for encoding "UTF8": 0x00', hint)
  const half = text.search(/\p{Cs}/u)
  if (half !== -1)
    fail(half, sqlstates.invalidText, 'invalid byte sequence for encoding "UTF8"', hint)
}

function failTooMany(reader: Reader): never {
  return reader.fail({
    message: 'too many statements',
    sqlstate: sqlstates.tooLong,
    hint: `There may be ${reader.limits.maxStatements} of them in one text.`,
    expected: [],
  })
}
