// The answer to a question of our own: at most one row, of the types that were asked for, and nothing else.
import { Refusal } from '../refusal.ts'
import type { Frame } from '../wire/frame.ts'
import { MalformedMessage, parseBackendMessage } from '../wire/read-backend.ts'

/** More than the answer itself come from no PostgreSQL, but notices if the client's settings ask for them. */
const maxAnswerMessages = 1_000

const types = { boolean: 16, text: 25 } as const

export interface Answer<Value> {
  /** One for each column, or none where there was no row. */
  readonly values: readonly Value[]
  /** ParameterStatus messages that came meanwhile, for the client. */
  readonly statuses: Buffer
}

/** Reads an answer of two booleans. */
export async function readBooleans(
  next: () => Promise<Frame>,
  about: string,
): Promise<Answer<boolean>> {
  const { values, statuses } = await readAnswer(next, about, ['boolean', 'boolean'])
  return { values: values.map((value) => value === 't'), statuses }
}

/**
 * RowDescription, a row or none, CommandComplete, ReadyForQuery outside a transaction: nothing else is an
 * answer. `about` says in the log what was asked.
 */
export async function readAnswer(
  next: () => Promise<Frame>,
  about: string,
  columns: readonly (keyof typeof types)[],
): Promise<Answer<string>> {
  const awaited = ['T', 'D', 'C', 'Z']
  const statuses: Buffer[] = []
  let values: readonly string[] = []
  for (let count = 0; count < maxAnswerMessages; count++) {
    const frame = await next()
    const message = parseBackendMessage(frame)
    if (message.kind === 'error') {
      const { sqlstate, message: text } = message.error
      // Not the client's to read: it is about a statement that is not its own.
      throw new Refusal('upstream-refused', {
        logDetail: `asked about ${about}: ${sqlstate} ${text}`,
      })
    }
    if (message.kind === 'parameter-status') {
      statuses.push(Buffer.from(frame.raw))
      continue
    }
    // Whatever the client's settings make the server say about our statement.
    if (message.kind === 'notice') continue
    if (frame.type === 'C' && awaited[0] === 'D') awaited.shift()
    if (frame.type !== awaited.shift()) throw unexpected(frame, about)
    if (frame.type === 'T') checkColumns(frame, columns)
    if (frame.type === 'D') values = readRow(frame, columns)
    if (frame.type !== 'Z') continue
    if (frame.body.toString('latin1') !== 'I') throw new MalformedMessage(frame)
    return { values, statuses: Buffer.concat(statuses) }
  }
  throw new Refusal('upstream-protocol', { logDetail: `no end of the answer about ${about}` })
}

function unexpected(frame: Frame, about: string): Refusal {
  const type = JSON.stringify(frame.type)
  return new Refusal('upstream-protocol', {
    logDetail: `unexpected message of type ${type} in the answer about ${about}`,
  })
}

/** The columns that were asked for, all in text format. */
function checkColumns(frame: Frame, columns: readonly (keyof typeof types)[]): void {
  const { body } = frame
  let offset = 2
  if (body.length < offset || body.readInt16BE(0) !== columns.length) {
    throw new MalformedMessage(frame)
  }
  for (const column of columns) {
    const end = body.indexOf(0, offset)
    // Behind the name: table, number, type, size, modifier, format.
    if (end === -1 || body.length < end + 19) throw new MalformedMessage(frame)
    const type = body.readInt32BE(end + 7)
    const format = body.readInt16BE(end + 17)
    if (type !== types[column] || format !== 0) throw new MalformedMessage(frame)
    offset = end + 19
  }
  if (offset !== body.length) throw new MalformedMessage(frame)
}

function readRow(frame: Frame, columns: readonly (keyof typeof types)[]): readonly string[] {
  const { body } = frame
  let offset = 2
  if (body.length < offset || body.readInt16BE(0) !== columns.length) {
    throw new MalformedMessage(frame)
  }
  const values = columns.map((column) => {
    const length = body.length < offset + 4 ? -1 : body.readInt32BE(offset)
    const value = body.toString('utf8', offset + 4, offset + 4 + length)
    if (length < 0 || body.length < offset + 4 + length) throw new MalformedMessage(frame)
    if (column === 'boolean' && !/^[tf]$/.test(value)) throw new MalformedMessage(frame)
    offset += 4 + length
    return value
  })
  if (offset !== body.length) throw new MalformedMessage(frame)
  return values
}
