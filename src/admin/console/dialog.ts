// What a client says at the console and what it is answered, message by message: PostgreSQL's protocol
// (documentation, 54.2) without a socket.
import {
  type BindMessage,
  FrontendFault,
  type FrontendMessage,
  type NamedMessage,
  type ParseMessage,
} from '../../wire/read-frontend.ts'
import { notice, statementError, warning } from '../../wire/write-backend.ts'
import * as wire from '../../wire/write-results.ts'
import { type Answer, type Cell, type Column, ConsoleError, type ConsoleFault } from '../answer.ts'
import { columnsOf } from '../columns.ts'
import { parseStatements, type ParsedStatement } from '../grammar/parse.ts'
import { StatementError } from '../grammar/statement-error.ts'
import { decodeParameters, formatAt } from './decode-parameters.ts'
import { describeColumn, encodeCell, textOid } from './encode.ts'
import type { SessionParameters } from './parameters.ts'
import { type Portal, Portals, PreparedStatements } from './prepared.ts'
import type { Transaction } from './transaction.ts'

/** One statement, as it was given. */
export interface Given {
  readonly parsed: ParsedStatement
  readonly text: string
  readonly index: number
  readonly parameters: readonly string[]
}

export interface DialogOptions {
  readonly transaction: Transaction
  readonly parameters: SessionParameters
  /** Throws `ConsoleError` for what is told to the client. */
  readonly carryOut: (given: Given) => Promise<Answer>
  /** Resolves when the next may be written; whole messages. */
  readonly write: (bytes: Buffer) => Promise<void>
  /** Receives what nobody expects. */
  readonly onBug: (error: unknown) => void
}

/** Written together: a row is small, and a write is not. */
const writtenTogetherBytes = 65_536

export class Dialog {
  readonly statements = new PreparedStatements()
  readonly portals = new Portals()
  readonly #options: DialogOptions
  /** Behind an error of the extended protocol nothing is looked at before the next Sync. */
  #skipsToSync = false
  /** Whether something came that a Sync has to follow. */
  #awaitsSync = false
  #pending: Buffer[] = []
  #pendingBytes = 0

  constructor(options: DialogOptions) {
    this.#options = options
  }

  /** Whether all that was asked is answered, up to a ReadyForQuery. */
  get isAtRest(): boolean {
    return !this.#awaitsSync
  }

  /** Answers one message; one at a time. `FrontendFault` for a message that could not be read. */
  async receive(message: FrontendMessage | FrontendFault, type: string): Promise<void> {
    const isSimple = type === 'Q' || type === 'F'
    if (type === 'S') this.#skipsToSync = false
    else if (this.#skipsToSync) return
    if ('PBDEC'.includes(type)) this.#awaitsSync = true
    try {
      if (message instanceof FrontendFault) throw message
      await this.#answer(message)
    } catch (error) {
      this.#options.transaction.fail()
      this.#push(statementError(this.#faultOf(error)))
      this.#skipsToSync = !isSimple && type !== 'S'
    }
    if (isSimple || type === 'S') this.#ready()
    // What precedes a Sync waits for it, or for a Flush, as long as it is short.
    const isFull = this.#pendingBytes >= writtenTogetherBytes
    if (isSimple || isFull || this.#skipsToSync || 'SH'.includes(type)) await this.#flush()
  }

  /** Tells the parameters and that statements may come. */
  async begin(): Promise<void> {
    this.#ready()
    await this.#flush()
  }

  async #answer(message: FrontendMessage): Promise<void> {
    switch (message.kind) {
      case 'query':
        return this.#query(message.text)
      case 'parse':
        this.#parse(message)
        return
      case 'bind':
        this.#bind(message)
        return
      case 'describe':
        this.#describe(message)
        return
      case 'execute':
        return this.#execute(this.portals.get(message.portal), message.maxRows)
      case 'close':
        if (message.of === 'statement') this.statements.delete(message.name)
        else this.portals.delete(message.name)
        this.#push(wire.closeComplete)
        return
      case 'function call':
        throw new ConsoleError({
          sqlstate: '0A000',
          message: 'function calls by the protocol are not supported',
          hint: 'SHOW HELP lists the statements of this console.',
        })
      case 'flush':
      case 'sync':
      case 'copy':
      case 'terminate':
    }
  }

  async #query(text: string): Promise<void> {
    // As PostgreSQL: a Query does away with what has no name.
    this.statements.delete('')
    this.portals.delete('')
    const statements = this.#parsed(text)
    if (statements.length === 0) this.#push(wire.emptyQueryResponse)
    for (const [index, parsed] of statements.entries()) {
      this.#options.transaction.check(parsed.statement)
      if (parsed.parameters > 0) {
        const message = 'there is no parameter $1'
        throw new ConsoleError({ sqlstate: '42P02', message, position: parsed.position })
      }
      const answer = await this.#options.carryOut({ parsed, text, index, parameters: [] })
      const { table } = answer
      if (table !== undefined) this.#push(rowDescription(table.columns, []))
      await this.#tell(answer, table?.rows ?? [], [])
      this.#push(wire.commandComplete(answer.tag))
    }
  }

  #parsed(text: string): readonly ParsedStatement[] {
    return parseStatements(text)
  }

  #parse({ name, text, types: declared }: ParseMessage): void {
    const [parsed, another] = this.#parsed(text)
    if (another !== undefined) {
      throw new ConsoleError({
        sqlstate: '42601',
        message: 'cannot insert multiple commands into a prepared statement',
      })
    }
    if (parsed !== undefined) this.#options.transaction.check(parsed.statement)
    const count = Math.max(parsed?.parameters ?? 0, declared.length)
    const types = Array.from({ length: count }, (_, index) => typeOf(declared[index]))
    const columns = parsed && columnsOf(parsed.statement)
    this.statements.add(name, { text, parsed, types, columns })
    this.#push(wire.parseComplete)
  }

  #bind(message: BindMessage): void {
    const prepared = this.statements.get(message.statement)
    const { parsed, types, columns } = prepared
    if (parsed !== undefined) this.#options.transaction.check(parsed.statement)
    const { parameters, parameterFormats, resultFormats } = message
    if (parameters.length !== types.length) {
      throw mismatch(
        `bind message supplies ${parameters.length} parameters, but prepared statement "${message.statement}" requires ${types.length}`,
      )
    }
    checkFormats('parameter', parameterFormats.length, parameters.length)
    checkFormats('result', resultFormats.length, columns?.length ?? resultFormats.length)
    this.portals.add(message.portal, {
      prepared,
      parameters: decodeParameters(message, types),
      formats: resultFormats,
      rows: [],
    })
    this.#push(wire.bindComplete)
  }

  #describe({ of, name }: NamedMessage): void {
    if (of === 'statement') {
      const { types, columns } = this.statements.get(name)
      this.#push(wire.parameterDescription(types))
      this.#push(columns === undefined ? wire.noData : rowDescription(columns, []))
      return
    }
    const { prepared, formats } = this.portals.get(name)
    const { columns } = prepared
    this.#push(columns === undefined ? wire.noData : rowDescription(columns, formats))
  }

  async #execute(portal: Portal, maxRows: number): Promise<void> {
    const { prepared, parameters, formats } = portal
    const { parsed, text, columns } = prepared
    if (parsed === undefined) {
      this.#push(wire.emptyQueryResponse)
      return
    }
    this.#options.transaction.check(parsed.statement)
    const isFirst = portal.answer === undefined
    if (isFirst) {
      const answer = await this.#options.carryOut({ parsed, text, index: 0, parameters })
      checkColumns(columns, answer)
      portal.answer = answer
      portal.rows = answer.table?.rows ?? []
    } else if (columns === undefined) {
      throw new ConsoleError({ sqlstate: '55000', message: 'the portal cannot be run again' })
    }
    const { answer } = portal
    if (answer === undefined) return
    const count = maxRows > 0 ? maxRows : portal.rows.length
    const rows = portal.rows.slice(0, count)
    portal.rows = portal.rows.slice(count)
    // What a portal keeps of its answer is what is still to be sent.
    portal.answer = { tag: answer.tag, table: { columns: columns ?? [], rows: [] } }
    await this.#tell(isFirst ? answer : { table: answer.table }, rows, formats)
    if (portal.rows.length === 0 && !(maxRows > 0 && rows.length === maxRows && columns)) {
      // The count is that of what is sent now, as in PostgreSQL.
      const tag = answer.tag.replace(/^SELECT \d+$/, `SELECT ${rows.length}`)
      this.#push(wire.commandComplete(tag))
      return
    }
    this.portals.checkHeld()
    this.#push(wire.portalSuspended)
  }

  async #tell(
    { notices = [], table }: Pick<Answer, 'notices' | 'table'>,
    rows: readonly (readonly Cell[])[],
    formats: Portal['formats'],
  ): Promise<void> {
    for (const { severity, ...fields } of notices) {
      this.#push(severity === 'NOTICE' ? notice(fields) : warning({ ...fields, sqlstate: '01000' }))
    }
    const columns = table?.columns ?? []
    for (const row of rows) {
      const cells = columns.map(({ type }, index) =>
        encodeCell(row[index] ?? null, type, formatAt(formats, index)),
      )
      this.#push(wire.dataRow(cells))
      if (this.#pendingBytes >= writtenTogetherBytes) await this.#flush()
    }
  }

  /** Ends what was asked: portals live as long as their transaction. */
  #ready(): void {
    const { transaction, parameters } = this.#options
    this.#awaitsSync = false
    if (transaction.status === 'I') this.portals.clear()
    for (const [name, value] of parameters.takeReports()) {
      this.#push(wire.parameterStatus(name, value))
    }
    this.#push(wire.readyForQuery(transaction.status))
  }

  #faultOf(error: unknown): ConsoleFault {
    if (error instanceof ConsoleError) return error.fault
    if (error instanceof FrontendFault) {
      return { sqlstate: error.sqlstate, message: error.message }
    }
    if (error instanceof StatementError) {
      const { sqlstate, message, hint, position } = error
      return { sqlstate, message, hint, position }
    }
    this.#options.onBug(error)
    return {
      sqlstate: 'XX000',
      message: 'internal error',
      hint: 'The log of the gateway has more.',
    }
  }

  #push(bytes: Buffer): void {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes === 0) return
    const bytes = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    await this.#options.write(bytes)
  }
}

function rowDescription(columns: readonly Column[], formats: Portal['formats']): Buffer {
  return wire.rowDescription(
    columns.map((column, index) => describeColumn(column, formatAt(formats, index))),
  )
}

/** A client that was told other columns would read the rows as something that they are not. */
function checkColumns(told: readonly Column[] | undefined, { table }: Answer): void {
  const names = (columns: readonly Column[] = []): string =>
    JSON.stringify(columns.map(({ name, type }) => [name, type]))
  if (names(told) === names(table?.columns)) return
  throw new Error('a statement answers with other columns than it is described with')
}

function checkFormats(of: string, formats: number, values: number): void {
  if (formats <= 1 || formats === values) return
  throw mismatch(`bind message has ${formats} ${of} formats but ${values} ${of} columns`)
}

/** What nobody says the type of is text, here as everything is. */
function typeOf(declared = 0): number {
  const unknownOid = 705
  return declared === 0 || declared === unknownOid ? textOid : declared
}

function mismatch(message: string): ConsoleError {
  return new ConsoleError({ sqlstate: '08P01', message })
}
