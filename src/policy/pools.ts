// Which pool serves a peer, found in the time of a few comparisons however many there are.
import type { Pool } from './pool.ts'
import { type Claim, nest, numberOf, stretches } from './nested-networks.ts'
import { parseAddress } from './network.ts'

/** The pools of a listener that clients reach by one name, or by any. */
interface Table {
  readonly ipv4: Ranges
  readonly ipv6: Ranges
  /** For a Unix socket, whose peers have no address. */
  readonly unix: Pool | undefined
}

/** From each number on, until the next, the pool of the addresses. */
interface Ranges {
  readonly firsts: readonly bigint[]
  readonly pools: readonly (Pool | undefined)[]
}

interface Listening {
  readonly anyName: Table
  readonly byName: ReadonlyMap<string, Table>
}

/** All connectivity pools. */
export class Pools {
  /** In the order of the configuration. */
  readonly all: readonly Pool[]
  readonly #byName: ReadonlyMap<string, Pool>
  readonly #listeners: ReadonlyMap<string, Listening>

  constructor(pools: readonly Pool[]) {
    this.all = pools
    this.#byName = new Map(pools.map((pool) => [pool.name, pool]))
    const byListener = groupBy(pools, (pool) => [...pool.listeners, ...pool.unixSockets])
    this.#listeners = new Map(
      [...byListener].map(([listener, own]) => [listener, listeningOf(listener, own)]),
    )
  }

  find(name: string): Pool | undefined {
    return this.#byName.get(name)
  }

  /**
   * The pool that serves a peer on a listener, by the name that it asks for: the highest priority, then the
   * one that has that name, then the longest prefix. Undefined means that the peer is refused.
   */
  match(listener: string, peerAddress: string, serverName: string | undefined): Pool | undefined {
    const listening = this.#listeners.get(listener)
    if (listening === undefined) return undefined
    const { anyName, byName } = listening
    const named = serverName === undefined ? undefined : byName.get(serverName.toLowerCase())
    const address = parseAddress(peerAddress)
    const other = find(anyName, address)
    const own = named && find(named, address)
    if (own === undefined || other === undefined) return own ?? other
    return other.priority > own.priority ? other : own
  }
}

function listeningOf(listener: string, pools: readonly Pool[]): Listening {
  const byName = groupBy(pools, ({ serverNames }) => [...serverNames])
  return {
    anyName: tableOf(
      listener,
      pools.filter(({ serverNames }) => serverNames.size === 0),
    ),
    byName: new Map([...byName].map(([name, own]) => [name, tableOf(listener, own)])),
  }
}

/** In the order of the values, which decides between equals. */
function groupBy<T>(
  values: readonly T[],
  keysOf: (value: T) => readonly string[],
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    for (const key of new Set(keysOf(value))) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [value])
      else group.push(value)
    }
  }
  return groups
}

function tableOf(listener: string, pools: readonly Pool[]): Table {
  const claims = pools
    .filter(({ listeners }) => listeners.has(listener))
    .flatMap((pool) => pool.networks.map((network): Claim<Pool> => ({ network, by: pool })))
  const ofFamily = (kind: string): readonly Claim<Pool>[] =>
    claims.filter(({ network }) => network.base.kind() === kind)
  return {
    ipv4: rangesOf(ofFamily('ipv4')),
    ipv6: rangesOf(ofFamily('ipv6')),
    unix: highest(pools.filter(({ unixSockets }) => unixSockets.has(listener))),
  }
}

function rangesOf(claims: readonly Claim<Pool>[]): Ranges {
  const nests = nest(claims).map((one) => ({ ...one, best: highest(one.claims) }))
  const firsts: bigint[] = []
  const pools: (Pool | undefined)[] = []
  for (const { first, inside } of stretches(nests)) {
    firsts.push(first)
    pools.push(innermost(inside))
  }
  return { firsts, pools }
}

/** The highest priority, and among equals the longest prefix. */
function innermost(inside: readonly { readonly best: Pool | undefined }[]): Pool | undefined {
  return inside.reduce<Pool | undefined>(
    (found, { best }) =>
      found !== undefined && best !== undefined && found.priority > best.priority ? found : best,
    undefined,
  )
}

/** Of equals the first. */
function highest(pools: readonly Pool[]): Pool | undefined {
  return pools.reduce<Pool | undefined>(
    (best, pool) => (best !== undefined && best.priority >= pool.priority ? best : pool),
    undefined,
  )
}

function find(table: Table, address: ReturnType<typeof parseAddress>): Pool | undefined {
  if (table.unix !== undefined || address === undefined) return table.unix
  const { firsts, pools } = address.kind() === 'ipv4' ? table.ipv4 : table.ipv6
  return pools[placeOf(numberOf(address), firsts)]
}

/** The last that is not above the number; -1 where all are. */
function placeOf(number: bigint, firsts: readonly bigint[]): number {
  let [low, high] = [0, firsts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((firsts[middle] ?? 0n) > number) high = middle
    else low = middle + 1
  }
  return low - 1
}
