import { describe, expect, test } from 'vitest'
import {
  canonicalAddress,
  canonicalNetwork,
  isLoopback,
  isNetwork,
} from '../../../src/config/addresses.ts'

test.each(['10.0.0.0/8', '0.0.0.0/0', '10.1.2.3', '::/0', '2001:db8::/32', '::1'])(
  '%s is a network',
  (text) => {
    expect(isNetwork(text)).toBe(true)
  },
)

test.each([
  '',
  '10.0.0.0/33',
  '10/8',
  '127.1',
  '::/129',
  '1.2.3.4/',
  '1.2.3.4/8/8',
  'fe80::1%eth0',
])('%j is no network', (text) => {
  expect(isNetwork(text)).toBe(false)
})

test.each([
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['10.1.2.3', '10.1.2.3/32'],
  ['2001:DB8:0:0::5/32', '2001:db8::/32'],
  ['::1', '0:0::1'],
])('%s and %s are one network', (one, other) => {
  expect(canonicalNetwork(one)).toBe(canonicalNetwork(other))
})

describe('loopback', () => {
  test.each(['localhost', '127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true)
  })

  test.each(['0.0.0.0', '::', '10.0.0.1', 'localhost.example.com', '127.0.0.1.example.com'])(
    'is not %s',
    (host) => {
      expect(isLoopback(host)).toBe(false)
    },
  )
})

test('an address has one spelling', () => {
  expect(canonicalAddress('0:0::1')).toBe(canonicalAddress('::1'))
  expect(canonicalAddress('localhost')).toBe('localhost')
})
