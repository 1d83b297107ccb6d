import { describe, expect, test } from 'vitest'
import { FleetSessions } from '../../../src/fleet-sessions.ts'
import { type AskOptions, type Bus, bothOf, localBus } from '../../../src/fleet/bus.ts'
import { StandingOrders } from '../../../src/fleet/standing-orders.ts'
import type { EndOrder } from '../../../src/session/revocations.ts'
import { listSessions } from '../../../src/session/session-summary.ts'
import { verified } from '../telemetry/facts.ts'

const order: EndOrder = { selectors: [{ subject: 'alice' }], end: 'logged-out' }

type Call = readonly [method: string, argument: unknown, options: AskOptions<unknown> | undefined]

function busOf(answers: readonly unknown[], unanswered = 0) {
  const asked: Call[] = []
  const bus: Bus = {
    askEach: async <T>(method: string, argument: unknown, options?: AskOptions<T>) => {
      asked.push([method, argument, options as AskOptions<unknown> | undefined])
      return Promise.resolve({ answers: answers as readonly T[], unanswered })
    },
  }
  return { asked, bus }
}

function fleet(answers: readonly unknown[], unanswered: number) {
  const { asked, bus } = busOf(answers, unanswered)
  return { asked, sessions: new FleetSessions({ own: () => bus }) }
}

describe('the sessions of all workers', () => {
  test('are ended by one order, and counted together', async () => {
    const { asked, sessions } = fleet([2, 3], 1)
    expect(await sessions.end(order)).toEqual({ ended: 5, unanswered: 1 })
    expect(asked.map((call) => call.slice(0, 2))).toEqual([['endSessions', order]])
  })

  test('are listed together, the oldest first, and no more than asked for', async () => {
    const query = { selector: {}, limit: 2 }
    const at = (id: string, time: string) => ({
      facts: { ...verified, id, openedAt: new Date(time) },
      endsAtMs: 0,
    })
    const one = listSessions([at('c', '2026-01-03'), at('a', '2026-01-01')], query)
    const other = listSessions([at('b', '2026-01-02')], query)
    const { sessions } = fleet([one, other], 1)
    const list = await sessions.list(query)
    expect(list).toMatchObject({ total: 3, unanswered: 1 })
    expect(list.sessions.map(({ session }) => session)).toEqual(['a', 'b'])
    expect(list.sessions[0]).toMatchObject({
      subject: 'auth0|alice',
      until: new Date(0).toISOString(),
    })
  })

  test('that are not there yet are refused by orders that stand', async () => {
    const { sessions } = fleet([], 0)
    const standing = { ...order, refusedUntilMs: Date.now() + 60_000 }
    await sessions.end(order)
    await sessions.end(standing)
    expect(sessions.standingOrders).toMatchObject([standing])
  })
})

describe('a revocation that is taken back', () => {
  const selector = { subject: 'alice' }
  const revoked: EndOrder = {
    ...order,
    end: 'revoked',
    refusedUntilMs: Date.now() + 60_000,
  }

  test('is so by all workers, and for those that are not there yet', async () => {
    const { asked, sessions } = fleet([1, 0], 1)
    await sessions.end(revoked)
    expect(await sessions.restore(selector)).toEqual({ restored: 1, unanswered: 1 })
    expect(asked[1]?.slice(0, 2)).toEqual([
      'restoreSessions',
      { selector, ids: [expect.stringMatching(/^[-0-9a-f]{36}$/)] },
    ])
    expect(sessions.standingOrders).toEqual([])
  })

  test.each([
    ['other criteria', revoked, { subject: 'bob' }],
    ['what a provider says', { ...revoked, end: 'logged-out' as const }, selector],
  ])('leaves %s as it is', async (_, standing, taken) => {
    const { sessions } = fleet([], 0)
    await sessions.end(standing)
    expect(await sessions.restore(taken)).toEqual({ restored: 0, unanswered: 0 })
    expect(sessions.standingOrders).toMatchObject([standing])
  })
})

describe('replicas among others', () => {
  const query = { selector: {}, limit: 2 }
  const list = (session: string, replica?: string) => ({
    sessions: [{ session, since: session, replica }],
    total: 1,
    unanswered: 0,
  })
  const among = (own: readonly unknown[], others: readonly unknown[], unanswered = 0) => {
    const [here, there] = [busOf(own), busOf(others, unanswered)]
    const sessions = new FleetSessions({ own: () => here.bus, peers: there.bus, replica: 'one' })
    return { here: here.asked, there: there.asked, sessions }
  }

  test('end sessions everywhere and count who does not answer', async () => {
    const { sessions, there } = among([1], [2, 3], 1)
    expect(await sessions.end(order)).toEqual({ ended: 6, unanswered: 1 })
    expect(there).toHaveLength(1)
  })

  test('say which of them has a session', async () => {
    const { sessions } = among([list('a')], [list('b', 'two')])
    const { sessions: listed, total } = await sessions.list(query)
    expect(listed.map(({ session, replica }) => [session, replica])).toEqual([
      ['a', 'one'],
      ['b', 'two'],
    ])
    expect(total).toBe(2)
  })

  test('find the session of a cancel key, but ask not the worker that asks', async () => {
    const key = { processId: 1, secretKey: '00' }
    const { sessions, here } = among(['unknown-key'], ['unknown-key', 'forwarded'])
    expect(await sessions.cancel(key, { index: 2 })).toBe('forwarded')
    expect(here[0]?.[2]?.except).toEqual({ index: 2 })
    expect(await among(['unknown-key'], []).sessions.cancel(key)).toBe('unknown-key')
    expect(await among(['unknown-key'], [], 1).sessions.cancel(key)).toBe('failed')
  })

  test('are asked for a sign-in only where it is not here', async () => {
    const call = { kind: 'look', id: 'x', browser: undefined } as const
    const here = among([{ kind: 'waiting' }], [{ kind: 'over' }])
    expect(await here.sessions.signIn(call)).toMatchObject({ kind: 'waiting' })
    expect(here.there).toEqual([])
    const there = among([{ kind: 'unknown' }], [{ kind: 'unknown' }, { kind: 'over' }])
    expect(await there.sessions.signIn(call)).toMatchObject({ kind: 'over' })
    expect(await among([], []).sessions.signIn(call)).toEqual({ kind: 'unknown' })
  })

  test('answer for their own processes alone, and remember what stands', async () => {
    const { sessions, there } = among([4], [9])
    const standing = {
      ...order,
      ...{ end: 'revoked' as const, refusedUntilMs: Date.now() + 60_000, id: '1' },
    }
    expect(await sessions.serve('endSessions', standing, 1)).toEqual({
      ...{ answers: [4], unanswered: 0 },
    })
    expect(sessions.standingOrders).toEqual([standing])
    const restored = await sessions.serve('restoreSessions', { ids: ['1'] }, 1)
    expect(restored).toEqual({ answers: [1, 4], unanswered: 0 })
    expect(sessions.standingOrders).toEqual([])
    const lists = among([list('a')], [])
    expect(await lists.sessions.serve('listSessions', query, 1)).toMatchObject({
      answers: [{ sessions: [{ session: 'a', replica: 'one' }] }],
    })
    for (const method of ['cancel', 'signIn', 'lookAt']) await sessions.serve(method, {}, 1)
    expect(there).toEqual([])
  })
})

describe('the one process of a replica', () => {
  const bus = localBus({
    double: (n: number) => n * 2,
    fail: () => {
      throw new Error('no')
    },
  })

  test('answers what it is asked, as if it were all', async () => {
    expect(await bus.askEach('double', 2)).toEqual({ answers: [4], unanswered: 0 })
    expect(await bus.askAny('double', 3)).toBe(6)
  })

  test('has not answered where it cannot', async () => {
    expect(await bus.askEach('fail', 2)).toEqual({ answers: [], unanswered: 1 })
    await expect(bus.askAny('fail', 2)).rejects.toThrow('no')
  })

  test('is not waited for where another has what was looked for', async () => {
    const never: Bus = { askEach: async () => new Promise(() => {}) }
    const until = (answer: number): boolean => answer === 4
    const both = bothOf(never, bus)
    expect(await both.askEach('double', 2, { until })).toMatchObject({ answers: [4] })
    const all = await bothOf(bus, busOf([1], 2).bus).askEach<number>('double', 3, { until })
    expect(all).toEqual({ answers: [6, 1], unanswered: 2 })
  })
})

describe('orders that stand', () => {
  test('do so until their time', () => {
    let nowMs = 0
    const orders = new StandingOrders(() => nowMs)
    orders.add({ ...order, id: '1', refusedUntilMs: 10 })
    nowMs = 9
    expect(orders.standing).toHaveLength(1)
    nowMs = 10
    expect(orders.standing).toEqual([])
  })

  test('are ten thousand at most, the newest', () => {
    const orders = new StandingOrders(() => 0)
    for (let n = 1; n <= 10_001; n++) orders.add({ ...order, id: String(n), refusedUntilMs: n })
    expect(orders.standing).toHaveLength(10_000)
    expect(orders.standing[0]?.refusedUntilMs).toBe(2)
  })
})
