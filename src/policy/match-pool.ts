import type { Catalog, Pool } from './catalog.ts'
import { contains, parseAddress } from './network.ts'

/**
 * The pool that serves a peer on a listener: the highest priority, then the longest prefix. Undefined
 * means that the peer is refused.
 */
export function matchPool(
  catalog: Catalog,
  listener: string,
  peerAddress: string,
): Pool | undefined {
  const address = parseAddress(peerAddress)
  if (address === undefined) return undefined
  let best: { pool: Pool; prefixLength: number } | undefined
  for (const pool of catalog.pools) {
    if (!pool.listeners.has(listener)) continue
    for (const network of pool.networks) {
      if (!contains(network, address)) continue
      const { prefixLength } = network
      if (
        best === undefined ||
        pool.priority > best.pool.priority ||
        (pool.priority === best.pool.priority && prefixLength > best.prefixLength)
      ) {
        best = { pool, prefixLength }
      }
    }
  }
  return best?.pool
}
