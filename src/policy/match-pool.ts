import type { Catalog, Pool } from './catalog.ts'
import { contains, parseAddress } from './network.ts'

/**
 * The pool that serves a peer on a listener, by the name that it asks for: the highest priority, then the
 * one that has that name, then the longest prefix. Undefined means that the peer is refused. Peers on a
 * Unix socket have no address, and are served by the pools that name the socket.
 */
export function matchPool(
  catalog: Catalog,
  listener: string,
  peerAddress: string,
  serverName: string | undefined,
): Pool | undefined {
  const address = parseAddress(peerAddress)
  let best: { pool: Pool; rank: readonly number[] } | undefined
  for (const pool of catalog.pools) {
    const isNamed = pool.serverNames.size > 0
    if (isNamed && !isAmong(pool.serverNames, serverName)) continue
    for (const prefixLength of prefixesFor(pool, listener, address)) {
      const rank = [pool.priority, Number(isNamed), prefixLength]
      if (best === undefined || isHigher(rank, best.rank)) best = { pool, rank }
    }
  }
  return best?.pool
}

function isAmong(names: ReadonlySet<string>, name: string | undefined): boolean {
  return name !== undefined && names.has(name.toLowerCase())
}

/** The lengths of the prefixes by which a pool serves the peer; none: it does not. */
function prefixesFor(
  pool: Pool,
  listener: string,
  address: ReturnType<typeof parseAddress>,
): readonly number[] {
  if (pool.unixSockets.has(listener)) return [0]
  if (address === undefined || !pool.listeners.has(listener)) return []
  return pool.networks
    .filter((network) => contains(network, address))
    .map(({ prefixLength }) => prefixLength)
}

function isHigher(rank: readonly number[], than: readonly number[]): boolean {
  const differing = rank.findIndex((value, index) => value !== than[index])
  return (rank[differing] ?? 0) > (than[differing] ?? 0)
}
