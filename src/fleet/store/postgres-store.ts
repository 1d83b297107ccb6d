// The store over PostgreSQL: one connection that listens and says that this replica is there, and a few for transactions.
import { randomUUID } from 'node:crypto'
import { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { clientConfig, type Reach, statementTimeoutMs } from './address.ts'
import { Follower } from './follower.ts'
import { cleanUp } from './housekeeping.ts'
import { migrate, type Rows } from './migrate.ts'
import { Registry, type Replica, type ReplicaFacts } from './registry.ts'
import { FleetSeal } from './seal.ts'
import {
  type Store,
  StoreAway,
  type StoreState,
  type StoreTransaction,
  type Topic,
} from './store.ts'
import { toStoreError, whyOf } from './why.ts'

/** What becomes of the store, for the log and the metrics. */
export interface StoreObserver {
  /** `error` says more than clients may read. */
  away(why: string, error: unknown): void
  up(awayMs: number): void
  /** Something could not be looked at; it will be again. */
  lookFailed(topic: Topic, error: unknown): void
}

export interface PostgresStoreOptions extends Reach {
  readonly schema: string
  /** The first seals, all open. */
  readonly secrets: readonly string[]
  readonly heartbeatMs: number
  /** Of this replica, as it is now. */
  readonly facts: () => Promise<ReplicaFacts>
  readonly observer: StoreObserver
  /** Of one transaction, with its wait for a connection. */
  readonly transactionMs?: number
}

const usualTransactionMs = 5_000
const maxConnections = 4
/** Transactions that are under way or wait for a connection; more of them mean that the store does not answer. */
const maxTransactions = 64
const idleMs = 30_000
const firstRetryMs = 250
const longestRetryMs = 15_000
/** Everything is looked at once more with every so many heartbeats. */
const beatsPerRound = 12
const closeMs = 2_000

const topics: ReadonlySet<string> = new Set<Topic>([
  ...(['catalog', 'orders', 'failures', 'gates', 'replicas', 'calls'] as const),
])

export class PostgresStore implements Store {
  readonly replica = randomUUID()
  readonly #options: PostgresStoreOptions
  readonly #seal: FleetSeal
  readonly #registry: Registry
  readonly #followers = new Map<Follower, Topic>()
  readonly #stopping = new AbortController()
  readonly #begin: string
  readonly #channel: string
  #state: StoreState = { kind: 'away', sinceMs: Date.now(), why: 'not connected yet' }
  #whenUp = Promise.withResolvers<undefined>()
  #pool: pg.Pool | undefined
  #running: Promise<void> | undefined
  #nudge: () => void = () => {}
  #transactions = 0
  #retryMs = firstRetryMs

  constructor(options: PostgresStoreOptions) {
    this.#options = options
    const { secrets, heartbeatMs, facts, schema } = options
    this.#seal = new FleetSeal(secrets)
    this.#registry = new Registry({ id: this.replica, seal: this.#seal, heartbeatMs, facts })
    // The catalog first, so that nobody else's functions are found in its place, and whatever is temporary last.
    const path = `pg_catalog, ${pg.escapeIdentifier(schema)}, pg_temp`
    this.#begin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
      SET LOCAL search_path = ${path}; SET LOCAL statement_timeout = ${statementTimeoutMs};
      SET LOCAL lock_timeout = ${statementTimeoutMs}; SET LOCAL synchronous_commit = on;
      SET LOCAL idle_in_transaction_session_timeout = ${2 * usualTransactionMs}`
    this.#channel = schema
    this.follow('replicas', async () =>
      this.transact(async (transaction) =>
        this.#registry.look({
          query: async <Row extends object>(
            text: string,
            values?: unknown[],
          ): Promise<Rows<Row>> => ({
            rows: await transaction.query<Row>(text, values),
          }),
        }),
      ),
    )
  }

  get state(): StoreState {
    return this.#state
  }

  get nowMs(): number {
    return this.#registry.nowMs
  }

  /** The other replicas, with those that are gone since a short time. */
  get others(): readonly Replica[] {
    return this.#registry.others
  }

  async self(): Promise<Replica> {
    return this.#registry.self()
  }

  /** Connects, and goes on doing so whenever it is needed, until it is closed. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** The state as soon as it is up, or as it is when the time is over. */
  async settled(timeoutMs: number): Promise<StoreState> {
    const over = new AbortController()
    await Promise.race([
      this.#whenUp.promise,
      pause(timeoutMs, undefined, { signal: over.signal }).catch(() => {}),
    ])
    over.abort()
    return this.#state
  }

  /** Has the others know at once what this replica says of itself, as far as the store can be reached. */
  tellFacts(): void {
    this.#nudge()
  }

  async transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    const pool = this.#pool
    if (pool === undefined) {
      throw new StoreAway(this.#state.kind === 'away' ? this.#state.why : 'closed')
    }
    if (this.#transactions >= maxTransactions) throw new StoreAway('too many transactions')
    this.#transactions++
    const over = new AbortController()
    const timer = setTimeout(() => {
      over.abort(new StoreAway('timeout'))
    }, this.#options.transactionMs ?? usualTransactionMs)
    try {
      return await this.#transact(pool, work, over.signal)
    } catch (error) {
      // Whether it is still there is found out now, and not with the next heartbeat.
      if (error instanceof StoreAway) this.#nudge()
      throw error
    } finally {
      clearTimeout(timer)
      this.#transactions--
    }
  }

  follow(topic: Topic, look: () => Promise<void>): () => void {
    const follower = new Follower(look, (error) => {
      this.#options.observer.lookFailed(topic, error)
    })
    this.#followers.set(follower, topic)
    if (this.#state.kind === 'up') follower.wake()
    return () => {
      follower.stop()
      this.#followers.delete(follower)
    }
  }

  async seal(purpose: string, data: unknown): Promise<string> {
    return this.#seal.seal(purpose, data)
  }

  async open(purpose: string, sealed: string): Promise<unknown> {
    return this.#seal.open(purpose, sealed)
  }

  mark(purpose: string, text: string): string {
    return this.#seal.mark(purpose, text)
  }

  /** The others need not wait for this replica any more. Never throws. */
  async close(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    for (const follower of this.#followers.keys()) follower.stop()
    this.#stopping.abort()
    this.#nudge()
    await Promise.race([this.#running, pause(closeMs, undefined, { ref: false })])
  }

  async #transact<T>(
    pool: pg.Pool,
    work: (transaction: StoreTransaction) => Promise<T>,
    over: AbortSignal,
  ): Promise<T> {
    const client = await connected(pool, over)
    let isOpen = true
    const query = async <Row extends object>(
      text: string,
      values: readonly unknown[] = [],
    ): Promise<pg.QueryResult<Row>> => {
      if (!isOpen) throw new StoreAway('the transaction is over')
      try {
        return await orAborted(client.query<Row>(text, [...values]), over)
      } catch (error) {
        throw toStoreError(error)
      }
    }
    const transaction: StoreTransaction = {
      query: async <Row extends object>(text: string, values?: readonly unknown[]) =>
        (await query<Row>(text, values)).rows,
      changed: async (topic, replicas) => {
        const payloads =
          replicas === undefined
            ? [`${topic} ${this.replica}`]
            : replicas.map((replica) => `${topic} ${this.replica} ${replica}`)
        await query(
          'SELECT pg_catalog.pg_notify($1, payload) FROM pg_catalog.unnest($2::text[]) AS payload',
          [this.#channel, payloads],
        )
      },
    }
    let isClean = false
    try {
      await orAborted(client.query(this.#begin), over).catch((error: unknown) => {
        throw toStoreError(error)
      })
      const result = await orAborted(work(transaction), over)
      const { command } = await query('COMMIT')
      // Where a statement failed, whatever the work made of it.
      if (command !== 'COMMIT') throw new StoreAway('rolled back')
      isClean = true
      return result
    } catch (error) {
      if (!over.aborted) {
        isClean = await orAborted(client.query('ROLLBACK'), over).then(
          () => true,
          () => false,
        )
      }
      throw error
    } finally {
      isOpen = false
      client.release(!isClean)
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!isAborted(signal)) {
      try {
        await this.#connection()
      } catch (error) {
        if (!isAborted(signal)) this.#setAway(error)
      }
      this.#letGo()
      if (isAborted(signal)) return
      const waitMs = this.#retryMs * (0.5 + Math.random() / 2)
      this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs)
      await pause(waitMs, undefined, { signal, ref: false }).catch(() => {})
    }
  }

  /** Serves one connection until it is lost, which it throws, or until it is to stop. */
  async #connection(): Promise<void> {
    const socket = new Socket()
    const client = new pg.Client({ ...clientConfig(this.#options), stream: () => socket })
    const lost = Promise.withResolvers<never>()
    lost.promise.catch(() => {})
    client.on('error', lost.reject)
    client.on('end', () => {
      lost.reject(new StoreAway('connection-lost'))
    })
    try {
      await client.connect()
      await client.query(
        `SELECT pg_catalog.set_config('statement_timeout', $1, false),
                pg_catalog.set_config('lock_timeout', $1, false)`,
        [String(statementTimeoutMs)],
      )
      await migrate(client, this.#options.schema)
      await client.query(
        `SET search_path = pg_catalog, ${pg.escapeIdentifier(this.#options.schema)}, pg_temp`,
      )
      client.on('notification', ({ payload = '' }) => {
        this.#hear(payload)
      })
      await client.query(`LISTEN ${pg.escapeIdentifier(this.#channel)}`)
      await this.#registry.beat(client)
      this.#setUp()
      await this.#beat(client, lost.promise)
      await this.#registry.leave(client)
      await client.query('SELECT pg_catalog.pg_notify($1, $2)', [
        this.#channel,
        `replicas ${this.replica}`,
      ])
    } finally {
      // A server that does not answer any more would not answer the farewell either.
      socket.destroy()
    }
  }

  async #beat(client: pg.Client, lost: Promise<never>): Promise<void> {
    const { signal } = this.#stopping
    for (let beat = 1; !isAborted(signal); beat++) {
      const nudged = new Promise<void>((resolve) => {
        this.#nudge = resolve
      })
      const over = new AbortController()
      const beatMs = this.#options.heartbeatMs
      await Promise.race([
        lost,
        nudged,
        pause(beatMs, undefined, { signal: over.signal, ref: false }).catch(() => {}),
      ]).finally(() => {
        over.abort()
      })
      if (isAborted(signal)) return
      await Promise.race([lost, this.#registry.beat(client)])
      const isRound = beat % beatsPerRound === 0
      for (const follower of this.#followers.keys()) follower[isRound ? 'wake' : 'retry']()
      if (isRound) this.transact(cleanUp(this.#options.schema)).catch(() => {})
    }
  }

  /** `topic sender` or `topic sender recipient`. What a newer replica tells is nothing to us. */
  #hear(payload: string): void {
    const [topic = '', sender, recipient = this.replica] = payload.split(' ', 3)
    if (!topics.has(topic) || sender === this.replica || recipient !== this.replica) return
    for (const [follower, one] of this.#followers) if (one === topic) follower.wake()
  }

  #setUp(): void {
    const awayMs = this.#state.kind === 'away' ? Date.now() - this.#state.sinceMs : 0
    this.#pool = this.#openPool()
    this.#state = { kind: 'up' }
    this.#retryMs = firstRetryMs
    this.#options.observer.up(awayMs)
    this.#whenUp.resolve(undefined)
    for (const follower of this.#followers.keys()) follower.wake()
  }

  #setAway(error: unknown): void {
    const why = whyOf(error)
    const before = this.#state
    const sinceMs = before.kind === 'away' ? before.sinceMs : Date.now()
    if (before.kind === 'up') this.#whenUp = Promise.withResolvers<undefined>()
    this.#state = { kind: 'away', sinceMs, why }
    // Once for each cause: it is tried for as long as it takes.
    if (before.kind === 'up' || before.why !== why) this.#options.observer.away(why, error)
  }

  #letGo(): void {
    const pool = this.#pool
    this.#pool = undefined
    pool?.end().catch(() => {})
  }

  #openPool(): pg.Pool {
    const pool = new pg.Pool({
      ...clientConfig(this.#options),
      max: maxConnections,
      idleTimeoutMillis: idleMs,
      allowExitOnIdle: true,
    })
    // What is lost while it is idle is opened again when it is needed.
    pool.on('error', () => {})
    pool.on('connect', (client) => {
      client.on('error', () => {})
    })
    return pool
  }
}

/** A connection of the pool; one that comes too late goes back. */
async function connected(pool: pg.Pool, over: AbortSignal): Promise<pg.PoolClient> {
  const connecting = pool.connect()
  try {
    return await orAborted(connecting, over)
  } catch (error) {
    connecting.then(
      (client) => {
        client.release()
      },
      () => {},
    )
    throw toStoreError(error)
  }
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => {
    // Always a StoreAway.
    aborted.reject(signal.reason as Error)
  }
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  // Whoever loses is not looked at any more.
  work.catch(() => {})
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** A function, since it changes while something else is waited for. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
