// What it costs to find the pool of a client: by the index, and by a look at one pool after the other.
import type { Pool } from '../src/policy/catalog.ts'
import { contains, parseAddress, parseNetwork } from '../src/policy/network.ts'
import { Pools } from '../src/policy/pools.ts'
import { totalUs } from './process-usage.ts'
import type { Plan } from './sample.ts'

export const poolCounts = [1, 100, 10_000] as const

const listener = 'main'

/** Fewer by the search, which takes long. */
const lookUps = 200_000
const searchedPools = 5_000_000

export function measurePools({ rounds, record }: Plan): void {
  const subjects = poolCounts.map((count) => ({ count, pools: poolsOf(count) }))
  // The compiler has seen everything by then.
  for (const { pools } of subjects) measure(pools)
  for (let round = 0; round < rounds; round++) {
    for (const { count, pools } of subjects) {
      record({
        scenario: 'pools',
        variant: String(count),
        system: 'portcullis-node',
        figures: measure(pools),
      })
    }
  }
}

function measure(pools: readonly Pool[]): Readonly<Record<string, number>> {
  const addresses = pools.map((_, index) => addressOf(index))
  const [compileUs, index] = cpuOf(() => new Pools(pools))
  const indexUs = each(lookUps, addresses, (address) => index.match(listener, address, undefined))
  const searches = Math.min(lookUps, Math.ceil(searchedPools / pools.length))
  const searchUs = each(searches, addresses, (address) => search(pools, address))
  return { indexUs, searchUs, compileMs: compileUs / 1_000 }
}

function each(
  count: number,
  addresses: readonly string[],
  find: (address: string) => Pool | undefined,
): number {
  const [us] = cpuOf(() => {
    for (let i = 0; i < count; i++) {
      // Not in order: that would flatter caches.
      const address = addresses[(i * 7_919) % addresses.length] ?? ''
      if (find(address) === undefined) throw new Error(`no pool for ${address}`)
    }
  })
  return us / count
}

function cpuOf<T>(work: () => T): readonly [us: number, result: T] {
  const before = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  return [totalUs({ userUs: user, systemUs: system }), result]
}

/** The highest priority, and among equals the longest prefix. */
function search(pools: readonly Pool[], peer: string): Pool | undefined {
  const address = parseAddress(peer)
  if (address === undefined) return undefined
  let best: { readonly pool: Pool; readonly prefixLength: number } | undefined
  for (const pool of pools) {
    if (!pool.listeners.has(listener)) continue
    for (const network of pool.networks) {
      if (!contains(network, address)) continue
      const { prefixLength } = network
      const isBetter =
        best === undefined ||
        pool.priority > best.pool.priority ||
        (pool.priority === best.pool.priority && prefixLength > best.prefixLength)
      if (isBetter) best = { pool, prefixLength }
    }
  }
  return best?.pool
}

function addressOf(index: number): string {
  return index % 2 === 0 ? `10.${index >> 8}.${index & 255}.7` : `2001:db8:${index.toString(16)}::7`
}

function poolsOf(count: number): readonly Pool[] {
  return Array.from({ length: count }, (_, index): Pool => ({
    name: `pool${index}`,
    networks: [
      parseNetwork(`10.${index >> 8}.${index & 255}.0/24`),
      parseNetwork(`2001:db8:${index.toString(16)}::/48`),
    ],
    priority: index % 3,
    requireSso: true,
    passwordUsers: new Set(),
    authMethods: ['cleartext'],
    ssoIntegration: undefined,
    ssoFlows: ['deviceGrant'],
    allowsReplication: false,
    serverNames: new Set(),
    requiresClientCertificate: false,
    sessionLimits: {
      expiry: 'ignore',
      graceMs: 0,
      maxLifetimeMs: undefined,
      idleMs: undefined,
      idleInTransactionMs: undefined,
    },
    allowedDatabases: undefined,
    allowedGroups: undefined,
    allowedIntegrations: undefined,
    loginHours: [],
    listeners: new Set([listener]),
    unixSockets: new Set(),
  }))
}
