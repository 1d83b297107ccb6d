import { describe, expect, test } from 'vitest'
import { NodeGates } from '../../../src/gates.ts'
import type { GateOrder, GateState } from '../../../src/session/gate-state.ts'
import { SharedGates } from '../../../src/shared/gates.ts'
import { MemoryDatabase, type MemoryStore } from '../../support/memory-store.ts'

interface Replica {
  readonly gates: NodeGates
  readonly store: MemoryStore
  readonly asked: GateOrder[]
}

function join(database: MemoryDatabase): Replica {
  const asked: GateOrder[] = []
  const gates = new NodeGates({
    ask: async (order) => {
      asked.push(order)
      return Promise.resolve({ answers: [{ busy: 0, old: 0 }], unanswered: 0 })
    },
    databases: () => ['a', 'b'],
    onChange: () => {},
  })
  const store = database.store()
  const shared = new SharedGates({
    store,
    state: () => gates.state,
    adopt: async (state) => gates.adopt(state),
  })
  gates.shareWith(shared)
  shared.start()
  return { gates, store, asked }
}

const pause = async ({ gates }: Replica, database?: string): Promise<unknown> =>
  gates.change(database, (_, heldAt) => ({ hold: 'paused', heldAt }))
const resume = async ({ gates }: Replica, database?: string): Promise<unknown> =>
  gates.change(database, () => ({ hold: undefined }))
const isPaused = ({ gates }: Replica, database: string): boolean => gates.stateOf(database).paused

describe('the gates of the fleet', () => {
  test('are closed and opened on every replica, whichever was asked', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    await pause(one, 'a')
    await database.settled()
    expect([isPaused(other, 'a'), isPaused(other, 'b')]).toEqual([true, false])
    expect(other.asked.at(-1)?.state).toEqual(one.gates.state)
    await resume(other, 'a')
    await database.settled()
    expect(isPaused(one, 'a')).toBe(false)
  })

  test('are changed by two at once without the loss of either', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    await Promise.all([pause(one, 'a'), pause(other, 'b')])
    await database.settled()
    for (const each of [one, other]) {
      expect([isPaused(each, 'a'), isPaused(each, 'b')]).toEqual([true, true])
      expect(each.gates.state.version).toBe(2)
    }
  })

  test('are closed for a replica that starts during a PAUSE', async () => {
    const database = new MemoryDatabase()
    await pause(join(database))
    const later = join(database)
    await database.settled()
    expect(later.gates.mode).toBe('paused')
  })

  test('are closed here where the store is away, and everywhere when it is back', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    await pause(other, 'b')
    await database.settled()
    one.store.goAway()
    await pause(one, 'a')
    await resume(other, 'b')
    await other.gates.change('b', (_, killedAt) => ({ killedAt }))
    expect([isPaused(one, 'a'), isPaused(other, 'a')]).toEqual([true, false])
    await one.store.comeBack()
    await database.settled()
    for (const each of [one, other]) {
      expect([isPaused(each, 'a'), isPaused(each, 'b')]).toEqual([true, false])
    }
    expect(one.gates.state).toEqual(other.gates.state)
    // Of the time without each other sessions of both may be meant.
    const b = one.gates.state.databases.find(({ name }) => name === 'b')
    expect(b?.killedAt).toBe(one.gates.state.version)
  })

  test('that killed sessions without the store kill none of others later', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    await database.settled()
    one.store.goAway()
    await one.gates.change('a', (_, version) => ({ hold: 'killed', killedAt: version }))
    await one.store.comeBack()
    await database.settled()
    expect(isPaused(other, 'a')).toBe(true)
    expect(other.gates.state.databases[0]?.killedAt).toBe(0)
  })

  test('never go back: a row that somebody has put back, taken away or made up is written anew', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [join(database), join(database)]
    await pause(one, 'a')
    const before = database.tables.gates.get(true)
    await pause(one, 'b')
    await database.settled()
    const { state } = other.gates
    for (const row of [before, undefined, { version: '99', sealed: 'made up' }]) {
      if (row === undefined) database.tables.gates.clear()
      else database.tables.gates.set(true, row)
      await other.store.comeBack()
      expect(other.gates.state).toEqual(state)
      expect(database.tables.gates.get(true)?.['version']).toBe('2')
    }
  })

  test('are asked for until every process goes by them', async () => {
    const database = new MemoryDatabase()
    await pause(join(database), 'a')
    const answers = [1, 0]
    const seen: GateState[] = []
    const gates = new NodeGates({
      ask: async ({ state }) => {
        seen.push(state)
        return Promise.resolve({ answers: [], unanswered: answers.shift() ?? 0 })
      },
      databases: () => ['a'],
      onChange: () => {},
    })
    const store = database.store()
    const shared = new SharedGates({
      store,
      state: () => gates.state,
      adopt: async (state) => gates.adopt(state),
    })
    shared.start()
    await store.looked()
    await store.heartbeat()
    await store.heartbeat()
    expect(seen).toHaveLength(2)
  })
})
