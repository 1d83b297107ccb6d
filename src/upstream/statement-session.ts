// A session of an operator, in which statements run one by one.
import type { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import type { LoginCredential } from './answer-authentication.ts'
import type { UpstreamSession } from './log-in.ts'
import { UpstreamNetwork } from './network.ts'
import { openSession } from './open-session.ts'
import { ownParameters, SqlSession, StatementFailed } from './sql-session.ts'
import type { UpstreamTarget } from './target.ts'

export interface StatementSessionOptions {
  readonly role: string
  readonly credential: LoginCredential
  /** What `pg_stat_activity` shows of it. */
  readonly applicationName: string
  /** For each statement, at the server; a little later the connection is given up. */
  readonly statementTimeoutMs: number
}

const graceMs = 5_000

export class StatementSession implements AsyncDisposable {
  readonly #socket: UpstreamSession['socket']
  readonly #session: SqlSession
  readonly #deadlineMs: number

  private constructor(session: UpstreamSession, deadlineMs: number) {
    this.#socket = session.socket
    this.#session = new SqlSession(session)
    this.#deadlineMs = deadlineMs
  }

  /** Logs in, or throws a Refusal. */
  static async open(
    target: UpstreamTarget,
    { role, credential, applicationName, statementTimeoutMs }: StatementSessionOptions,
    keys: ScramKeyCache,
  ): Promise<StatementSession> {
    const parameters = new Map(ownParameters(applicationName, 'UTF8', statementTimeoutMs))
    const request = { role, credential, parameters, requirement: undefined }
    const session = await openSession(target, request, { keys, network: new UpstreamNetwork() })
    return new StatementSession(session, statementTimeoutMs + graceMs)
  }

  /**
   * Runs one statement and returns the first column of its rows, where it is not null. Throws
   * `StatementFailed` where the server refuses it; whatever else it throws, the session is over.
   */
  async run(statement: string): Promise<readonly string[]> {
    const timer = setTimeout(() => {
      this.#socket.destroy(new Error(`no answer within ${this.#deadlineMs} ms`))
    }, this.#deadlineMs)
    try {
      const rows = await this.#session.query(statement)
      return rows.flatMap(([first]) => first ?? [])
    } catch (error) {
      if (!(error instanceof StatementFailed)) this.#session.destroy()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.end()
    return Promise.resolve()
  }
}
