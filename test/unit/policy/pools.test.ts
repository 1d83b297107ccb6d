import { describe, expect, test } from 'vitest'
import { catalogOf, pool } from './catalogs.ts'

const pools = [
  pool('everyone', ['0.0.0.0/0', '::/0'], { listeners: ['main', 'second'] }),
  pool('office', ['10.0.0.0/8', '2001:db8::/32']),
  pool('floor', ['10.1.0.0/16', '10.2.0.0/16']),
  pool('guests', ['10.1.1.0/24'], { priority: -1 }),
  pool('builds', ['10.3.0.0/16'], { priority: 5 }),
  pool('admin', ['10.3.3.3'], { priority: 5 }),
  pool('elsewhere', ['0.0.0.0/0'], { priority: 99, listeners: ['second'] }),
]

describe.each([
  ['as configured', pools],
  ['the other way round', pools.toReversed()],
])('with the pools %s', (_, its) => {
  const catalog = catalogOf({ pools: its })

  test.each([
    ['192.0.2.1', 'everyone'],
    ['10.9.0.1', 'office'],
    ['10.1.0.1', 'floor'],
    ['10.2.0.1', 'floor'],
    ['10.1.1.1', 'floor'],
    ['10.3.0.1', 'builds'],
    ['10.3.3.3', 'admin'],
    ['::ffff:10.3.3.3', 'admin'],
    ['2001:db8::1', 'office'],
    ['2001:db9::1', 'everyone'],
  ])('%s is served by %s', (address, name) => {
    expect(catalog.pools.match('main', address, undefined)?.name).toBe(name)
  })

  test('another listener has other pools', () => {
    expect(catalog.pools.match('second', '10.3.3.3', undefined)?.name).toBe('elsewhere')
    expect(catalog.pools.match('second', '2001:db8::1', undefined)?.name).toBe('everyone')
  })

  test.each([
    ['on a listener that no pool has', 'third', '10.0.0.1'],
    ['without an address', 'main', ''],
    ['with something else for an address', 'main', 'localhost'],
  ])('nobody is served %s', (_, listener, address) => {
    expect(catalog.pools.match(listener, address, undefined)).toBeUndefined()
  })
})

test('nobody is served where no source address fits', () => {
  const catalog = catalogOf({ pools: [pool('office', ['10.0.0.0/8']), pool('empty', [])] })
  expect(catalog.pools.match('main', '192.0.2.1', undefined)).toBeUndefined()
  expect(catalog.pools.match('main', '::1', undefined)).toBeUndefined()
  expect(catalogOf({}).pools.match('main', '10.0.0.1', undefined)).toBeUndefined()
})

test('the first of two alike serves, so that the answer does not depend on the day', () => {
  const [first, second] = [pool('first', ['10.0.0.0/8']), pool('second', ['10.0.0.0/8'])]
  expect(catalogOf({ pools: [first, second] }).pools.match('main', '10.0.0.1', undefined)).toBe(
    first,
  )
})

describe('a pool with names', () => {
  const named = { ...pool('named', ['0.0.0.0/0']), serverNames: new Set(['db.example.com']) }
  const office = pool('office', ['10.0.0.0/8'])
  const first = pool('first', ['10.1.0.0/16'], { priority: 1 })
  const catalog = catalogOf({ pools: [office, named, first] })

  test.each([
    ['db.example.com', '10.0.0.1', 'named'],
    ['DB.example.com', '10.0.0.1', 'named'],
    ['db.example.com', '192.0.2.1', 'named'],
    ['db.example.com', '10.1.0.1', 'first'],
    ['other.example.com', '10.0.0.1', 'office'],
    [undefined, '10.0.0.1', 'office'],
  ])('%s from %s is served by %s', (serverName, address, name) => {
    expect(catalog.pools.match('main', address, serverName)?.name).toBe(name)
  })

  test.each(['other.example.com', 'example.com', '', undefined])(
    'does not serve %s',
    (serverName) => {
      expect(catalog.pools.match('main', '192.0.2.1', serverName)).toBeUndefined()
    },
  )
})

describe('a peer on a Unix socket', () => {
  const socket = '/run/portcullis/.s.PGSQL.6432 0600'
  const local = pool('local', ['10.0.0.0/8'], { listeners: [], unixSockets: [socket] })
  const both = pool('both', ['10.0.0.0/8'], { unixSockets: [socket], priority: -1 })
  const remote = pool('remote', ['0.0.0.0/0', '::/0'], { priority: 9 })

  test('is served by the pool that names the socket, whatever its source addresses', () => {
    const catalog = catalogOf({ pools: [remote, local] })
    expect(catalog.pools.match(socket, 'unix', undefined)?.name).toBe('local')
    expect(catalogOf({ pools: [remote, both] }).pools.match(socket, 'unix', undefined)).toBe(both)
  })

  test.each([[[local, both]], [[both, local]]])('is served by the higher priority', (pools) => {
    expect(catalogOf({ pools }).pools.match(socket, 'unix', undefined)?.name).toBe('local')
  })

  test('is served by the first of two alike', () => {
    const catalog = catalogOf({ pools: [local, { ...local, name: 'second' }] })
    expect(catalog.pools.match(socket, 'unix', undefined)).toBe(local)
  })

  test('is not served by a pool with names, which it has no way to ask for', () => {
    const named = { ...local, serverNames: new Set(['db.example.com']) }
    expect(catalogOf({ pools: [named] }).pools.match(socket, 'unix', undefined)).toBeUndefined()
  })

  test('is not served by pools of other sockets and of ports', () => {
    const other = pool('other', ['0.0.0.0/0'], { unixSockets: [`${socket}0`] })
    const catalog = catalogOf({ pools: [other, remote] })
    expect(catalog.pools.match(socket, 'unix', undefined)).toBeUndefined()
  })

  test('is not served on a port, where that would be no address', () => {
    const catalog = catalogOf({ pools: [both, remote] })
    expect(catalog.pools.match('main', 'unix', undefined)).toBeUndefined()
  })

  test('gives a pool with a port too no other clients on the port', () => {
    const catalog = catalogOf({ pools: [both] })
    expect(catalog.pools.match('main', '10.0.0.1', undefined)).toBe(both)
    expect(catalog.pools.match('main', '192.0.2.1', undefined)).toBeUndefined()
  })
})
