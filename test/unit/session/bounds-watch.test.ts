import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Bounded, BoundsWatch } from '../../../src/session/bounds-watch.ts'
import type { SessionBounds } from '../../../src/session/session-bounds.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

const none: SessionBounds = {
  expiresAtMs: undefined,
  expiryGraceMs: undefined,
  maxLifetimeMs: undefined,
  lifetimeGraceMs: 0,
  idleMs: undefined,
  idleInTransactionMs: undefined,
}

class Watched implements Bounded {
  standing: Bounded['standing'] = 'idle'
  activeAt = performance.now()
  /** How far the wall clock is off. */
  steppedMs = -performance.now()
  readonly told: string[] = []
  readonly watch: BoundsWatch

  constructor(bounds: Partial<SessionBounds>) {
    this.watch = new BoundsWatch(
      { ...none, ...bounds },
      this,
      () => new Date(performance.now() + this.steppedMs),
    )
    this.watch.start()
  }

  endWhenIdle(reason: string): void {
    this.told.push(`${reason} when idle`)
  }

  endNow(reason: string): void {
    this.told.push(`${reason} now`)
  }

  pass(ms: number): void {
    vi.advanceTimersByTime(ms)
  }
}

test('a session ends at its expiry, and not a millisecond before', () => {
  const session = new Watched({ expiresAtMs: 5_000 })
  session.pass(4_999)
  expect(session.told).toEqual([])
  session.pass(1)
  expect(session.told).toEqual(['token-expired when idle'])
})

test('a token that expired during its login ends the session at once', () => {
  expect(new Watched({ expiresAtMs: 0 }).told).toEqual(['token-expired when idle'])
})

test('the end that was waited for comes after the grace, once', () => {
  const session = new Watched({ expiresAtMs: 5_000, expiryGraceMs: 2_000 })
  session.pass(6_999)
  expect(session.told).toEqual(['token-expired when idle'])
  session.pass(1)
  expect(session.told.at(-1)).toBe('token-expired now')
  const count = session.told.length
  session.pass(1_000_000)
  expect(session.told).toHaveLength(count)
  expect(vi.getTimerCount()).toBe(0)
})

test('a token that is good for longer than a timer can count ends its session in time', () => {
  const session = new Watched({ expiresAtMs: 2 ** 31 + 5_000 })
  session.pass(2 ** 31 + 4_999)
  expect(session.told).toEqual([])
  session.pass(1)
  expect(session.told).toEqual(['token-expired when idle'])
})

test('a wall clock that steps forward is noticed within a minute', () => {
  const session = new Watched({ expiresAtMs: 10_000_000 })
  session.steppedMs += 20_000_000
  session.pass(60_000)
  expect(session.told).toEqual(['token-expired when idle'])
})

test('a wall clock that steps back gives the time back', () => {
  const session = new Watched({ expiresAtMs: 5_000 })
  session.steppedMs -= 1_000
  session.pass(5_999)
  expect(session.told).toEqual([])
  session.pass(1)
  expect(session.told).toEqual(['token-expired when idle'])
})

test('a wall clock that steps does nothing to lifetime and idleness', () => {
  const session = new Watched({ maxLifetimeMs: 5_000, idleMs: 4_000 })
  session.steppedMs += 10_000_000
  session.pass(3_999)
  expect(session.told).toEqual([])
  session.pass(1)
  expect(session.told).toEqual(['idle now'])
})

test('a session that was active is idle for as long again, with one timer', () => {
  const session = new Watched({ idleMs: 4_000 })
  for (let turn = 0; turn < 10; turn++) {
    session.pass(3_000)
    session.activeAt = performance.now()
    expect(vi.getTimerCount()).toBe(1)
  }
  session.pass(3_999)
  expect(session.told).toEqual([])
  session.pass(1)
  expect(session.told).toEqual(['idle now'])
})

test('a session that is stopped has no timer, also where it never began', () => {
  const session = new Watched({ idleMs: 4_000 })
  session.watch.stop()
  session.watch.start()
  expect(vi.getTimerCount()).toBe(0)
  session.pass(10_000)
  expect(session.told).toEqual([])
})
