import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Reason, Refusal } from '../../../src/refusal.ts'
import type { SessionFacts, SessionObserver } from '../../../src/session/observer.ts'
import { createLog, sessionLog } from '../../../src/telemetry/log.ts'
import { thinFloods, type ThinnedObserver } from '../../../src/telemetry/thin-floods.ts'
import { end, opened } from './facts.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** An observer that notes the refusals that it is told. */
function noted(): { thinned: ThinnedObserver; told: SessionFacts[]; ends: number[] } {
  const told: SessionFacts[] = []
  const ends: number[] = []
  const observer: SessionObserver = {
    opened() {},
    stage() {},
    admitted() {},
    refused: (session) => told.push(session),
    abandoned() {},
    discovered() {},
    cancelled() {},
    ended: (_, { durationMs }) => ends.push(durationMs),
  }
  return { thinned: thinFloods(observer), told, ends }
}

function from(address: string): SessionFacts {
  return { ...opened, peer: { address, port: 1 } }
}

function refuse(
  thinned: ThinnedObserver,
  count: number,
  reason: Reason = 'too-many-logins',
  addressOf: (index: number) => string = () => '192.0.2.1',
): void {
  for (let i = 0; i < count; i++) thinned.refused(from(addressOf(i)), new Refusal(reason))
}

describe('a flood of refusals', () => {
  test('is told ten times in a second, and then once for all others', () => {
    const { thinned, told } = noted()
    refuse(thinned, 1_000)
    expect(told).toHaveLength(10)
    expect(told.every(({ standsFor }) => standsFor === undefined)).toBe(true)
    vi.advanceTimersByTime(999)
    expect(told).toHaveLength(10)
    vi.advanceTimersByTime(1)
    expect(told).toHaveLength(11)
    expect(told[10]?.standsFor).toEqual({
      since: opened.openedAt,
      count: 990,
      addresses: new Map([['192.0.2.1', 990]]),
      otherAddresses: 0,
    })
  })

  test('that goes on is told again in the next second, and nothing twice', () => {
    const { thinned, told } = noted()
    for (let i = 0; i < 10; i++) {
      refuse(thinned, 100)
      vi.advanceTimersByTime(500)
    }
    vi.advanceTimersByTime(1_000)
    const counted = told.map(({ standsFor }) => standsFor?.count ?? 1)
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(1_000)
    expect(told.length).toBeLessThanOrEqual(6 * 11)
  })

  test('is told with ten of its addresses, and how many more came', () => {
    const { thinned, told } = noted()
    refuse(thinned, 10)
    refuse(thinned, 50, 'too-many-logins', (i) => `192.0.2.${i % 25}`)
    vi.advanceTimersByTime(1_000)
    const { addresses, otherAddresses, count } = told.at(-1)!.standsFor!
    expect([addresses.size, addresses.get('192.0.2.0'), otherAddresses, count]).toEqual([
      10, 2, 30, 50,
    ])
  })

  test('of one reason keeps no other from being told', () => {
    const { thinned, told } = noted()
    refuse(thinned, 100)
    refuse(thinned, 10, 'throttled')
    expect(told).toHaveLength(20)
    refuse(thinned, 100, 'wrong-password')
    expect(told).toHaveLength(120)
  })

  test('is told to its end when the process ends', () => {
    const { thinned, told } = noted()
    refuse(thinned, 12)
    thinned.flush()
    thinned.flush()
    vi.advanceTimersByTime(2_000)
    expect(told.map(({ standsFor }) => standsFor?.count)).toEqual([...Array<undefined>(10), 2])
  })
})

test('every other event is told as it comes', () => {
  const { thinned, ends } = noted()
  for (let i = 0; i < 100; i++) thinned.ended(opened, end)
  expect(ends).toHaveLength(100)
})

test('a record that stands for others says for how many, and where they came from', () => {
  const lines: string[] = []
  const log = createLog({
    level: 'info',
    format: 'json',
    base: {},
    write: (line) => lines.push(line),
  })
  const thinned = thinFloods(sessionLog(log))
  refuse(thinned, 13)
  thinned.flush()
  expect(lines).toHaveLength(11)
  expect(JSON.parse(lines[10]!)).toMatchObject({
    msg: 'session refused',
    reason: 'too-many-logins',
    stands_for: 3,
    addresses: { '192.0.2.1': 3 },
    other_addresses: 0,
  })
  expect(lines[9]).not.toContain('stands_for')
})
