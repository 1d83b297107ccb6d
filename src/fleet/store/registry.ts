// Which replicas there are, as the store says, and what time it is there.
import type { FleetSeal } from './seal.ts'
import type { Sql } from './migrate.ts'

export type ReplicaState = 'active' | 'draining' | 'stopped'

/** What a replica says of itself. */
export interface ReplicaFacts {
  readonly name: string
  readonly node: string
  readonly version: string
  /** Of its machine, as it knows it. */
  readonly address: string
  readonly state: ReplicaState
  readonly sessions: number
  readonly catalogVersion: number
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
}

export interface Replica extends ReplicaFacts {
  /** Of this start of it: a UUID. */
  readonly id: string
  /** When it last said that it is there, by the clock of the store. */
  readonly seenAtMs: number
  /** It has said nothing for so long that it is no longer waited for. */
  readonly isGone: boolean
}

/** A replica that is no longer waited for is forgotten some time later. */
export const forgottenMs = 10 * 60_000
/** So many heartbeats may be missed. */
const missedBeats = 4
/** Whoever can write to the store can make up rows; they cost no more than this. */
const maxReplicas = 200
const maxSealed = 4_096

interface Row {
  readonly id: string
  readonly sealed: string
  readonly seen: number
}

interface Known extends Omit<Replica, 'isGone' | 'seenAtMs'> {
  /** By our own clock that only goes forward. */
  readonly seenMs: number
}

export interface RegistryOptions {
  readonly id: string
  readonly seal: FleetSeal
  readonly heartbeatMs: number
  readonly facts: () => Promise<ReplicaFacts>
}

export class Registry {
  readonly #options: RegistryOptions
  readonly #known = new Map<string, Known>()
  /** What has to be added to our clock to get that of the store. */
  #offsetMs = Date.now() - performance.now()
  /** When the store was last asked: while it is away, nobody is known to be gone. */
  #lookedMs = 0

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  get nowMs(): number {
    return performance.now() + this.#offsetMs
  }

  /** The others, with those that are gone and not yet forgotten. */
  get others(): readonly Replica[] {
    const { heartbeatMs } = this.#options
    return [...this.#known.values()].map(({ seenMs, ...replica }) => ({
      ...replica,
      seenAtMs: seenMs + this.#offsetMs,
      isGone: this.#lookedMs - seenMs > missedBeats * heartbeatMs,
    }))
  }

  async self(): Promise<Replica> {
    const { id, facts } = this.#options
    return { ...(await facts()), id, seenAtMs: this.nowMs, isGone: false }
  }

  /** Says that this replica is there, and reads who else is. The tables are found without a schema. */
  async beat(sql: Sql): Promise<void> {
    const facts = await this.#options.facts()
    const before = performance.now()
    const nowMs = await this.#say(sql, facts)
    const after = performance.now()
    if (nowMs !== undefined) this.#offsetMs = nowMs - (before + after) / 2
    await this.look(sql)
  }

  async look(sql: Sql): Promise<void> {
    const { id } = this.#options
    const { rows } = await sql.query<Row>(
      `SELECT id::text AS id, sealed,
         pg_catalog.extract('epoch', pg_catalog.clock_timestamp() - seen_at)::float8 * 1000 AS seen
       FROM replicas
       WHERE id <> $1 AND pg_catalog.octet_length(sealed) <= $2
       ORDER BY seen_at DESC LIMIT $3`,
      [id, maxSealed, maxReplicas],
    )
    const at = performance.now()
    this.#lookedMs = at
    for (const row of rows) await this.#take(row, at)
    for (const [known, { seenMs }] of this.#known) {
      if (at - seenMs > forgottenMs) this.#known.delete(known)
    }
  }

  /**
   * For a replica that stops: the others need not wait for it. It says so itself, sealed; that its row is missing
   * would prove nothing, since whoever may write there may have taken it.
   */
  async leave(sql: Sql): Promise<void> {
    await this.#say(sql, { ...(await this.#options.facts()), state: 'stopped' })
  }

  /** Returns what time it is there. */
  async #say(sql: Sql, facts: ReplicaFacts): Promise<number | undefined> {
    const { id, seal } = this.#options
    const { rows } = await sql.query<{ readonly now: number }>(
      `INSERT INTO replicas (id, sealed, seen_at) VALUES ($1, $2, pg_catalog.clock_timestamp())
       ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, seen_at = excluded.seen_at
       RETURNING pg_catalog.extract('epoch', pg_catalog.clock_timestamp())::float8 * 1000 AS now`,
      [id, await seal.seal(`replica ${id}`, facts)],
    )
    return rows[0]?.now
  }

  async #take({ id, sealed, seen }: Row, at: number): Promise<void> {
    if (!Number.isFinite(seen) || seen > forgottenMs) return
    let facts: ReplicaFacts
    try {
      facts = (await this.#options.seal.open(`replica ${id}`, sealed)) as ReplicaFacts
    } catch {
      // Of another secret, or of nobody.
      return
    }
    const before = this.#known.get(id)
    if (facts.state === 'stopped') {
      this.#known.delete(id)
      return
    }
    if (before === undefined && this.#known.size >= maxReplicas) return
    // A time to come would keep it among the living, and one that goes back would have it gone.
    const seenMs = Math.max(before?.seenMs ?? -Infinity, at - Math.max(0, seen))
    this.#known.set(id, { ...facts, id, seenMs })
  }
}
