import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Patience } from '../../../src/session/patience.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

function wait(patience: Patience, ms: number): number {
  const begun = patience.begin()
  vi.advanceTimersByTime(ms)
  begun.stop()
  return begun.leftMs
}

test('patience is spent by every wait', () => {
  const patience = new Patience(100)
  expect([wait(patience, 30), wait(patience, 30), wait(patience, 30)]).toEqual([100, 70, 40])
  expect(patience.begin().leftMs).toBe(10)
})

test('patience is not spent between the waits', () => {
  const patience = new Patience(100)
  wait(patience, 30)
  vi.advanceTimersByTime(1_000)
  expect(patience.begin().leftMs).toBe(70)
})

test('patience is never less than none', () => {
  const patience = new Patience(100)
  wait(patience, 500)
  expect(patience.begin().leftMs).toBe(0)
})
