import type { Catalog, Pool } from './catalog.ts'
import { contains, parseAddress } from './network.ts'

/**
 * The pool that serves a peer on a listener, by the name that it asks for: the highest priority, then the
 * one that has that name, then the longest prefix. Undefined means that the peer is refused.
 */
export function matchPool(
  catalog: Catalog,
  listener: string,
  peerAddress: string,
  serverName: string | undefined,
): Pool | undefined {
  const address = parseAddress(peerAddress)
  if (address === undefined) return undefined
  let best: { pool: Pool; rank: readonly number[] } | undefined
  for (const pool of catalog.pools) {
    if (!pool.listeners.has(listener)) continue
    const isNamed = pool.serverNames.size > 0
    if (isNamed && !isAmong(pool.serverNames, serverName)) continue
    for (const network of pool.networks) {
      if (!contains(network, address)) continue
      const rank = [pool.priority, Number(isNamed), network.prefixLength]
      if (best === undefined || isHigher(rank, best.rank)) best = { pool, rank }
    }
  }
  return best?.pool
}

function isAmong(names: ReadonlySet<string>, name: string | undefined): boolean {
  return name !== undefined && names.has(name.toLowerCase())
}

function isHigher(rank: readonly number[], than: readonly number[]): boolean {
  const differing = rank.findIndex((value, index) => value !== than[index])
  return (rank[differing] ?? 0) > (than[differing] ?? 0)
}
