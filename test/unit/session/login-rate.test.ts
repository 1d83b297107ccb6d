import { describe, expect, test } from 'vitest'
import { LoginRate, maxRatedAddresses } from '../../../src/session/login-rate.ts'

const limits = { loginsPerSecondPerAddress: 10, loginBurstPerAddress: 5 }

/** A rate with a clock that stands still until it is moved. */
function rated(processes = 1): { rate: LoginRate; pass: (ms: number) => void } {
  let nowMs = 1_000
  return {
    rate: new LoginRate(processes, () => nowMs),
    pass: (ms) => {
      nowMs += ms
    },
  }
}

/** How many of so many come through. */
function come(rate: LoginRate, count: number, address = '192.0.2.1', its = limits): number {
  const takes = Array.from({ length: count }, () => rate.take(address, its))
  return takes.filter((one) => one === 'within').length
}

describe('the connections of one address', () => {
  test('are a burst at first, then as many as the rate has', () => {
    const { rate, pass } = rated()
    expect(come(rate, 20)).toBe(5)
    pass(99)
    expect(come(rate, 20)).toBe(0)
    pass(1)
    expect(come(rate, 20)).toBe(1)
    pass(200)
    expect(come(rate, 20)).toBe(2)
  })

  test('may be a burst again after a while, and never more than one', () => {
    const { rate, pass } = rated()
    come(rate, 20)
    pass(3_600_000)
    expect(come(rate, 20)).toBe(5)
  })

  test('that are refused cost nothing: whoever keeps trying has the rate all the same', () => {
    const { rate, pass } = rated()
    come(rate, 5)
    let through = 0
    for (let i = 0; i < 1_000; i++) {
      pass(1)
      through += come(rate, 3)
    }
    expect(through).toBe(10)
  })

  test('are nothing to those of another', () => {
    const { rate } = rated()
    come(rate, 20)
    expect(come(rate, 20, '192.0.2.2')).toBe(5)
  })

  test.each([
    ['of a /64', '2001:db8:0:1::1', '2001:db8:0:1:ffff::', 0],
    ['of two /64', '2001:db8:0:1::1', '2001:db8:0:2::1', 5],
    ['of IPv4, on a socket of IPv6', '192.0.2.1', '::ffff:192.0.2.1', 0],
  ])('are counted as one address: %s', (_, first, second, left) => {
    const { rate } = rated()
    come(rate, 20, first)
    expect(come(rate, 20, second)).toBe(left)
  })

  test('have no limit where none is set, nor on a Unix socket', () => {
    const { rate } = rated()
    const none = { ...limits, loginsPerSecondPerAddress: undefined }
    const all = Array.from({ length: 50 }, () => rate.take('192.0.2.1', none))
    expect(new Set(all)).toEqual(new Set(['within']))
    expect(come(rate, 50, 'unix')).toBe(50)
    expect(rate.addresses).toBe(0)
  })

  test('are shared out to the processes, rounded up', () => {
    const { rate, pass } = rated(4)
    expect(come(rate, 20)).toBe(2)
    pass(399)
    expect(come(rate, 20)).toBe(0)
    pass(1)
    expect(come(rate, 20)).toBe(1)
  })
})

test('ten refusals in a second are told, and the others are not worth a handshake', () => {
  const { rate, pass } = rated()
  const takes = (): string[] => Array.from({ length: 100 }, () => rate.take('192.0.2.1', limits))
  const count = (all: readonly string[], which: string): number =>
    all.filter((one) => one === which).length
  const first = takes()
  expect([count(first, 'told'), count(first, 'silenced')]).toEqual([10, 85])
  pass(500)
  const second = takes()
  expect([count(second, 'within'), count(second, 'told')]).toEqual([5, 5])
})

test('an address that floods is not forgotten for all the others that come', () => {
  const { rate } = rated()
  come(rate, 20)
  for (let i = 0; i < 1.5 * maxRatedAddresses; i++) {
    rate.take(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, limits)
    if (i % 1_000 === 0) expect(rate.take('192.0.2.1', limits)).not.toBe('within')
  }
})
