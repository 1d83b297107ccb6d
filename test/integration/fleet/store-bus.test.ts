// Calls between replicas over a real store, and what somebody who may write to it makes of them.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Answers } from '../../../src/fleet/bus.ts'
import { StoreBus } from '../../../src/fleet/store-bus.ts'
import type { PostgresStore } from '../../../src/fleet/store/postgres-store.ts'
import { openStore, StoreDatabase, testFacts } from '../../support/store.ts'
import { until } from '../../support/until.ts'

type Serve = (method: string, argument: unknown) => Promise<Answers<unknown>>

interface Replica {
  readonly store: PostgresStore
  readonly bus: StoreBus
  readonly served: [method: string, argument: unknown][]
  readonly outcomes: string[]
  readonly failures: unknown[]
  serve: Serve
}

let database: StoreDatabase
let schemas = 0

beforeAll(async () => {
  database = await StoreDatabase.start()
})

afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

const counts: Serve = async () => Promise.resolve({ answers: [1], unanswered: 0 })

async function replica(schema: string, name: string): Promise<Replica> {
  const facts = { ...testFacts, name }
  const { store } = await openStore(database.address, {
    schema,
    facts: async () => Promise.resolve(facts),
  })
  const served: Replica['served'] = []
  const outcomes: string[] = []
  const failures: unknown[] = []
  const bus = new StoreBus({
    store,
    peers: () => store.others,
    serve: async (method, argument) => {
      served.push([method, argument])
      return one.serve(method, argument)
    },
    onFailure: (error) => failures.push(error),
    onCall: (method, outcome, count) => outcomes.push(`${method} ${outcome} ${count}`),
  })
  const one: Replica = { store, bus, served, outcomes, failures, serve: counts }
  bus.start()
  onTestFinished(async () => {
    bus.stop()
    await store.close()
  })
  return one
}

let schema: string
let one: Replica
let other: Replica

beforeEach(async () => {
  schema = `calls_${schemas++}`
  one = await replica(schema, 'one')
  other = await replica(schema, 'other')
  await until('they know each other', () =>
    [one, other].every(({ store }) => store.others.length === 1),
  )
})

test('a call is answered by the others, and leaves nothing behind', async () => {
  const order = { at: new Date(0), map: new Map([['a', 1]]) }
  const said = await one.bus.askEach<number>('endSessions', order)
  expect(said).toEqual({ answers: [1], unanswered: 0 })
  expect(other.served).toEqual([['endSessions', order]])
  expect(one.served).toEqual([])
  expect([...one.failures, ...other.failures]).toEqual([])
  expect(one.outcomes).toEqual(['endSessions answered 1'])
  await until('the rows are gone', async () => {
    const [row] = await database.sql(`select count(*)::int as n from ${schema}.calls`)
    return row?.['n'] === 0
  })
})

test('a long answer is sent, and one that is too long has not been given', async () => {
  const sessions = Array.from({ length: 20_000 }, (_, n) => ({ session: `session ${n}` }))
  const list = { sessions, total: 20_000, unanswered: 0 }
  other.serve = async () => Promise.resolve({ answers: [list], unanswered: 0 })
  const { answers } = await one.bus.askEach<typeof list>('listSessions', {})
  expect(answers[0]?.sessions.at(-1)).toEqual({ session: 'session 19999' })
  const long = { argument: 'x'.repeat(40 * 1_024 * 1_024) }
  expect(await one.bus.askEach('lookAt', long)).toEqual({ answers: [], unanswered: 1 })
})

test('answers that are not what was asked for are none', async () => {
  other.serve = async () => Promise.resolve({ answers: ['many', -1, 1.5, 2], unanswered: 1 })
  const said = await one.bus.askEach('endSessions', {})
  expect(said).toEqual({ answers: [2], unanswered: 4 })
})

test('what no replica may ask is not served', async () => {
  const said = await one.bus.askEach('recordAct', {}, { timeoutMs: 100 })
  expect(said).toEqual({ answers: [], unanswered: 1 })
  expect(other.served).toEqual([])
})

test('the first answer that is looked for ends the wait', async () => {
  const third = await replica(schema, 'third')
  third.serve = async () => new Promise(() => {})
  await until('they are three', () => one.store.others.length === 2)
  other.serve = async () => Promise.resolve({ answers: ['forwarded'], unanswered: 0 })
  const before = performance.now()
  const { answers } = await one.bus.askEach('cancel', {}, { until: (one) => one === 'forwarded' })
  expect(answers).toEqual(['forwarded'])
  expect(performance.now() - before).toBeLessThan(2_000)
})

test('a request that is written once more is not carried out once more', async () => {
  await database.sql(`create table ${schema}.kept as table ${schema}.calls`)
  await database.sql(`create function ${schema}.keep() returns trigger language plpgsql as $$
    begin insert into ${schema}.kept values (new.*); return new; end $$`)
  await database.sql(`create trigger keep before insert on ${schema}.calls
    for each row when (not new.is_answer) execute function ${schema}.keep()`)
  await one.bus.askEach('endSessions', {})
  await database.sql(`drop trigger keep on ${schema}.calls`)
  const again = async (changes: string): Promise<void> => {
    await database.sql(
      `insert into ${schema}.calls select ${changes} from ${schema}.kept on conflict do nothing`,
    )
    await database.sql(`select pg_notify('${schema}', 'calls ' || gen_random_uuid())`)
    await until('it is read', async () => {
      const [row] = await database.sql(`select count(*)::int as n from ${schema}.calls`)
      return row?.['n'] === 0
    })
  }
  await again("id, sender, recipient, is_answer, sealed, now() + interval '1 hour'")
  const another = `'${randomUUID()}', sender, recipient, is_answer, sealed, until`
  await again(another)
  const turned = 'id, recipient, sender, is_answer, sealed, until'
  await again(turned)
  await one.bus.askEach('lookAt', 'usage')
  expect(other.served.map(([method]) => method)).toEqual(['endSessions', 'lookAt'])
  expect(one.served).toEqual([])
})

test('a request that is read late is not carried out', async () => {
  other.bus.stop()
  const said = await one.bus.askEach('endSessions', {}, { timeoutMs: 200 })
  expect(said).toEqual({ answers: [], unanswered: 1 })
  await database.sql(`update ${schema}.calls set until = now() + interval '1 hour'`)
  other.bus.start()
  await until('it is read', async () => {
    const [row] = await database.sql(`select count(*)::int as n from ${schema}.calls`)
    return row?.['n'] === 0
  })
  await one.bus.askEach('lookAt', 'usage')
  expect(other.served.map(([method]) => method)).toEqual(['lookAt'])
})

test('an answer that somebody else has written is none, and neither is garbage', async () => {
  other.bus.stop()
  const asked = one.bus.askEach('endSessions', {}, { timeoutMs: 500 })
  const calls = async () =>
    database.sql(`select id, sealed from ${schema}.calls where not is_answer`)
  await until('it is asked', async () => (await calls()).length === 1)
  const [call] = await calls()
  const [here, there] = [one.store.replica, other.store.replica]
  const purpose = `answer ${String(call!['id'])} from ${there} to ${here}`
  const own = { isDeflated: true, bytes: Buffer.from('no') }
  for (const sealed of [
    call!['sealed'],
    '',
    'x'.repeat(10_000_000),
    await other.store.seal(purpose, 'garbage'),
    await other.store.seal(purpose, own),
  ]) {
    await database.sql(
      `insert into ${schema}.calls values ($1, $2, $3, true, $4, now() + interval '1 hour')`,
      [call!['id'], there, here, sealed],
    )
    await database.sql(`select pg_notify('${schema}', 'calls ' || gen_random_uuid())`)
    await until('it is read', async () => {
      const [row] = await database.sql(
        `select count(*)::int as n from ${schema}.calls where is_answer`,
      )
      return row?.['n'] === 0
    })
  }
  expect(await asked).toEqual({ answers: [], unanswered: 1 })
  expect(one.failures.length).toBeGreaterThanOrEqual(3)
})

test('cancel requests for keys that somebody made up do not become a flood of the store', async () => {
  other.serve = async () => Promise.resolve({ answers: ['unknown-key'], unanswered: 0 })
  await Promise.all(Array.from({ length: 500 }, async () => one.bus.askEach('cancel', {})))
  expect(other.served.length).toBeLessThanOrEqual(60)
  expect(other.served.length).toBeGreaterThan(0)
  expect(one.outcomes).toContain('cancel limited 1')
  // Whoever is to be kept out is, all the same.
  other.serve = counts
  expect(await one.bus.askEach('endSessions', {})).toEqual({ answers: [1], unanswered: 0 })
})

test('a replica that is silent is waited for until it has missed its heartbeats, and told of longer', async () => {
  const dead = randomUUID()
  const sealed = await one.store.seal(`replica ${dead}`, { ...testFacts, name: 'dead' })
  await database.sql(`insert into ${schema}.replicas values ($1, $2, now())`, [dead, sealed])
  await until('it is there', () => one.store.others.length === 2)
  const said = await one.bus.askEach('endSessions', {}, { timeoutMs: 100 })
  expect(said).toEqual({ answers: [1], unanswered: 1 })
  await until('it is gone', () => one.store.others.some(({ isGone }) => isGone))
  other.serve = async () => Promise.resolve({ answers: [[]], unanswered: 0 })
  expect(await one.bus.askEach('lookAt', 'hosts')).toEqual({ answers: [[]], unanswered: 0 })
  other.serve = counts
  // It may be cut off from the store, and have sessions all the same.
  expect(await one.bus.askEach('endSessions', {})).toEqual({ answers: [1], unanswered: 1 })
})
