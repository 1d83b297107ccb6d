import { describe, expect, test } from 'vitest'
import { askOnly, FleetSessions } from '../../../src/fleet-sessions.ts'
import { StandingOrders } from '../../../src/fleet/standing-orders.ts'
import type { Answers } from '../../../src/fleet/supervisor.ts'
import type { EndOrder } from '../../../src/session/revocations.ts'
import { listSessions } from '../../../src/session/session-summary.ts'
import { verified } from '../telemetry/facts.ts'

const order: EndOrder = { selectors: [{ subject: 'alice' }], end: 'logged-out' }

function fleet(answers: readonly unknown[], unanswered: number) {
  const asked: unknown[] = []
  const sessions = new FleetSessions(() => ({
    askEach: async <T>(...call: readonly unknown[]): Promise<Answers<T>> => {
      asked.push(call)
      return Promise.resolve({ answers: answers as readonly T[], unanswered })
    },
  }))
  return { asked, sessions }
}

describe('the sessions of all workers', () => {
  test('are ended by one order, and counted together', async () => {
    const { asked, sessions } = fleet([2, 3], 1)
    expect(await sessions.end(order)).toEqual({ ended: 5, unanswered: 1 })
    expect(asked).toEqual([['endSessions', order, undefined]])
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

  test('are asked for by a worker among the others', async () => {
    const { asked, sessions } = fleet([1], 0)
    const { endElsewhere } = sessions.handlersFor({ index: 3 })
    expect(await endElsewhere?.(order as never)).toEqual({ ended: 1, unanswered: 0 })
    expect(asked).toEqual([['endSessions', order, { index: 3 }]])
  })

  test('that are not there yet are refused by orders that stand', async () => {
    const { sessions } = fleet([], 0)
    const standing = { ...order, refusedUntilMs: Date.now() + 60_000 }
    await sessions.end(order)
    await sessions.end(standing)
    expect(sessions.standingOrders).toEqual([standing])
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
    expect(asked[1]).toEqual(['restoreSessions', selector])
    expect(sessions.standingOrders).toEqual([])
  })

  test.each([
    ['other criteria', revoked, { subject: 'bob' }],
    ['what a provider says', { ...revoked, end: 'logged-out' as const }, selector],
  ])('leaves %s as it is', async (_, standing, taken) => {
    const { sessions } = fleet([], 0)
    await sessions.end(standing)
    expect(await sessions.restore(taken)).toEqual({ restored: 0, unanswered: 0 })
    expect(sessions.standingOrders).toEqual([standing])
  })
})

describe('the one process of a service', () => {
  test('answers what it is asked, as if it were all', async () => {
    const asker = askOnly({ double: (n: number) => n * 2 })
    expect(await asker.askEach('double', 2)).toEqual({ answers: [4], unanswered: 0 })
    expect(await asker.askAny('double', 3)).toBe(6)
  })
})

describe('orders that stand', () => {
  test('do so until their time', () => {
    let nowMs = 0
    const orders = new StandingOrders(() => nowMs)
    orders.add({ ...order, refusedUntilMs: 10 })
    nowMs = 9
    expect(orders.standing).toHaveLength(1)
    nowMs = 10
    expect(orders.standing).toEqual([])
  })

  test('are ten thousand at most, the newest', () => {
    const orders = new StandingOrders(() => 0)
    for (let n = 1; n <= 10_001; n++) orders.add({ ...order, refusedUntilMs: n })
    expect(orders.standing).toHaveLength(10_000)
    expect(orders.standing[0]?.refusedUntilMs).toBe(2)
  })
})
