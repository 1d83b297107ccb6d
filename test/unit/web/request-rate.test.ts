import { expect, test } from 'vitest'
import { RequestRate } from '../../../src/web/request-rate.ts'

function rate(): { take: (address: string) => boolean; after: (ms: number) => void } {
  let now = 0
  const requests = new RequestRate({ requests: 2, windowMs: 1_000 }, () => now)
  return { take: (address) => requests.take(address), after: (ms) => (now += ms) }
}

test('an address has so many requests in a window, and then again', () => {
  const { take, after } = rate()
  expect([take('192.0.2.1'), take('192.0.2.1'), take('192.0.2.1')]).toEqual([true, true, false])
  after(999)
  expect(take('192.0.2.1')).toBe(false)
  after(1)
  expect(take('192.0.2.1')).toBe(true)
})

test.each([
  ['192.0.2.1', '192.0.2.2', false],
  ['192.0.2.1', '::ffff:192.0.2.1', true],
  ['2001:db8::1', '2001:db8:0:0:ffff::', true],
  ['2001:db8::1', '2001:db8:0:1::1', false],
  ['', 'x', false],
])('%s and %s share their requests: %s', (one, another, isShared) => {
  const { take } = rate()
  take(one)
  take(one)
  expect(take(another)).toBe(!isShared)
})
