import { describe, expect, test } from 'vitest'
import { HostHealth } from '../../../src/upstream/host-health.ts'

function healthAt(random = 0.5) {
  const clock = { nowMs: 0 }
  return {
    clock,
    health: new HostHealth(
      () => clock.nowMs,
      () => random,
    ),
  }
}

describe('a host that failed', () => {
  test('is failing for two seconds, and tried in its turn after them', () => {
    const { clock, health } = healthAt()
    expect(health.isFailing('a')).toBe(false)
    health.failed('a')
    expect([health.isFailing('a'), health.isFailing('b')]).toEqual([true, false])
    clock.nowMs = 1_999
    expect(health.isFailing('a')).toBe(true)
    clock.nowMs = 2_000
    expect(health.isFailing('a')).toBe(false)
  })

  test('rests twice as long after each failure, up to thirty seconds', () => {
    const { clock, health } = healthAt()
    for (const restMs of [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      health.failed('a')
      clock.nowMs += restMs - 1
      expect(health.isFailing('a')).toBe(true)
      clock.nowMs += 1
      expect(health.isFailing('a')).toBe(false)
    }
  })

  test('has failed once, however many logins met it', () => {
    const { clock, health } = healthAt()
    expect([health.failed('a'), health.failed('a'), health.failed('a')]).toEqual([
      true,
      false,
      false,
    ])
    clock.nowMs = 2_000
    expect(health.isFailing('a')).toBe(false)
    expect(health.failed('a')).toBe(false)
  })

  test('is as new after a success, which is news once', () => {
    const { clock, health } = healthAt()
    health.failed('a')
    clock.nowMs = 2_000
    health.failed('a')
    expect([health.succeeded('a'), health.succeeded('a')]).toEqual([true, false])
    expect(health.isFailing('a')).toBe(false)
    expect(health.failed('a')).toBe(true)
    clock.nowMs += 2_000
    expect(health.isFailing('a')).toBe(false)
  })

  test.each([
    [0, 1_500],
    [1, 2_500],
  ])('rests a quarter less or more by chance (%d)', (random, restMs) => {
    const { clock, health } = healthAt(random)
    health.failed('a')
    clock.nowMs = restMs - 1
    expect(health.isFailing('a')).toBe(true)
    clock.nowMs = restMs
    expect(health.isFailing('a')).toBe(false)
  })
})
