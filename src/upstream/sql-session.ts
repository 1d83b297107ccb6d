// A session of our own at a server, for the few statements that Portcullis itself has to say.
import { type Frame, FrameError, readFrame } from '../wire/frame.ts'
import { ConnectionLost, PacketReader } from '../wire/packet-reader.ts'
import { type ErrorReport, MalformedMessage, parseBackendMessage } from '../wire/read-backend.ts'
import { queryMessage } from '../wire/write-frontend.ts'
import { closeSession } from './close-session.ts'
import type { UpstreamSession } from './log-in.ts'

/** No answer to a statement of ours is longer. */
const maxMessageBodyBytes = 1_048_576
const maxMessages = 10_000

/** What the server said no to; the session goes on. */
export class StatementFailed extends Error {
  override readonly name = 'StatementFailed'
  readonly sqlstate: string

  constructor({ sqlstate, message }: ErrorReport) {
    super(message)
    this.sqlstate = sqlstate
  }
}

export type TextRow = readonly (string | undefined)[]

/**
 * What a session of our own is opened with: a startup packet counts for more than what the owner of the
 * database or of the role has set, which must not change what our statements mean.
 */
export function ownParameters(
  applicationName: string,
  clientEncoding: 'UTF8' | 'SQL_ASCII',
  timeoutMs: number,
): readonly (readonly [string, string])[] {
  return [
    ['application_name', applicationName],
    ['client_encoding', clientEncoding],
    ['search_path', 'pg_catalog, pg_temp'],
    ['standard_conforming_strings', 'on'],
    ['statement_timeout', String(timeoutMs)],
    ['lock_timeout', String(timeoutMs)],
    ['idle_in_transaction_session_timeout', String(timeoutMs)],
  ]
}

export class SqlSession {
  readonly #socket: UpstreamSession['socket']
  readonly #reader: PacketReader

  /** Takes the session over: nobody else reads or closes it. */
  constructor({ socket, early }: UpstreamSession) {
    this.#socket = socket
    if (early.length > 0) socket.unshift(early)
    this.#reader = new PacketReader(socket)
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.readableEnded
  }

  /**
   * Runs statements and returns the rows of all of them, as text. Throws StatementFailed for what the
   * server refuses, and something else where the session is lost.
   */
  async query(sql: string): Promise<readonly TextRow[]> {
    this.#socket.write(queryMessage(sql))
    const rows: TextRow[] = []
    let failure: StatementFailed | undefined
    for (let count = 0; count < maxMessages; count++) {
      const frame = await this.#next(failure)
      const message = parseBackendMessage(frame)
      if (message.kind === 'error') failure ??= new StatementFailed(message.error)
      else if (message.kind === 'ready-for-query') {
        if (failure !== undefined) throw failure
        return rows
      } else if (frame.type === 'D') rows.push(readRow(frame))
    }
    throw new FrameError('Z', maxMessages)
  }

  /** Until it is used again it is no reason for the process to stay; `onLost` hears when the server goes. */
  keep(onLost: () => void): void {
    this.#socket.once('end', onLost).once('close', onLost).unref()
  }

  use(onLost: () => void): void {
    this.#socket.off('end', onLost).off('close', onLost).ref()
  }

  end(): void {
    closeSession({ socket: this.#socket })
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** A server that ends the session says why before it goes. */
  async #next(failure: StatementFailed | undefined): Promise<Frame> {
    try {
      return await this.#reader.read((bytes) => readFrame(bytes, maxMessageBodyBytes))
    } catch (error) {
      if (!(error instanceof ConnectionLost) || failure === undefined) throw error
      throw new ConnectionLost(`${failure.sqlstate} ${failure.message}`, { cause: error })
    }
  }
}

function readRow(frame: Frame): TextRow {
  const { body } = frame
  if (body.length < 2) throw new MalformedMessage(frame)
  const row: (string | undefined)[] = []
  let offset = 2
  for (let column = 0; column < body.readInt16BE(0); column++) {
    if (body.length < offset + 4) throw new MalformedMessage(frame)
    const length = body.readInt32BE(offset)
    offset += 4
    if (length === -1) {
      row.push(undefined)
      continue
    }
    if (length < 0 || body.length < offset + length) throw new MalformedMessage(frame)
    row.push(body.toString('utf8', offset, offset + length))
    offset += length
  }
  if (offset !== body.length) throw new MalformedMessage(frame)
  return row
}
