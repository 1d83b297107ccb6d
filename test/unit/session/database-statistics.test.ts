import { describe, expect, test } from 'vitest'
import {
  addStatistics,
  type Counting,
  DatabaseStatistics,
  growthOf,
  noTotals,
  sumOf,
} from '../../../src/session/database-statistics.ts'

function session(database: string, queries: number, waitedMs = 0): Counting {
  return {
    facts: { requested: { user: 'alice', database, applicationName: '' } },
    waitedMs,
    activity: {
      standing: 'idle',
      askedAtMs: undefined,
      queries,
      transactions: queries,
      queryMs: queries / 2,
      transactionMs: queries,
      bytesFromFrontend: queries * 10,
      bytesFromUpstream: queries * 100,
    },
  }
}

describe('the totals of a database', () => {
  test('are of the sessions that have ended and of those that are open', () => {
    const statistics = new DatabaseStatistics()
    statistics.end(session('sandbox', 2, 5))
    statistics.end(session('orders', 1))
    const totals = statistics.with([session('sandbox', 3, 1)])
    expect([...totals.keys()]).toEqual(['sandbox', 'orders'])
    expect(totals.get('sandbox')).toEqual({
      sessions: 2,
      queries: 5,
      transactions: 5,
      bytesFromFrontend: 50,
      bytesFromUpstream: 500,
      queryMs: 2.5,
      transactionMs: 5,
      waitMs: 6,
    })
    // Those that are open are counted anew each time.
    expect(statistics.with([]).get('sandbox')?.queries).toBe(2)
  })

  test('leave out who passes nothing on, at the console', () => {
    const { facts } = session('pgbouncer', 0)
    expect([...new DatabaseStatistics().with([{ facts }])]).toEqual([])
  })

  test('are added up by database', () => {
    const one = new Map([['a', { ...noTotals, queries: 1 }]])
    const other = new Map([
      ['a', { ...noTotals, queries: 2 }],
      ['b', { ...noTotals, queries: 4 }],
    ])
    const sum = addStatistics([one, other])
    expect([...sum].map(([name, { queries }]) => [name, queries])).toEqual([
      ['a', 3],
      ['b', 4],
    ])
    expect(sumOf(sum.values()).queries).toBe(7)
  })

  test('never shrink', () => {
    const now = { ...noTotals, queries: 5, transactions: 1 }
    expect(growthOf(now)).toEqual(now)
    expect(growthOf(now, { ...noTotals, queries: 2, transactions: 3 })).toEqual({
      ...noTotals,
      queries: 3,
    })
  })
})
