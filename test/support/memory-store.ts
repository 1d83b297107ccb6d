// A store of a fleet in memory: what its replicas ask of PostgreSQL, and that it can be away.
import { createHmac, randomUUID } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import {
  type Store,
  StoreAway,
  type StoreState,
  type StoreTransaction,
  type Topic,
} from '../../src/fleet/store/store.ts'

type Row = Record<string, unknown>
type Values = readonly unknown[]

interface Tables {
  readonly catalog_versions: Map<number, Row>
  readonly orders: Map<string, Row>
  readonly failures: Map<string, Row>
  readonly gates: Map<boolean, Row>
  readonly marks: Map<string, Row>
}

export class MemoryDatabase {
  tables: Tables = {
    catalog_versions: new Map(),
    orders: new Map(),
    failures: new Map(),
    gates: new Map(),
    marks: new Map(),
  }
  #seq = 0
  #turn: Promise<unknown> = Promise.resolve()
  readonly #replicas: MemoryStore[] = []
  /** Of the clock that counts. */
  nowMs = Date.now()

  store(): MemoryStore {
    const store = new MemoryStore(this)
    this.#replicas.push(store)
    return store
  }

  async transact<T>(
    by: MemoryStore,
    work: (transaction: StoreTransaction) => Promise<T>,
    end: () => void,
  ): Promise<T> {
    const turn = this.#turn.then(async () => {
      const before = structuredClone(this.tables)
      const changed = new Set<Topic>()
      try {
        const result = await work({
          query: async <R extends object>(text: string, values: Values = []) =>
            Promise.resolve(this.#query(text, values) as R[]),
          changed: async (topic) => Promise.resolve(void changed.add(topic)),
        })
        end()
        return { result, changed }
      } catch (error) {
        this.tables = before
        throw error
      }
    })
    this.#turn = turn.catch(() => {})
    const { result, changed } = await turn
    for (const other of this.#replicas) {
      if (other !== by) for (const topic of changed) other.look(topic)
    }
    return result
  }

  /** Resolves when everybody has looked at everything. */
  async settled(): Promise<void> {
    for (let round = 0; round < 5; round++) {
      await Promise.all(this.#replicas.map(async (one) => one.looked()))
    }
  }

  #query(text: string, values: Values): readonly Row[] {
    const sql = text.replaceAll(/\s+/g, ' ').trim()
    const found = statements.find(([begin]) => sql.startsWith(begin))
    if (found === undefined) throw new Error(`not known to the double: ${sql}`)
    return found[1](this.tables, values, { nowMs: this.nowMs, seq: () => ++this.#seq })
  }
}

interface Clock {
  readonly nowMs: number
  readonly seq: () => number
}

type Statement = (tables: Tables, values: Values, clock: Clock) => readonly Row[]

const byVersion = (tables: Tables): readonly Row[] =>
  [...tables.catalog_versions.values()].sort((a, b) => Number(b['version']) - Number(a['version']))

const statements: readonly (readonly [begin: string, run: Statement])[] = [
  ['SELECT pg_catalog.pg_advisory_xact_lock', () => []],
  [
    'SELECT version::text AS version, sealed FROM catalog_versions WHERE version = ANY',
    (tables, [versions]) =>
      byVersion(tables).filter((row) => (versions as number[]).includes(Number(row['version']))),
  ],
  [
    'SELECT version::text AS version, sealed FROM catalog_versions WHERE version =',
    (tables, [version]) => byVersion(tables).filter((row) => row['version'] === String(version)),
  ],
  [
    'SELECT version::text AS version, sealed FROM catalog_versions',
    (tables) => byVersion(tables).slice(0, 1),
  ],
  [
    'SELECT version::text AS version FROM catalog_versions',
    (tables, [most]) => byVersion(tables).slice(0, (most as number | undefined) ?? 1),
  ],
  [
    'SELECT 1 AS one FROM catalog_versions',
    (tables, [version, sealed]) =>
      tables.catalog_versions.get(version as number)?.['sealed'] === sealed ? [{ one: 1 }] : [],
  ],
  [
    'INSERT INTO catalog_versions',
    ({ catalog_versions: versions }, [version, sealed]) => {
      if (versions.has(version as number)) throw new Error('duplicate key')
      versions.set(version as number, { version: String(version), sealed })
      return []
    },
  ],
  [
    'DELETE FROM catalog_versions',
    (tables, [keep]) => {
      for (const row of byVersion(tables).slice(keep as number)) {
        tables.catalog_versions.delete(Number(row['version']))
      }
      return []
    },
  ],
  [
    'SELECT id::text AS id FROM orders',
    ({ orders }, _, { nowMs }) =>
      [...orders.values()].filter((row) => (row['until'] as number) > nowMs),
  ],
  [
    'SELECT id::text AS id, sealed',
    ({ orders }, [ids]) =>
      [...orders.values()].filter((row) => (ids as string[]).includes(row['id'] as string)),
  ],
  [
    'INSERT INTO orders',
    ({ orders }, [id, sealed, until]) => {
      if (!orders.has(id as string)) orders.set(id as string, { id, sealed, until })
      return []
    },
  ],
  [
    'DELETE FROM orders',
    ({ orders }, _, { nowMs }) => {
      for (const [id, row] of orders) if ((row['until'] as number) < nowMs) orders.delete(id)
      return []
    },
  ],
  [
    'SELECT mark, sealed FROM failures WHERE mark = ANY',
    ({ failures }, [marks]) =>
      [...failures.values()].filter((row) => (marks as string[]).includes(row['mark'] as string)),
  ],
  [
    'SELECT mark, sealed, seq::text AS seq FROM failures',
    ({ failures }, [since, most]) =>
      [...failures.values()]
        .filter((row) => Number(row['seq']) > Number(since))
        .sort((a, b) => Number(a['seq']) - Number(b['seq']))
        .slice(0, most as number),
  ],
  [
    'INSERT INTO failures',
    ({ failures }, values, { seq }) => {
      const [marks, sealed, at] = values as [string[], string[], number[]]
      for (const [index, mark] of marks.entries()) {
        const row = { mark, sealed: sealed[index], last_at: at[index] }
        failures.set(mark, { ...row, seq: String(seq()) })
      }
      return []
    },
  ],
  [
    'DELETE FROM failures',
    ({ failures }, [before]) => {
      for (const [mark, row] of failures) {
        if ((row['last_at'] as number) < (before as number)) failures.delete(mark)
      }
      return []
    },
  ],
  ['SELECT version::text AS version, sealed FROM gates', ({ gates }) => [...gates.values()]],
  [
    'INSERT INTO gates',
    ({ gates }, [version, sealed]) => {
      gates.set(true, { version: String(version), sealed })
      return []
    },
  ],
  [
    'INSERT INTO marks',
    ({ marks }, [mark, until], { nowMs }) => {
      const known = marks.get(mark as string)
      if (known !== undefined && (known['until'] as number) > nowMs) return []
      marks.set(mark as string, { mark, until })
      return [{ mark }]
    },
  ],
  [
    'DELETE FROM marks WHERE mark',
    ({ marks }, [mark]) => {
      marks.delete(mark as string)
      return []
    },
  ],
  [
    'DELETE FROM marks',
    ({ marks }, _, { nowMs }) => {
      for (const [mark, row] of marks) if ((row['until'] as number) < nowMs) marks.delete(mark)
      return []
    },
  ],
]

/** As one replica sees it. */
export class MemoryStore implements Store {
  readonly replica = randomUUID()
  readonly #database: MemoryDatabase
  readonly #looks = new Map<Topic, Set<() => Promise<void>>>()
  readonly #failed = new Set<() => Promise<void>>()
  /** Looks that are under way, and whether another one is due. */
  readonly #again = new Map<() => Promise<void>, boolean>()
  readonly #running = new Set<Promise<void>>()
  state: StoreState = { kind: 'up' }
  /** The next transaction is lost when it ends: it is committed all the same, or is not. */
  losesNext: 'committed' | 'rolled-back' | undefined

  constructor(database: MemoryDatabase) {
    this.#database = database
  }

  get nowMs(): number {
    return this.#database.nowMs
  }

  goAway(): void {
    this.state = { kind: 'away', sinceMs: 0, why: 'ECONNREFUSED' }
  }

  async comeBack(): Promise<void> {
    this.state = { kind: 'up' }
    for (const topic of this.#looks.keys()) this.look(topic)
    await this.looked()
  }

  async transact<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    if (this.state.kind === 'away') throw new StoreAway('away')
    const lost = this.losesNext
    const result = await this.#database.transact(this, work, () => {
      if (lost === 'rolled-back') {
        this.losesNext = undefined
        throw new StoreAway('lost')
      }
    })
    if (lost === 'committed') {
      this.losesNext = undefined
      throw new StoreAway('lost')
    }
    return result
  }

  follow(topic: Topic, look: () => Promise<void>): () => void {
    const known = this.#looks.get(topic) ?? new Set()
    this.#looks.set(topic, known.add(look))
    this.#run(look)
    return () => known.delete(look)
  }

  look(topic: Topic): void {
    if (this.state.kind === 'away') return
    for (const look of this.#looks.get(topic) ?? []) this.#run(look)
  }

  /** Looks once more at whatever it could not use. */
  async heartbeat(): Promise<void> {
    for (const look of [...this.#failed]) this.#run(look)
    await this.looked()
  }

  async looked(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async seal(purpose: string, data: unknown): Promise<string> {
    const sealed = serialize({ purpose, data }).toString('base64')
    return Promise.resolve(sealed)
  }

  async open(purpose: string, sealed: string): Promise<unknown> {
    const value = deserialize(Buffer.from(sealed, 'base64')) as { purpose: string; data: unknown }
    if (value.purpose !== purpose) throw new Error('sealed for another purpose')
    return Promise.resolve(value.data)
  }

  mark(purpose: string, text: string): string {
    return createHmac('sha256', purpose).update(text).digest('base64url')
  }

  /** One look at a time; a change during one leads to another. */
  #run(look: () => Promise<void>): void {
    if (this.#again.has(look)) {
      this.#again.set(look, true)
      return
    }
    this.#failed.delete(look)
    this.#again.set(look, false)
    const running = look()
      .catch(() => void this.#failed.add(look))
      .finally(() => {
        this.#running.delete(running)
        const isDue = this.#again.get(look)
        this.#again.delete(look)
        if (isDue === true) this.#run(look)
      })
    this.#running.add(running)
  }
}
