// The index of pools against a search through all of them, and what is said of pools that serve nobody.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Pool } from '../../src/policy/catalog.ts'
import { lintPools } from '../../src/policy/lint-pools.ts'
import { contains, type Network, parseAddress } from '../../src/policy/network.ts'
import { Pools } from '../../src/policy/pools.ts'
import { pool as poolOf } from '../unit/policy/catalogs.ts'

const socket = '/run/.s.PGSQL.6432'

// Few bits are used, so that ranges lie in each other, and at both ends of all addresses.
const octet = fc.constantFrom(0, 1, 127, 128, 254, 255)
const ipv4 = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.'))
const group = fc.constantFrom('0', '1', '7fff', '8000', 'ffff')
const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((parts) => parts.join(':'))
const network = fc.oneof(
  fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([base, length]) => `${base}/${length}`),
  ipv4,
  fc
    .tuple(ipv4, fc.integer({ min: 96, max: 128 }))
    .map(([base, length]) => `::ffff:${base}/${length}`),
  fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([base, length]) => `${base}/${length}`),
  fc.constantFrom('0.0.0.0/0', '::/0', '10.0.0.0/8'),
)
const address = fc.oneof(
  ipv4,
  ipv4.map((one) => `::ffff:${one}`),
  ipv6,
  fc.constantFrom('255.255.255.255', '0.0.0.0', '::', 'unix', ''),
)
const names = fc.uniqueArray(fc.constantFrom('a.example', 'b.example'), { maxLength: 2 })

const pool = fc
  .record({
    networks: fc.array(network, { maxLength: 4 }),
    priority: fc.integer({ min: -1, max: 1 }),
    listeners: fc.uniqueArray(fc.constantFrom('main', 'second'), { maxLength: 2 }),
    hasSocket: fc.boolean(),
    serverNames: names,
  })
  .map(({ networks, priority, listeners, hasSocket, serverNames }) => ({
    ...poolOf('', networks, { priority, listeners, unixSockets: hasSocket ? [socket] : [] }),
    serverNames: new Set(serverNames),
  }))

const pools = fc
  .array(pool, { maxLength: 8 })
  .map((some) => some.map((one, index): Pool => ({ ...one, name: `p${index}` })))

/** One after the other: the highest priority, then a name, then the longest prefix, then the first. */
function search(
  all: readonly Pool[],
  listener: string,
  peer: string,
  name: string | undefined,
): Pool | undefined {
  const parsed = parseAddress(peer)
  let best: { pool: Pool; rank: readonly number[] } | undefined
  for (const one of all) {
    const isNamed = one.serverNames.size > 0
    if (isNamed && !(name !== undefined && one.serverNames.has(name.toLowerCase()))) continue
    const lengths = one.unixSockets.has(listener)
      ? [0]
      : parsed === undefined || !one.listeners.has(listener)
        ? []
        : one.networks.filter((its) => contains(its, parsed)).map((its) => its.prefixLength)
    for (const length of lengths) {
      const rank = [one.priority, Number(isNamed), length]
      if (best === undefined || isHigher(rank, best.rank)) best = { pool: one, rank }
    }
  }
  return best?.pool
}

function isHigher(rank: readonly number[], than: readonly number[]): boolean {
  const differing = rank.findIndex((value, index) => value !== than[index])
  return (rank[differing] ?? 0) > (than[differing] ?? 0)
}

test('the index finds the pool that a search through all of them finds', () => {
  const listener = fc.constantFrom('main', 'main', 'second', socket, 'third')
  const name = fc.constantFrom(undefined, 'a.example', 'B.example', 'c.example')
  const questions = fc.array(fc.tuple(listener, address, name), { minLength: 10, maxLength: 10 })
  fc.assert(
    fc.property(pools, questions, (all, asking) => {
      const index = new Pools(all)
      // Beside what is random, both ends of each range and what is next to them.
      const edges = all.flatMap(({ networks }) => networks.flatMap(edgesOf))
      const more = edges.map((edge) => ['main', edge, undefined] as const)
      for (const [where, peer, asked] of [...asking, ...more]) {
        expect(index.match(where, peer, asked)?.name).toBe(search(all, where, peer, asked)?.name)
      }
    }),
    { numRuns: 400 },
  )
})

function edgesOf({ base, prefixLength }: Network): readonly string[] {
  const bytes = base.toByteArray()
  const [first, last] = [[...bytes], [...bytes]]
  for (let bit = prefixLength; bit < bytes.length * 8; bit++) {
    first[bit >> 3]! &= ~(0x80 >> (bit & 7))
    last[bit >> 3]! |= 0x80 >> (bit & 7)
  }
  return [first, last, next(first, -1), next(last, 1)].map(shown)
}

/** Around the ends it is the other end, which is an address as well. */
function next(bytes: readonly number[], step: number): number[] {
  const result = [...bytes]
  for (let index = result.length - 1; index >= 0; index--) {
    const sum = result[index]! + step
    result[index] = (sum + 256) % 256
    if (sum >= 0 && sum <= 255) break
  }
  return result
}

function shown(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.')
  const hex = Buffer.from(bytes).toString('hex')
  return hex.match(/.{4}/g)!.join(':')
}

test('a range is said to reach nobody when no address of it comes by that pool', () => {
  // All addresses of a small world, so that all of them can be tried.
  const range = fc
    .tuple(fc.nat(15), fc.integer({ min: 28, max: 32 }))
    .map(([last, length]) => `192.0.2.${last}/${length}`)
  const small = fc
    .array(
      fc.record({
        networks: fc.uniqueArray(range, { minLength: 1, maxLength: 3 }),
        priority: fc.integer({ min: 0, max: 2 }),
        serverNames: names,
      }),
      { maxLength: 6 },
    )
    .map((some) =>
      some.map(({ networks, priority, serverNames }, index): Pool => ({
        ...poolOf(`p${index}`, networks, { priority }),
        serverNames: new Set(serverNames),
      })),
    )
  fc.assert(
    fc.property(small, (all) => {
      const told = new Map(lintPools(all).map(({ about, found }) => [about, found]))
      for (const one of all) {
        const others = all.filter((other) => other !== one)
        const asked = one.serverNames.size === 0 ? [undefined] : [...one.serverNames]
        const reaching = one.networks.filter((its) =>
          asked.some((name) =>
            Array.from({ length: 16 }, (_, last) => `192.0.2.${last}`).some((peer) => {
              if (!contains(its, parseAddress(peer)!)) return false
              // As if the pool had this range alone.
              const only = { ...one, networks: [its] }
              const before = others.filter((other) => all.indexOf(other) < all.indexOf(one))
              const behind = others.filter((other) => !before.includes(other))
              return search([...before, only, ...behind], 'main', peer, name) === only
            }),
          ),
        )
        const found = told.get(`connectivity pool ${one.name}`)
        if (reaching.length === one.networks.length) expect(found).toBeUndefined()
        else if (reaching.length === 0) expect(found).toContain('it serves nobody')
        else {
          const dead = one.networks.filter((its) => !reaching.includes(its))
          expect(found).toBe(
            `other pools come first for ${dead.map(({ text }) => text).join(', ')}`,
          )
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('ten thousand pools are indexed and looked through at once, and found in microseconds', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => {
    const named = index % 10 === 0
    return {
      ...poolOf(
        `p${index}`,
        [`10.${index >> 8}.${index & 255}.0/24`, `2001:db8:${index.toString(16)}::/48`],
        {
          priority: index % 7,
        },
      ),
      serverNames: new Set(named ? [`n${index}.example`] : []),
    }
  })
  // By what it costs, and not by how long it takes beside other tests.
  const startedAt = costMs()
  const index = new Pools(many)
  const compiledAt = costMs()
  expect(lintPools(many)).toEqual([])
  const lintedAt = costMs()
  for (let i = 0; i < 10_000; i++) {
    const found = index.match('main', `10.${i >> 8}.${i & 255}.7`, `n${i}.example`)
    if (found !== many[i]) throw new Error(`${i}: ${found?.name ?? 'none'}`)
  }
  const each = (costMs() - lintedAt) / 10_000
  // Generous, for slow machines: a search through all of them takes a thousand times as long.
  expect(compiledAt - startedAt).toBeLessThan(1_000)
  expect(lintedAt - compiledAt).toBeLessThan(5_000)
  expect(each).toBeLessThan(0.1)
})

function costMs(): number {
  return process.cpuUsage().user / 1_000
}
