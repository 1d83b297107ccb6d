// One client at the console: its socket, its messages one after the other, its end.
import { type GovernedEnd, farewells } from '../../session/endings.ts'
import type { ConsoleSitting, ConsoleVisit } from '../../session/console-door.ts'
import type { EndReason } from '../../session/observer.ts'
import type { Standing } from '../../session/session-bounds.ts'
import { FrameError, readFrame } from '../../wire/frame.ts'
import { ConnectionLost } from '../../wire/packet-reader.ts'
import {
  FrontendFault,
  type FrontendMessage,
  parseFrontendMessage,
} from '../../wire/read-frontend.ts'
import { type ErrorFields, fatalError } from '../../wire/write-backend.ts'
import type { Answer } from '../answer.ts'
import { bindParameters } from '../grammar/bind.ts'
import type { Statement } from '../grammar/statement.ts'
import type { ConsoleOrder, ConsoleUser } from '../order.ts'
import { checkRight } from '../rights.ts'
import { answerLocally, type Own } from './answer-locally.ts'
import { Dialog, type Given } from './dialog.ts'
import { giveOrder, type Order } from './give-orders.ts'
import { SessionParameters } from './parameters.ts'
import { Transaction } from './transaction.ts'
import { serverVersion } from './parameters.ts'

export interface ConsoleOptions {
  readonly order: Order
  /** Of Portcullis. */
  readonly version: string
  readonly now: () => Date
  readonly onBug: (error: unknown) => void
}

const endingKinds: ReadonlySet<Statement['kind']> = new Set([
  'kill sessions',
  'kill client',
  'revoke sessions',
])
/** A text of statements is much shorter; parameters may be longer. */
const maxMessageBytes = 1024 * 1024
/** When it is over, the client gets this long after the last byte that it took. */
const lastBytesMs = 1_000

export class Sitting implements ConsoleSitting {
  readonly #options: ConsoleOptions
  readonly #visit: ConsoleVisit
  readonly #user: ConsoleUser
  readonly #transaction = new Transaction()
  readonly #parameters: SessionParameters
  readonly #dialog: Dialog
  readonly #own: Own
  readonly #bytes = { fromFrontend: 0, fromConsole: 0 }
  /** Of the statement that is under way. */
  #cancelled = new AbortController()
  #isWorking = false
  #isGone = false
  #activeAt = performance.now()
  #endsFor: GovernedEnd | undefined
  /** Whether what is being carried out may end this session itself, which has to hear what came of it. */
  #governs = false
  /** Why it ends behind that. */
  #endsBehind: GovernedEnd | undefined
  #endReason: EndReason | undefined

  constructor(options: ConsoleOptions, visit: ConsoleVisit) {
    const { guest, facts, intent, processId } = visit
    this.#options = options
    this.#visit = visit
    this.#user = {
      ...guest,
      issuer: facts.identity?.issuer,
      subject: facts.identity?.subject,
      address: facts.peer.address,
      session: facts.id,
      database: intent.database,
    }
    this.#parameters = new SessionParameters({
      application_name: intent.applicationName.slice(0, 63),
      session_authorization: guest.name,
      is_superuser: guest.right === 'admin' ? 'on' : 'off',
      server_version: `${serverVersion} (Portcullis ${options.version})`,
    })
    this.#dialog = new Dialog({
      transaction: this.#transaction,
      parameters: this.#parameters,
      carryOut: async (given) => this.#carryOut(given),
      write: async (bytes) => this.#write(bytes),
      onBug: options.onBug,
    })
    this.#own = {
      parameters: this.#parameters,
      transaction: this.#transaction,
      facts: () => ({
        user: guest.name,
        database: intent.database,
        version: `PostgreSQL ${serverVersion} (Portcullis ${options.version})`,
        processId,
        clientAddress: isPath(facts.listener.address) ? null : facts.peer.address,
        serverAddress: isPath(facts.listener.address) ? null : facts.listener.address,
        serverPort: isPath(facts.listener.address) ? null : facts.listener.port,
        nowMs: options.now().getTime(),
        setting: (name) => this.#parameters.show(name).value,
      }),
      deallocate: (name) => {
        if (name !== undefined) return this.#dialog.statements.delete(name)
        this.#dialog.statements.clear()
        return true
      },
      closePortals: () => {
        this.#dialog.portals.clear()
      },
    }
  }

  start(): void {
    void this.#run()
  }

  get standing(): Standing {
    if (this.#isWorking || !this.#dialog.isAtRest) return 'busy'
    return this.#transaction.status === 'I' ? 'idle' : 'in-transaction'
  }

  get activeAt(): number {
    return this.#activeAt
  }

  cancel(): void {
    this.#cancelled.abort()
  }

  endWhenIdle(reason: GovernedEnd): void {
    this.#endsFor ??= reason
    if (this.standing === 'idle') this.endNow(this.#endsFor)
  }

  /** All that is written is whole messages: a farewell may be behind any of them. */
  endNow(reason: GovernedEnd): void {
    if (this.#endReason !== undefined) return
    if (this.#governs) {
      this.#endsBehind ??= reason
      return
    }
    this.#visit.socket.write(farewells[reason])
    this.#finish(reason)
  }

  async #run(): Promise<void> {
    const { socket } = this.#visit
    socket.once('close', this.#gone)
    socket.once('end', this.#gone)
    try {
      await this.#write(this.#visit.greeting)
      await this.#dialog.begin()
      while (this.#endReason === undefined && (await this.#next()));
      this.#finish('client-closed')
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Takes the next message; false where it was the last. */
  async #next(): Promise<boolean> {
    const frame = await this.#visit.reader.read((bytes) => readFrame(bytes, maxMessageBytes))
    this.#bytes.fromFrontend += frame.raw.length
    this.#visit.traffic.fromFrontend += frame.raw.length
    const message = read(() => parseFrontendMessage(frame))
    if (message === undefined) throw new FrontendFault('08P01', 'invalid frontend message type')
    if (!(message instanceof FrontendFault) && message.kind === 'terminate') return false
    this.#isWorking = true
    this.#activeAt = performance.now()
    if (!this.#isGone) this.#cancelled = new AbortController()
    await this.#dialog.receive(message, frame.type)
    this.#isWorking = false
    this.#activeAt = performance.now()
    if (this.#endsFor !== undefined) this.endWhenIdle(this.#endsFor)
    if (this.#endsBehind !== undefined && this.#dialog.isAtRest) this.endNow(this.#endsBehind)
    return true
  }

  async #carryOut({ parsed, text, index, parameters }: Given): Promise<Answer> {
    const { statement, position } = parsed
    checkRight(statement, this.#user, position)
    const own = answerLocally(bindParameters(statement, parameters), this.#own)
    if (own !== undefined) return own
    const order = { text, index, parameters, user: this.#user }
    const answer = await this.#give(statement, order)
    if (!statement.kind.startsWith('show')) this.#transaction.changed()
    return answer
  }

  async #give({ kind }: Statement, order: ConsoleOrder): Promise<Answer> {
    this.#governs = endingKinds.has(kind)
    try {
      return await giveOrder(this.#options.order, order, this.#cancelled.signal)
    } finally {
      this.#governs = false
      // Whoever leaves out the Sync behind it does not stay for that.
      if (this.#endsBehind !== undefined) setTimeout(this.#endBehind, lastBytesMs)
    }
  }

  readonly #endBehind = (): void => {
    if (this.#endsBehind !== undefined) this.endNow(this.#endsBehind)
  }

  /** Resolves when the client has taken what was written before, or is gone. */
  async #write(bytes: Buffer): Promise<void> {
    const { socket, traffic } = this.#visit
    if (this.#endReason !== undefined || bytes.length === 0) return
    this.#bytes.fromConsole += bytes.length
    traffic.fromUpstream += bytes.length
    if (socket.write(bytes) || socket.destroyed) return
    await new Promise<void>((resolve) => {
      const over = (): void => {
        socket.off('drain', over)
        socket.off('close', over)
        resolve()
      }
      socket.on('drain', over)
      socket.on('close', over)
    })
  }

  /** Nobody is there to be told of what is waited for. */
  readonly #gone = (): void => {
    this.#isGone = true
    this.#cancelled.abort()
  }

  #fail(error: unknown): void {
    if (this.#endReason !== undefined) return
    if (error instanceof ConnectionLost) {
      this.#finish(this.#visit.socket.destroyed ? 'client-lost' : 'client-closed')
      return
    }
    const fault = fatalOf(error)
    if (fault === undefined) this.#options.onBug(error)
    this.#visit.socket.write(fatalError(fault ?? { sqlstate: 'XX000', message: 'internal error' }))
    this.#finish('client-closed')
  }

  #finish(reason: EndReason): void {
    if (this.#endReason !== undefined) return
    this.#endReason = reason
    this.#cancelled.abort()
    const { socket, reader, onEnd } = this.#visit
    reader.release()
    // What still comes is read, so that the close does not become a reset in front of the last words.
    socket.resume()
    let waiting = socket.writableLength
    const timer = setInterval(() => {
      if (socket.writableLength > 0 && socket.writableLength < waiting) {
        waiting = socket.writableLength
      } else socket.destroy()
    }, lastBytesMs)
    const over = (): void => {
      clearInterval(timer)
      onEnd(reason, this.#bytes)
    }
    if (socket.closed) over()
    else {
      socket.once('close', over)
      socket.end()
    }
  }
}

/** What a message says, or what is wrong with it. */
function read(
  parse: () => FrontendMessage | undefined,
): FrontendMessage | FrontendFault | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof FrontendFault) return error
    throw error
  }
}

/** Behind these nothing can be read any more. */
function fatalOf(error: unknown): ErrorFields | undefined {
  if (error instanceof FrontendFault) return { sqlstate: error.sqlstate, message: error.message }
  if (!(error instanceof FrameError)) return undefined
  return {
    sqlstate: '08P01',
    message: 'invalid message length',
    hint: `A message to the console may have ${maxMessageBytes} bytes.`,
  }
}

function isPath(address: string): boolean {
  return address.startsWith('/')
}
