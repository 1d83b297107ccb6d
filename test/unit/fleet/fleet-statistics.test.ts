import { describe, expect, test } from 'vitest'
import { FleetTotals } from '../../../src/fleet-statistics.ts'
import type { Answers } from '../../../src/fleet/bus.ts'
import { noTotals } from '../../../src/session/database-statistics.ts'
import type { ProcessStatistics } from '../../../src/session/process-view.ts'

function said(process: string, queries: number): ProcessStatistics {
  return { process, databases: new Map([['sandbox', { ...noTotals, queries }]]) }
}

/** Workers that say what the test has them say. */
function fleet(...workers: ProcessStatistics[]) {
  const state = { answers: workers as readonly ProcessStatistics[], unanswered: 0, nowMs: 0 }
  const totals = new FleetTotals(
    async (): Promise<Answers<ProcessStatistics>> => Promise.resolve(state),
    () => state.nowMs,
  )
  const queries = async (): Promise<number | undefined> =>
    (await totals.read()).databases.get('sandbox')?.totals.queries
  return { state, totals, queries }
}

describe('the totals of all workers', () => {
  test('are the sum of what they say', async () => {
    const { queries } = fleet(said('a', 2), said('b', 3))
    expect(await queries()).toBe(5)
  })

  test('keep what a worker has said that is gone', async () => {
    const { state, queries } = fleet(said('a', 2), said('b', 3))
    await queries()
    state.answers = [said('b', 4), said('c', 1)]
    expect(await queries()).toBe(7)
    state.answers = [said('c', 1)]
    expect(await queries()).toBe(7)
    expect(await queries()).toBe(7)
  })

  test('go by what a worker said last that does not answer', async () => {
    const { state, totals, queries } = fleet(said('a', 2), said('b', 3))
    await queries()
    state.answers = [said('b', 3)]
    state.unanswered = 1
    expect(await queries()).toBe(5)
    expect((await totals.read()).unanswered).toBe(1)
    state.answers = [said('a', 9), said('b', 3)]
    state.unanswered = 0
    expect(await queries()).toBe(12)
  })
})

describe('the averages', () => {
  test('are of the last period that is over', async () => {
    const { state, totals } = fleet(said('a', 60))
    const period = async () => (await totals.read()).databases.get('sandbox')
    expect(await period()).toMatchObject({ period: noTotals, periodMs: 0 })
    state.nowMs = 60_000
    await totals.endPeriod()
    state.answers = [said('a', 90)]
    expect(await period()).toMatchObject({ period: { queries: 60 }, periodMs: 60_000 })
    state.nowMs = 120_000
    await totals.endPeriod()
    expect(await period()).toMatchObject({ period: { queries: 30 }, periodMs: 60_000 })
  })
})
