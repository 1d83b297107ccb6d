import { createHash, randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Refusal } from '../refusal.ts'
import { ScramKeyCache } from '../sasl/scram-key-cache.ts'
import { FrameError } from '../wire/frame.ts'
import { ConnectionLost } from '../wire/packet-reader.ts'
import { MalformedMessage } from '../wire/read-backend.ts'
import type { LoginCredential } from './answer-authentication.ts'
import { everywhere } from './endpoint.ts'
import { JobQueue } from './job-queue.ts'
import { UpstreamNetwork } from './network.ts'
import { openSession } from './open-session.ts'
import {
  type Change,
  markOf,
  type Plan,
  planRole,
  type ProvisionOutcome,
  type RoleState,
  toSql,
  type Wish,
} from './provision-plan.ts'
import { parseState, prepareState, stateQuery } from './provision-state.ts'
import { Unquotable } from './quote-sql.ts'
import { ownParameters, SqlSession, StatementFailed } from './sql-session.ts'
import type { UpstreamTarget } from './target.ts'

export interface ProvisionerOptions {
  readonly target: UpstreamTarget
  /** Who makes roles: one that may, and that is no superuser. */
  readonly role: string
  /** Of that role; without one it logs in as the target's roles do. */
  readonly password: string | undefined
  /** How many connections of this process work at the same time. */
  readonly connections: number
}

/** Of different wishes; whoever has the same one waits for the same answer. */
const maxWaiting = 1_000
const idleMs = 30_000
/** How often others may come in between before a login gives up. */
const maxAttempts = 8
const longestPauseMs = 100
/** Since when PostgreSQL notes of each grant who it is from, and lets nobody administrate their own role. */
const oldestVersion = 160_000
/** The first of two keys of `pg_advisory_xact_lock`; the second is of the name of the role. */
const lockClass = 0x706f_7274

/**
 * Keeps the roles of identities at one server as their logins want them. Connections are opened as they
 * are needed and closed when nobody has needed them for a while.
 */
export class Provisioner {
  readonly #options: ProvisionerOptions
  readonly #access = { keys: new ScramKeyCache(1), network: new UpstreamNetwork() }
  readonly #queue: JobQueue<Plan>
  readonly #idle: Kept[] = []

  constructor(options: ProvisionerOptions) {
    this.#options = options
    this.#queue = new JobQueue({ maxRunning: options.connections, maxWaiting })
  }

  get role(): string {
    return this.#options.role
  }

  /**
   * Makes the role what the wish says, or throws a Refusal, within the target's connect timeout. What the
   * server has is looked at after the call, never before: memberships may have changed meanwhile.
   */
  async provision(wish: Wish): Promise<ProvisionOutcome> {
    const { connectTimeoutMs } = this.#options.target
    const key = JSON.stringify(wish)
    let isFirst = false as boolean
    const work = this.#queue.run(key, connectTimeoutMs, async (signal) => {
      isFirst = true
      return this.#work(signal, async (session) => provisionOn(session, wish))
    })
    const outcome = this.#outcomeOf(await this.#orRefusal(work))
    // Others who waited for the same found it done.
    return isFirst ? outcome : 'unchanged'
  }

  /** Proves that it could, and leaves nothing behind. Throws a Refusal. */
  async rehearse(wish: Wish): Promise<void> {
    const work = this.#work(this.#deadline(), async (session) => {
      await session.query('BEGIN')
      const plan = await planOn(session, wish)
      for (const change of changesOf(plan)) await session.query(toSql(change))
      await session.query('ROLLBACK')
      return plan
    })
    this.#outcomeOf(await this.#orRefusal(work))
  }

  /** Those of the roles that exist at the server. Throws a Refusal. */
  async existing(roles: readonly string[]): Promise<ReadonlySet<string>> {
    const work = this.#work(this.#deadline(), async (session) =>
      readState(session, this.role, roles),
    )
    const { groups } = await this.#orRefusal(work)
    return new Set(groups.map(({ name }) => name))
  }

  /** Closes what is idle; connections at work are closed when they become it. */
  close(): void {
    for (const { end } of this.#idle.splice(0)) end()
  }

  async #work<T>(signal: AbortSignal, work: (session: SqlSession) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const kept = this.#idle.pop()
      const session = kept === undefined ? await this.#open(signal) : kept.use()
      const abort = (): void => {
        session.destroy()
      }
      signal.addEventListener('abort', abort, { once: true })
      try {
        signal.throwIfAborted()
        const result = await work(session)
        this.#keep(session)
        return result
      } catch (error) {
        const isConflict = error instanceof StatementFailed && conflicts.has(error.sqlstate)
        // The server may have closed what was kept for so long.
        const isStale = error instanceof ConnectionLost && kept !== undefined
        if (error instanceof StatementFailed && (await isRolledBack(session))) this.#keep(session)
        else session.destroy()
        signal.throwIfAborted()
        if (attempt >= maxAttempts || !(isConflict || isStale)) throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
      await pause(randomInt(longestPauseMs), undefined, { signal })
    }
  }

  async #open(signal: AbortSignal): Promise<SqlSession> {
    const { target, role } = this.#options
    const credential = await this.#credential()
    const request = {
      role,
      credential,
      parameters: sessionParameters(target),
      requirement: undefined,
    }
    // Roles are made where something can be made, whichever server sessions are for.
    const wantedSession = target.hosts.length > 1 ? 'primary' : 'any'
    const opened = await openSession({ ...target, wantedSession }, request, this.#access)
    const session = new SqlSession(opened)
    const abort = (): void => {
      session.destroy()
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      signal.throwIfAborted()
      await checkServer(session)
      return session
    } catch (error) {
      session.destroy()
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async #credential(): Promise<LoginCredential> {
    const { target, role, password } = this.#options
    if (password !== undefined) {
      return { kind: 'password', password, allow: new Set(['scram-sha-256']), isClients: false }
    }
    const { credentials } = target
    if (credentials.method !== 'certificate') return { kind: 'none' }
    const secureContext = await credentials.certificates.contextFor(role, new Date())
    return { kind: 'certificate', secureContext }
  }

  #keep(session: SqlSession): void {
    if (!session.isOpen || this.#idle.length >= this.#options.connections) {
      session.end()
      return
    }
    const forget = (): void => {
      const index = this.#idle.indexOf(kept)
      if (index !== -1) this.#idle.splice(index, 1)
      clearTimeout(timer)
    }
    const lost = (): void => {
      forget()
      session.destroy()
    }
    const timer = setTimeout(() => {
      forget()
      session.end()
    }, idleMs).unref()
    const kept: Kept = {
      use: () => {
        clearTimeout(timer)
        session.use(lost)
        return session
      },
      end: () => {
        clearTimeout(timer)
        session.end()
      },
    }
    session.keep(lost)
    this.#idle.push(kept)
  }

  #deadline(): AbortSignal {
    return AbortSignal.timeout(this.#options.target.connectTimeoutMs)
  }

  #outcomeOf(plan: Plan): ProvisionOutcome {
    if (plan.outcome !== 'refused') return plan.outcome
    throw new Refusal(plan.reason, { logDetail: `${this.#prefix}: ${plan.detail}` })
  }

  async #orRefusal<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      throw this.#toRefusal(error)
    }
  }

  get #prefix(): string {
    const { target, role } = this.#options
    return `as ${role} at ${everywhere(target)}`
  }

  #toRefusal(error: unknown): unknown {
    if (error instanceof StatementFailed || error instanceof Unfit || error instanceof Unquotable) {
      const code = error instanceof StatementFailed ? `${error.sqlstate} ` : ''
      const logDetail = `${this.#prefix}: ${code}${error.message}`
      return new Refusal('provisioning-failed', { logDetail })
    }
    if (error instanceof Refusal) {
      const told = error.logDetail === undefined ? '' : `: ${error.logDetail}`
      const logDetail = `${this.#prefix}: ${error.reason}${told}`
      return new Refusal('provisioning-unavailable', { logDetail, cause: error.cause })
    }
    if (!isOfConnection(error)) return error
    return new Refusal('provisioning-unavailable', { logDetail: this.#prefix, cause: error })
  }
}

interface Kept {
  readonly use: () => SqlSession
  readonly end: () => void
}

/** It was not the connection: the server or the role is not one that can be used. */
class Unfit extends Error {
  override readonly name = 'Unfit'
}

function isOfConnection(error: unknown): boolean {
  return (
    error instanceof ConnectionLost ||
    error instanceof FrameError ||
    error instanceof MalformedMessage ||
    (error instanceof Error && ['AbortError', 'TimeoutError', 'QueueFull'].includes(error.name))
  )
}

/**
 * Somebody else was at it at the same moment: unique violation, duplicate or undefined object,
 * serialization, deadlock, and `tuple concurrently updated`, which has no code of its own.
 */
const conflicts: ReadonlySet<string> = new Set([
  '23505',
  '42710',
  '42704',
  '40001',
  '40P01',
  'XX000',
])

function sessionParameters({ connectTimeoutMs }: UpstreamTarget): ReadonlyMap<string, string> {
  return new Map([
    // Names of roles are the same bytes in every database, whatever its encoding is.
    ...ownParameters('portcullis provisioning', 'SQL_ASCII', connectTimeoutMs),
    ['plan_cache_mode', 'force_generic_plan'],
    ['default_transaction_isolation', 'read committed'],
    ['default_transaction_read_only', 'off'],
  ])
}

async function checkServer(session: SqlSession): Promise<void> {
  const [row] = await session.query(`SELECT
    pg_catalog.current_setting('server_version_num'),
    (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = SESSION_USER)`)
  const [version, isSuperuser] = row ?? []
  if (Number(version) < oldestVersion) {
    throw new Unfit(
      'provisioning needs PostgreSQL 16 or newer, which notes who granted a membership',
    )
  }
  if (isSuperuser !== 'f') throw new Unfit('the provisioner must not be a superuser')
  // Or it would become a member of what it creates.
  await session.query("SET createrole_self_grant TO ''")
  await session.query(prepareState)
}

async function provisionOn(session: SqlSession, wish: Wish): Promise<Plan> {
  const first = await planOn(session, wish)
  if (changesOf(first).length === 0) return first
  await session.query(`BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(${lockKeys(wish.role)})`)
  // Somebody else may have had the lock until now.
  let plan = await planOn(session, wish)
  if (plan.outcome === 'changed') {
    // Advisory locks hold in one database alone. This one is of the server: the comment stays what it is.
    await session.query(toSql({ kind: 'mark', role: wish.role, mark: markOf(wish) }))
    plan = await planOn(session, wish)
  }
  const statements = changesOf(plan).map(toSql)
  if (statements.length > 0) await session.query(statements.join(';\n'))
  // By itself: of what waits for a lock nothing is done any more once we have given up.
  await session.query('COMMIT')
  return plan
}

async function planOn(session: SqlSession, wish: Wish): Promise<Plan> {
  return planRole(wish, await readState(session, wish.role, wish.memberOf))
}

async function readState(
  session: SqlSession,
  role: string,
  memberOf: readonly string[],
): Promise<RoleState> {
  const [row] = await session.query(stateQuery(role, memberOf))
  return parseState(row?.[0] ?? '')
}

function changesOf(plan: Plan): readonly Change[] {
  return plan.outcome === 'refused' ? [] : plan.changes
}

/** Whether the session is as good as new after what the server said no to. */
async function isRolledBack(session: SqlSession): Promise<boolean> {
  try {
    await session.query('ROLLBACK')
    return true
  } catch {
    return false
  }
}

/** Both are numbers that we have made. */
function lockKeys(role: string): string {
  const key = createHash('sha256').update(role).digest().readInt32BE(0)
  return `${lockClass}, ${key}`
}
