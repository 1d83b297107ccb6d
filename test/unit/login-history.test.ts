import { describe, expect, test } from 'vitest'
import { LoginHistory } from '../../src/login-history.ts'
import type { LoginCounts } from '../../src/session/process-view.ts'

const minute = 60_000
const began = Date.parse('2026-01-02T03:00:00Z')

function counts(process: string, more: Partial<LoginCounts> = {}): LoginCounts {
  return {
    process,
    admitted: 0,
    abandoned: 0,
    refused: {},
    sessionsOpen: 0,
    durations: [],
    ...more,
  }
}

class Workers {
  now = began
  said: readonly LoginCounts[] = []
  unanswered = 0
  readonly history = new LoginHistory({
    ask: async () =>
      this.unanswered < 0
        ? Promise.reject(new Error('no worker'))
        : Promise.resolve({ answers: this.said, unanswered: this.unanswered }),
    now: () => this.now,
  })

  async say(...said: readonly LoginCounts[]): Promise<void> {
    this.said = said
    await this.history.sample()
    this.now += 10_000
  }

  get last() {
    return this.history.view('hour').intervals.at(-1)!
  }

  sum(of: 'admitted' | 'abandoned'): number {
    return this.history.view('day').intervals.reduce((sum, one) => sum + one[of], 0)
  }
}

describe('the history of logins', () => {
  test('has what was counted since the last sample, of all workers', async () => {
    const workers = new Workers()
    await workers.say(counts('a', { admitted: 5 }), counts('b', { admitted: 1 }))
    await workers.say(
      counts('a', { admitted: 7, refused: { x: 2 }, sessionsOpen: 3 }),
      counts('b', { admitted: 1, refused: { x: 1, y: 1 }, abandoned: 4, sessionsOpen: 2 }),
    )
    expect(workers.last).toMatchObject({
      ...{ admitted: 2, abandoned: 4, refused: { x: 3, y: 1 }, sessions: 5 },
    })
    expect(workers.sum('admitted')).toBe(8)
  })

  test('counts on where a worker ended and another came in its place', async () => {
    const workers = new Workers()
    await workers.say(counts('a', { admitted: 100, sessionsOpen: 9 }))
    await workers.say(counts('b', { admitted: 2, sessionsOpen: 1 }))
    expect(workers.last).toMatchObject({ admitted: 2, sessions: 1 })
    expect(workers.sum('admitted')).toBe(102)
  })

  test('counts on where a counter began anew', async () => {
    const workers = new Workers()
    await workers.say(counts('a', { admitted: 100 }))
    await workers.say(counts('a', { admitted: 3 }))
    expect(workers.last.admitted).toBe(3)
  })

  test('loses nothing of a worker that does not answer, and takes its sessions for open', async () => {
    const workers = new Workers()
    await workers.say(
      counts('a', { sessionsOpen: 1 }),
      counts('b', { admitted: 1, sessionsOpen: 5 }),
    )
    workers.unanswered = 1
    await workers.say(counts('a', { sessionsOpen: 1 }))
    expect(workers.last).toMatchObject({ admitted: 0, sessions: 6 })
    workers.unanswered = 0
    await workers.say(counts('a'), counts('b', { admitted: 4 }))
    expect(workers.last.admitted).toBe(3)
    expect(workers.sum('admitted')).toBe(4)
  })

  test('leaves a gap where nobody could be asked', async () => {
    const workers = new Workers()
    await workers.say(counts('a'))
    workers.unanswered = -1
    await workers.say()
    workers.unanswered = 0
    await workers.say(counts('a', { admitted: 1 }))
    expect(workers.history.view('hour').intervals.map(({ at }) => at - began)).toEqual([0, 20_000])
  })

  test('looks back so far and no further', async () => {
    const workers = new Workers()
    for (let i = 0; i < 400; i++) await workers.say(counts('a', { admitted: i }))
    const { intervals, intervalMs } = workers.history.view('hour')
    expect(intervals).toHaveLength(360)
    expect(intervals.at(-1)!.at - intervals[0]!.at).toBe(359 * intervalMs)
    expect(workers.history.view('day').intervals).toHaveLength(67)
    workers.now += 25 * 60 * minute
    await workers.say(counts('a'))
    expect(workers.history.view('hour').intervals).toHaveLength(1)
    expect(workers.history.view('day').intervals).toHaveLength(1)
  })

  test('goes on where the clock is set back', async () => {
    const workers = new Workers()
    await workers.say(counts('a'))
    workers.now -= 5 * minute
    await workers.say(counts('a', { admitted: 2 }))
    expect(workers.history.view('hour').intervals).toMatchObject([{ at: began, admitted: 2 }])
  })

  test('keeps how long logins took, by their limits', async () => {
    const workers = new Workers()
    await workers.say(
      counts('a', {
        durations: [
          [0.01, 2],
          [Infinity, 3],
        ],
      }),
    )
    await workers.say(
      counts('a', {
        durations: [
          [0.01, 2],
          [Infinity, 7],
        ],
      }),
    )
    expect(workers.last.durations).toEqual([
      [0.01, 0],
      [Infinity, 4],
    ])
  })
})
