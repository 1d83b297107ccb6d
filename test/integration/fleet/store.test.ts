import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { migrate } from '../../../src/fleet/store/migrate.ts'
import { migrations } from '../../../src/fleet/store/migrations.ts'
import { StoreAway } from '../../../src/fleet/store/store.ts'
import { cleanUp } from '../../../src/fleet/store/housekeeping.ts'
import type {
  PostgresStore,
  PostgresStoreOptions,
} from '../../../src/fleet/store/postgres-store.ts'
import { openStore, StoreDatabase, testFacts, type TestStore } from '../../support/store.ts'
import { until } from '../../support/until.ts'

let database: StoreDatabase

beforeAll(async () => {
  database = await StoreDatabase.start()
})

afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

async function opened(options: Partial<PostgresStoreOptions> = {}): Promise<TestStore> {
  const opened = await openStore(database.address, options)
  onTestFinished(async () => opened.store.close())
  return opened
}

const count = async (table: string): Promise<number> =>
  Number((await database.sql(`select count(*)::int as n from portcullis.${table}`))[0]?.['n'])

test('replicas that come at the same time make the tables once, and all of them are up', async () => {
  const stores = await Promise.all([1, 2, 3].map(async () => opened()))
  expect(stores.map(({ store }) => store.state.kind)).toEqual(['up', 'up', 'up'])
  expect(await count('store')).toBe(1)
  await until('they know each other', () =>
    stores.every(({ store }) => store.others.filter(({ isGone }) => !isGone).length >= 2),
  )
})

test('a transaction is whole or not at all', async () => {
  const { store } = await opened()
  const id = randomUUID()
  const insert = "insert into orders (id, sealed, until) values ($1, '', now())"
  await expect(
    store.transact(async (transaction) => {
      await transaction.query(insert, [id])
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect(await store.transact(async ({ query }) => query('select from orders'))).toEqual([])
  await store.transact(async ({ query }) => query(insert, [id]))
  // A constraint is for whoever broke it; that it is caught makes nothing of the transaction.
  await expect(store.transact(async ({ query }) => query(insert, [id]))).rejects.toMatchObject({
    code: '23505',
  })
  await expect(
    store.transact(async ({ query }) => query(insert, [id]).catch(() => {})),
  ).rejects.toThrow(StoreAway)
  await expect(store.transact(async ({ query }) => query('select nonsense'))).rejects.toThrow(
    new StoreAway('42703'),
  )
})

test('a statement after the end of its transaction is none', async () => {
  const { store } = await opened()
  let late: (() => Promise<unknown>) | undefined
  await store.transact(async ({ query }) => {
    late = async () => query('select 1')
    return Promise.resolve()
  })
  await expect(late?.()).rejects.toThrow(StoreAway)
})

test('what one replica changes is looked at by the others, and not by itself', async () => {
  const [one, other] = await Promise.all([opened(), opened()])
  const looks: string[] = []
  one.store.follow('orders', async () => {
    looks.push('one')
    return Promise.resolve()
  })
  other.store.follow('orders', async () => {
    looks.push('other')
    return Promise.resolve()
  })
  await until('both have looked', () => looks.length === 2)
  await one.store.transact(async (transaction) => transaction.changed('orders'))
  await until('the other looks', () => looks.length > 2)
  expect(looks.slice(2)).toEqual(['other'])
  // Nobody is told of what was rolled back.
  await one.store
    .transact(async (transaction) => {
      await transaction.changed('orders')
      throw new Error('no')
    })
    .catch(() => {})
  await one.store.transact(async (transaction) =>
    transaction.changed('orders', [other.store.replica]),
  )
  await until('the other looks again', () => looks.length > 3)
  expect(looks.slice(3)).toEqual(['other'])
})

test('a look that fails is repeated', async () => {
  const { store, told } = await opened()
  let looks = 0
  store.follow('gates', async () => {
    looks++
    return looks === 1 ? Promise.reject(new Error('no')) : Promise.resolve()
  })
  await until('it looks again', () => looks === 2)
  expect(told).toContain('look failed: gates')
})

test('rows of somebody without the secret are no replicas, and one that stops says so', async () => {
  const one = await opened()
  const other = await opened({
    facts: async () => Promise.resolve({ ...testFacts, name: 'other' }),
  })
  const known = (): readonly string[] => one.store.others.map(({ id }) => id)
  await until('it is known', () => known().includes(other.store.replica))
  const stranger = await opened({ secrets: ['another secret, which is long enough as well'] })
  await database.sql(
    `insert into portcullis.replicas select gen_random_uuid(), sealed, now() from portcullis.replicas`,
  )
  // That a row is gone proves nothing.
  await database.sql('delete from portcullis.replicas where id = $1', [other.store.replica])
  await one.store.transact(async (transaction) => transaction.changed('replicas'))
  expect(known()).toContain(other.store.replica)
  await other.store.close()
  await until('it is gone', () => !known().includes(other.store.replica))
  expect(known()).not.toContain(stranger.store.replica)
  expect(await count('replicas')).toBeGreaterThan(known().length)
})

test('a replica that says nothing for four heartbeats is gone', async () => {
  const one = await opened()
  const dead = randomUUID()
  const sealed = await one.store.seal(`replica ${dead}`, { ...testFacts, name: 'dead' })
  await database.sql(
    "insert into portcullis.replicas values ($1, $2, now() - interval '500 milliseconds')",
    [dead, sealed],
  )
  const isGone = (): boolean | undefined => one.store.others.find(({ id }) => id === dead)?.isGone
  await until('it is there', () => isGone() === false)
  await until('it is gone', () => isGone() === true)
})

test('expired rows are taken away', async () => {
  const { store } = await opened()
  await database.sql(
    `insert into portcullis.marks values ('old', now() - interval '2 hours'), ('new', now())`,
  )
  await store.transact(cleanUp('portcullis'))
  expect(await database.sql('select mark from portcullis.marks')).toEqual([{ mark: 'new' }])
})

test('a store that a newer program says is not for this one is not used', async () => {
  const { store } = await opened({ schema: 'newer' })
  await store.close()
  await database.sql('update newer.store set version = 9')
  const compatible = await opened({ schema: 'newer' })
  expect(compatible.store.state.kind).toBe('up')
  await compatible.store.close()
  await database.sql('update newer.store set oldest_program = 9')
  const { store: refused, told } = await openStore(database.address, { schema: 'newer' }, 300)
  onTestFinished(async () => refused.close())
  expect(refused.state).toMatchObject({ kind: 'away', why: 'too-new' })
  expect(told).toEqual(['away: too-new'])
})

test('a step that fails leaves the tables as they were', async () => {
  await opened({ schema: 'stepped' })
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  onTestFinished(async () => client.end())
  const wrong = { sql: 'create table {schema}.more (); select nonsense', oldestProgram: 1 }
  await expect(migrate(client, 'stepped', [...migrations, wrong])).rejects.toThrow('nonsense')
  expect(
    await database.sql("select version, to_regclass('stepped.more') from stepped.store"),
  ).toEqual([{ version: migrations.length, to_regclass: null }])
})

test('the store is lost and comes back, and everything is looked at again', async () => {
  const { store, told } = await opened()
  const other = await opened()
  let looks = 0
  store.follow('catalog', async () => {
    looks++
    return Promise.resolve()
  })
  await until('it looks', () => looks === 1)
  await until('it knows the other', () => isKnown(store, other.store.replica))
  await database.postgres.stop('immediate')
  await until('it is away', () => store.state.kind === 'away')
  const before = performance.now()
  await expect(store.transact(async ({ query }) => query('select 1'))).rejects.toThrow(StoreAway)
  expect(performance.now() - before).toBeLessThan(1_000)
  await pause(1_000)
  // Nobody is known to be gone by somebody who knows nothing.
  expect(isKnown(store, other.store.replica)).toBe(true)
  await database.postgres.startAgain()
  await until('it is up', () => store.state.kind === 'up')
  await until('it looks again', () => looks === 2)
  expect(told[0]).toBe('up')
  expect(told.at(-1)).toBe('up')
  expect(JSON.stringify(told)).not.toContain(database.address.password)
})

test('a work that takes too long is rolled back, and nobody waits for it', async () => {
  const { store } = await opened({ transactionMs: 300 })
  const work = store.transact(async ({ query }) => query('select pg_sleep(60)'))
  await expect(work).rejects.toThrow(new StoreAway('timeout'))
  expect(store.state.kind).toBe('up')
})

test('a store that is lost does not hold up the end', async () => {
  const { store } = await openStore({ ...database.address, port: 1 }, {}, 300)
  expect(store.state).toMatchObject({ kind: 'away', why: 'ECONNREFUSED' })
  await store.close()
})

function isKnown(store: PostgresStore, replica: string): boolean {
  return store.others.some(({ id, isGone }) => id === replica && !isGone)
}
