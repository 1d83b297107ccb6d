// A session in which Portcullis, or an operator by way of it, runs statements of its own.
import type { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import { type Frame, readFrame } from '../wire/frame.ts'
import { PacketReader } from '../wire/packet-reader.ts'
import { MalformedMessage, parseBackendMessage } from '../wire/read-backend.ts'
import { queryMessage, terminate } from '../wire/write-frontend.ts'
import type { LoginCredential } from './answer-authentication.ts'
import { logIn, type UpstreamSession } from './log-in.ts'
import type { UpstreamTarget } from './target.ts'

export interface StatementSessionOptions {
  readonly role: string
  readonly credential: LoginCredential
  /** What `pg_stat_activity` shows of it. */
  readonly applicationName: string
  /** For each statement, at the server; a little later the connection is given up. */
  readonly statementTimeoutMs: number
}

/** The server refused a statement. The message is its own. */
export class StatementFailed extends Error {
  override readonly name = 'StatementFailed'
  readonly sqlstate: string

  constructor(sqlstate: string, message: string) {
    super(message)
    this.sqlstate = sqlstate
  }
}

const maxRowBytes = 16 * 1024 * 1024
const maxRows = 1_000_000
const graceMs = 5_000

export class StatementSession implements AsyncDisposable {
  readonly #session: UpstreamSession
  readonly #reader: PacketReader
  readonly #deadlineMs: number

  private constructor(session: UpstreamSession, deadlineMs: number) {
    this.#session = session
    this.#reader = new PacketReader(session.socket)
    this.#deadlineMs = deadlineMs
  }

  /** Logs in, or throws a Refusal. */
  static async open(
    target: UpstreamTarget,
    { role, credential, applicationName, statementTimeoutMs }: StatementSessionOptions,
    keys: ScramKeyCache,
  ): Promise<StatementSession> {
    // What a startup packet says counts for more than what the role or the database was given.
    const parameters = new Map([
      ['application_name', applicationName],
      ['client_encoding', 'UTF8'],
      ['search_path', 'pg_catalog, pg_temp'],
      ['standard_conforming_strings', 'on'],
      ['statement_timeout', String(statementTimeoutMs)],
      ['lock_timeout', String(statementTimeoutMs)],
      ['idle_in_transaction_session_timeout', String(statementTimeoutMs)],
    ])
    const request = { role, credential, parameters, requirement: undefined }
    const session = await logIn(target, request, keys)
    session.socket.unshift(session.early)
    return new StatementSession(session, statementTimeoutMs + graceMs)
  }

  /**
   * Runs one statement and returns the first column of its rows, where it is not null. Throws
   * `StatementFailed` where the server refuses it; whatever else it throws, the session is over.
   */
  async run(statement: string): Promise<readonly string[]> {
    const { socket } = this.#session
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no answer within ${this.#deadlineMs} ms`))
    }, this.#deadlineMs)
    try {
      socket.write(queryMessage(statement))
      return await this.#readAnswer()
    } catch (error) {
      if (!(error instanceof StatementFailed)) socket.destroy()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { socket } = this.#session
    this.#reader.release()
    socket.end(terminate)
    socket.destroySoon()
    return Promise.resolve()
  }

  async #readAnswer(): Promise<readonly string[]> {
    const rows: string[] = []
    let failure: StatementFailed | undefined
    for (let count = 0; count < maxRows; count++) {
      const frame = await this.#reader.read((bytes) => readFrame(bytes, maxRowBytes))
      const message = parseBackendMessage(frame)
      if (message.kind === 'error') {
        failure ??= new StatementFailed(message.error.sqlstate, message.error.message)
      } else if (message.kind === 'ready-for-query') {
        if (failure !== undefined) throw failure
        return rows
      } else if (frame.type === 'D') {
        const value = firstColumn(frame)
        if (value !== undefined) rows.push(value)
      }
    }
    throw new Error(`the answer has more than ${maxRows} rows`)
  }
}

function firstColumn(frame: Frame): string | undefined {
  const { body } = frame
  if (body.length < 6 || body.readInt16BE(0) < 1) throw new MalformedMessage(frame)
  const length = body.readInt32BE(2)
  if (length === -1) return undefined
  if (length < 0 || body.length < 6 + length) throw new MalformedMessage(frame)
  return body.toString('utf8', 6, 6 + length)
}
