import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { KnownOrder } from '../../../src/fleet-sessions.ts'
import { SharedOrders } from '../../../src/shared/orders.ts'
import { MemoryDatabase, type MemoryStore } from '../../support/memory-store.ts'

interface Replica {
  readonly orders: SharedOrders
  readonly store: MemoryStore
  readonly applied: KnownOrder[]
  readonly back: string[]
  readonly kept: number[]
  failure: Error | undefined
  clockMs: number
}

const hourMs = 3_600_000

function join(database: MemoryDatabase, clockMs = database.nowMs): Replica {
  const store = database.store()
  const replica: Replica = {
    ...{ store, applied: [], back: [], kept: [], failure: undefined, clockMs },
    orders: new SharedOrders({
      store,
      apply: async (order) => {
        if (replica.failure !== undefined) throw replica.failure
        replica.applied.push(order)
        return Promise.resolve()
      },
      takeBack: async (ids) => Promise.resolve(void replica.back.push(...ids)),
      onKept: (count) => void replica.kept.push(count),
      onChange: () => {},
      nowMs: () => replica.clockMs,
    }),
  }
  replica.orders.start()
  return replica
}

function orderOf(subject: string, nowMs: number, forMs = hourMs): KnownOrder {
  return {
    id: randomUUID(),
    selectors: [{ subject }],
    end: 'revoked',
    refusedUntilMs: nowMs + forMs,
  }
}

const idsOf = ({ applied }: Replica): readonly string[] => applied.map(({ id }) => id)

describe('an order that refuses logins', () => {
  test('is carried out by the other replicas, once, until the same moment whatever their clocks say', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database, database.nowMs + 5 * hourMs)]
    const order = orderOf('alice', one.clockMs)
    await one.orders.add(order)
    await database.settled()
    await other.store.comeBack()
    expect(other.applied).toEqual([{ ...order, refusedUntilMs: other.clockMs + hourMs }])
    expect(one.applied).toEqual([])
  })

  test('is found by a replica that starts later, as long as it holds', async () => {
    const database = new MemoryDatabase()
    const one = join(database)
    const [long, short] = [orderOf('alice', one.clockMs), orderOf('bob', one.clockMs, 1_000)]
    await one.orders.add(long)
    await one.orders.add(short)
    database.nowMs += 2_000
    const later = join(database)
    await database.settled()
    expect(idsOf(later)).toEqual([long.id])
  })

  test('is found by a replica that was without the store meanwhile', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    other.store.goAway()
    const order = orderOf('alice', one.clockMs)
    await one.orders.add(order)
    await database.settled()
    expect(other.applied).toEqual([])
    await other.store.comeBack()
    expect(idsOf(other)).toEqual([order.id])
  })

  test('given without the store is kept, and written when it is back', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    one.store.goAway()
    const [order, over] = [orderOf('alice', one.clockMs), orderOf('bob', one.clockMs, 1_000)]
    await one.orders.add(order)
    await one.orders.add(over)
    expect(one.kept).toEqual([1, 2])
    database.nowMs += 2_000
    await one.store.comeBack()
    await database.settled()
    expect(idsOf(other)).toEqual([order.id])
    expect(one.kept).toEqual([1, 2, 0])
  })

  test('is kept where the store was lost while it was written', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    await database.settled()
    one.store.losesNext = 'committed'
    const order = orderOf('alice', one.clockMs)
    await one.orders.add(order)
    expect(one.kept).toEqual([1])
    await one.store.comeBack()
    await database.settled()
    expect(idsOf(other)).toEqual([order.id])
    expect(database.tables.orders.size).toBe(1)
  })

  test('that not every process has carried out is carried out once more, and holds up no other', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    other.failure = new Error('a worker does not answer')
    const order = orderOf('alice', one.clockMs)
    await one.orders.add(order)
    await database.settled()
    other.failure = undefined
    await other.store.heartbeat()
    expect(idsOf(other)).toEqual([order.id])
  })

  test('is taken back everywhere, and by those that start later', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    const order = orderOf('alice', one.clockMs)
    await one.orders.add(order)
    await database.settled()
    await other.orders.restored([order.id])
    await database.settled()
    expect(one.back).toEqual([order.id])
    const later = join(database)
    await database.settled()
    expect(later.applied).toEqual([])
  })

  test('that is given again after that is another one', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    const [first, again] = [orderOf('alice', one.clockMs), orderOf('alice', one.clockMs)]
    await one.orders.add(first)
    await one.orders.restored([first.id])
    await one.orders.add(again)
    await database.settled()
    expect(idsOf(other)).toContain(again.id)
    expect(other.back).not.toContain(again.id)
  })

  test('is not taken back by whoever takes its row away', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    await one.orders.add(orderOf('alice', one.clockMs))
    await database.settled()
    database.tables.orders.clear()
    await other.store.comeBack()
    expect([one.back, other.back]).toEqual([[], []])
  })

  test('is none that was moved to another row, or whose time somebody has made longer', async () => {
    const database = new MemoryDatabase()
    const one = join(database)
    await one.orders.add(orderOf('alice', one.clockMs, 1_000))
    const [row] = database.tables.orders.values()
    const id = randomUUID()
    database.tables.orders.set(id, { ...row, id })
    for (const each of database.tables.orders.values()) each['until'] = database.nowMs + hourMs
    database.nowMs += 2_000
    const later = join(database)
    await database.settled()
    expect(later.applied).toEqual([])
  })
})
