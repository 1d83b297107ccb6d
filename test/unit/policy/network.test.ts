import { describe, expect, test } from 'vitest'
import { blockOf, contains, parseAddress, parseNetwork } from '../../../src/policy/network.ts'

function isInside(address: string, network: string): boolean {
  return contains(parseNetwork(network), parseAddress(address)!)
}

test.each([
  ['10.0.0.0/8', 'ipv4', 8],
  ['10.0.0.1', 'ipv4', 32],
  ['0.0.0.0/0', 'ipv4', 0],
  ['2001:db8::/32', 'ipv6', 32],
  ['2001:db8::1', 'ipv6', 128],
  ['::ffff:10.0.0.1', 'ipv4', 32],
  ['::ffff:10.0.0.0/104', 'ipv4', 8],
  ['::ffff:0:0/96', 'ipv4', 0],
  ['::/0', 'ipv6', 0],
  ['::ffff:0:0/95', 'ipv6', 95],
])('%s is a network of %s with a prefix of %d', (text, kind, prefixLength) => {
  const network = parseNetwork(text)
  expect(network).toMatchObject({ text, prefixLength })
  expect(network.base.kind()).toBe(kind)
})

test.each(['', 'localhost', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/', '10.0.0.0/8/8', '::/129'])(
  '%j is no network',
  (text) => {
    expect(() => parseNetwork(text)).toThrow()
  },
)

describe('an address is inside', () => {
  test.each([
    ['10.1.2.3', '10.0.0.0/8'],
    ['10.1.2.3', '10.9.9.9/8'],
    ['10.1.2.3', '0.0.0.0/0'],
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['::ffff:10.1.2.3', '10.0.0.0/8'],
    ['::ffff:a01:203', '10.0.0.0/8'],
    ['10.1.2.3', '::ffff:10.0.0.0/104'],
    ['2001:db8::1', '2001:db8::/32'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::1', '::/0'],
    ['fe80::1%eth0', 'fe80::/10'],
  ])('%s, of %s', (address, network) => {
    expect(isInside(address, network)).toBe(true)
  })

  test.each([
    ['11.0.0.1', '10.0.0.0/8'],
    ['10.1.2.4', '10.1.2.3'],
    ['10.1.2.3', '::/0'],
    ['::ffff:10.1.2.3', '::/0'],
    ['::1', '0.0.0.0/0'],
    ['2001:db9::1', '2001:db8::/32'],
  ])('but %s is not, of %s', (address, network) => {
    expect(isInside(address, network)).toBe(false)
  })
})

test.each(['', 'localhost', '10.0.0.256', '10.0.0.1/8', ':::', '10.0.0.1 ', '::1%'])(
  '%j is no address',
  (text) => {
    expect(parseAddress(text)).toBeUndefined()
  },
)

test('a network of one IPv6 address holds it and not its neighbour', () => {
  expect(parseNetwork('2001:db8::1/128')).toMatchObject({ prefixLength: 128 })
  expect(isInside('2001:db8::1', '2001:db8::1/128')).toBe(true)
  expect(isInside('2001:db8::2', '2001:db8::1/128')).toBe(false)
})

describe('one address', () => {
  test.each([
    ['192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0:ffff:ffff:ffff:ffff'],
    ['2001:DB8:1:2::', '2001:db8:1:2:3:4:5:6'],
  ])('is %s and %s', (one, other) => {
    expect(blockOf(one)).toBe(blockOf(other))
  })

  test.each([
    ['192.0.2.1', '192.0.2.2'],
    ['2001:db8::1', '2001:db8:0:1::1'],
    ['::1', '127.0.0.1'],
    ['2001:db8::', '2001:db9::'],
  ])('is not %s and %s', (one, other) => {
    expect(blockOf(one)).not.toBe(blockOf(other))
  })

  test.each(['', 'localhost', '/run/portcullis.sock'])('is not %j', (text) => {
    expect(blockOf(text)).toBeUndefined()
  })
})
