import { randomBytes } from 'node:crypto'
import { type PostgresServer, startPostgres } from '../../demo/postgres.ts'
import type { StoreAddress } from '../../src/fleet/store/address.ts'
import type { ReplicaFacts } from '../../src/fleet/store/registry.ts'
import { PostgresStore, type PostgresStoreOptions } from '../../src/fleet/store/postgres-store.ts'

/** The database that replicas share, in a PostgreSQL of its own, so that it can be stopped and nothing else is. */
export class StoreDatabase {
  readonly postgres: PostgresServer
  readonly address: StoreAddress

  private constructor(postgres: PostgresServer, password: string) {
    this.postgres = postgres
    this.address = {
      ...{ host: postgres.host, port: postgres.port, user: 'fleet', password },
      ...{ database: 'fleet', tls: 'disable' },
    }
  }

  static async start(): Promise<StoreDatabase> {
    const postgres = await startPostgres({ settings: { max_connections: '100' } })
    const password = randomBytes(12).toString('hex')
    await postgres.sql(`create role fleet login password '${password}'`)
    await postgres.sql('create database fleet owner fleet')
    return new StoreDatabase(postgres, password)
  }

  /** As `fleet.store` has it. */
  get url(): string {
    const { host, port, user, password, database } = this.address
    return `postgres://${user}:${password ?? ''}@${host}:${port}/${database}`
  }

  /** As the owner of the tables, which may do with them what it likes. */
  async sql(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    const { database, user, password } = this.address
    return this.postgres.sql(text, {
      database,
      user,
      ...(password !== undefined && { password }),
      values,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.postgres[Symbol.asyncDispose]()
  }
}

export const testSecret = 'a secret of the fleet of these tests, long enough'

export const testFacts: ReplicaFacts = {
  ...{ name: 'one', node: 'gw0', version: '0.0.0', address: '127.0.0.1', state: 'active' },
  ...{ sessions: 0, catalogVersion: 1, startedAtMs: 0 },
}

export interface TestStore {
  readonly store: PostgresStore
  /** What its observer was told. */
  readonly told: string[]
}

/** A store of one replica, which is up. */
export async function openStore(
  address: StoreAddress,
  options: Partial<PostgresStoreOptions> = {},
  settledMs = 10_000,
): Promise<TestStore> {
  const told: string[] = []
  const store = new PostgresStore({
    ...{ address, authorities: undefined, name: 'portcullis test', schema: 'portcullis' },
    ...{ secrets: [testSecret], heartbeatMs: 200, facts: async () => Promise.resolve(testFacts) },
    observer: {
      away: (why) => told.push(`away: ${why}`),
      up: () => told.push('up'),
      lookFailed: (topic) => told.push(`look failed: ${topic}`),
    },
    ...options,
  })
  store.start()
  await store.settled(settledMs)
  return { store, told }
}
