import { describe, expect, test } from 'vitest'
import type { Refusal } from '../../../src/refusal.ts'
import { type LiveSession, SessionRegistry } from '../../../src/session/registry.ts'
import type { Grant } from '../../../src/session/grant.ts'
import { opened } from '../telemetry/facts.ts'
import { refusalOf } from '../wire/bytes.ts'

const limits = { maxUnauthenticated: 2, maxUnauthenticatedPerAddress: 2 }

const grant: Grant = {
  listener: 'main',
  intent: {
    ...{ user: 'app_readonly', database: 'sandbox', qualifier: undefined, dialect: undefined },
    ...{ tokenUser: undefined, asksForReplication: false },
  },
  role: 'app_readonly',
  identity: undefined,
  allowsSuperuser: false,
  condition: undefined,
  memberOf: [],
}

/** A session that notes what is asked of it. */
function session(): LiveSession & { readonly told: string[] } {
  const told: string[] = []
  return {
    told,
    facts: opened,
    grant,
    cancel: async () => {
      told.push('cancel')
      return Promise.resolve()
    },
    drain: () => told.push('drain'),
    endNow: () => told.push('endNow'),
  }
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  await new Promise((resolve) => setImmediate(resolve))
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending
}

describe('a cancel key', () => {
  test('has four bytes and finds its session', () => {
    const registry = new SessionRegistry()
    const live = session()
    const key = registry.add(7, live, 4)
    expect(key).toHaveLength(4)
    expect(registry.find(7, key)).toBe(live)
  })

  test('is another for each session, also of the same process id', () => {
    const registry = new SessionRegistry()
    const keys = Array.from({ length: 100 }, () => registry.add(7, session(), 4).toString('hex'))
    expect(new Set(keys).size).toBe(100)
    expect(registry.size).toBe(100)
  })

  test.each([
    ['with another process id', 8, (key: Buffer) => key],
    ['with a bit changed', 7, (key: Buffer) => Buffer.from(key.map((byte) => byte ^ 1))],
    ['cut short', 7, (key: Buffer) => key.subarray(0, 3)],
    ['with a byte more', 7, (key: Buffer) => Buffer.concat([key, Buffer.of(0)])],
    ['that is empty', 7, () => Buffer.alloc(0)],
  ])('%s finds nothing', (_, processId, change) => {
    const registry = new SessionRegistry()
    const key = registry.add(7, session(), 4)
    expect(registry.find(processId, change(key))).toBeUndefined()
  })

  test('finds nothing once its session is removed', () => {
    const registry = new SessionRegistry()
    const key = registry.add(7, session(), 4)
    registry.remove(7, key)
    expect([registry.find(7, key), registry.size]).toEqual([undefined, 0])
  })

  test('that is unknown removes nothing', () => {
    const registry = new SessionRegistry()
    registry.add(7, session(), 4)
    registry.remove(7, Buffer.alloc(4))
    expect(registry.size).toBe(1)
  })
})

describe('a drain', () => {
  test('is over at once where nobody is', async () => {
    await expect(new SessionRegistry().drain(1_000_000)).resolves.toBeUndefined()
  })

  test('refuses new sessions', async () => {
    const registry = new SessionRegistry()
    expect(() => {
      registry.refuseWhileDraining()
    }).not.toThrow()
    await registry.drain(0)
    expect(registry.isDraining).toBe(true)
    expect(
      refusalOf(() => {
        registry.refuseWhileDraining()
      }).reason,
    ).toBe('draining')
  })

  test('tells each session, and is over with the last of them', async () => {
    const registry = new SessionRegistry()
    const [a, b] = [session(), session()]
    const [keyA, keyB] = [registry.add(1, a, 4), registry.add(2, b, 4)]
    const drained = registry.drain(1_000_000)
    expect([a.told, b.told]).toEqual([['drain'], ['drain']])
    registry.remove(1, keyA)
    expect(await isSettled(drained)).toBe(false)
    registry.remove(2, keyB)
    await drained
  })

  test('waits for those who are still logging in', async () => {
    const registry = new SessionRegistry()
    const entry = registry.enter(limits)
    const drained = registry.drain(1_000_000)
    expect(await isSettled(drained)).toBe(false)
    entry.leave()
    await drained
  })

  test('interrupts the wait for those who are not in yet', () => {
    const registry = new SessionRegistry()
    const entry = registry.enter(limits)
    const refusals: Refusal[] = []
    entry.whenInterrupted((refusal) => refusals.push(refusal))
    void registry.drain(1_000_000)
    expect(refusals).toMatchObject([{ reason: 'draining' }])
    entry.leave()
  })

  test('does not interrupt those for whom nobody waits, or who have left', async () => {
    const registry = new SessionRegistry()
    const refusals: Refusal[] = []
    const [left, notWaiting] = [registry.enter(limits), registry.enter(limits)]
    left.whenInterrupted((refusal) => refusals.push(refusal))
    left.leave()
    notWaiting.whenInterrupted((refusal) => refusals.push(refusal))
    notWaiting.whenInterrupted(undefined)
    const drained = registry.drain(1_000_000)
    expect(refusals).toEqual([])
    notWaiting.leave()
    await drained
  })

  test('ends the rest at its deadline', async () => {
    const registry = new SessionRegistry()
    const ended = Promise.withResolvers<undefined>()
    const key = registry.add(
      1,
      {
        ...session(),
        endNow: () => {
          ended.resolve(undefined)
        },
      },
      4,
    )
    const drained = registry.drain(1)
    await ended.promise
    registry.remove(1, key)
    await drained
  })

  test('that is cut short ends every session now', () => {
    const registry = new SessionRegistry()
    const [a, b] = [session(), session()]
    registry.add(1, a, 4)
    registry.add(2, b, 4)
    registry.endNow()
    expect([a.told, b.told]).toEqual([['endNow'], ['endNow']])
    expect(
      refusalOf(() => {
        registry.refuseWhileDraining()
      }).reason,
    ).toBe('draining')
  })

  test('is over for everybody who waits for it', async () => {
    const registry = new SessionRegistry()
    const key = registry.add(1, session(), 4)
    const drains = [registry.drain(1_000_000), registry.drain(1_000_000)]
    registry.remove(1, key)
    expect(await isSettled(Promise.all(drains))).toBe(true)
  })
})

describe('the relays', () => {
  test('are as many as there may be, and each leaves its place once', () => {
    const registry = new SessionRegistry()
    const reserve = (): (() => void) => registry.reserveRelay({ maxRelays: 2 })
    const leave = reserve()
    reserve()
    expect(refusalOf(reserve).reason).toBe('too-many-relays')
    leave()
    leave()
    reserve()
    expect(refusalOf(reserve).reason).toBe('too-many-relays')
  })

  test('may be none', () => {
    const none = (): unknown => new SessionRegistry().reserveRelay({ maxRelays: 0 })
    expect(refusalOf(none).reason).toBe('too-many-relays')
  })
})
