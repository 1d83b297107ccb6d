import ipaddr from 'ipaddr.js'
import { type Finding, Findings } from '../identity/finding.ts'
import type { Pool } from './catalog.ts'
import { contains, type Network } from './network.ts'

/** Ranges of a pool of which every address is another pool's, on each of its listeners. */
export function lintPools(pools: readonly Pool[]): readonly Finding[] {
  return pools.flatMap((pool, place) => {
    const findings = new Findings(`connectivity pool ${pool.name}`)
    // A pool of other nodes alone is theirs to look at.
    if (pool.listeners.size === 0) return []
    const shadowed = pool.networks.filter((network) =>
      [...pool.listeners].every((listener) =>
        namesOf(pool).every((name) =>
          isCovered(network, strongerNetworks(pools, place, listener, name, network)),
        ),
      ),
    )
    if (shadowed.length === pool.networks.length && pool.unixSockets.size === 0) {
      findings.warning(
        'reach',
        'it serves nobody: other pools come first for all its addresses on all its listeners',
        'raise its `priority`, narrow the others, or remove it',
      )
    } else if (shadowed.length > 0) {
      findings.warning(
        'reach',
        `other pools come first for ${shadowed.map(({ text }) => text).join(', ')}`,
        'take these ranges out of `source_address`, or raise `priority`',
      )
    }
    return findings.all
  })
}

/** By which names clients reach it; one without names is reached by any, and so by none. */
function namesOf({ serverNames }: Pool): readonly (string | undefined)[] {
  return serverNames.size === 0 ? [undefined] : [...serverNames]
}

/** What `matchPool` prefers to this network of this pool, for clients that ask for a name. */
function strongerNetworks(
  pools: readonly Pool[],
  place: number,
  listener: string,
  name: string | undefined,
  network: Network,
): readonly Network[] {
  const own = pools[place]
  return pools.flatMap((other, otherPlace) => {
    if (own === undefined || other === own || !other.listeners.has(listener)) return []
    const isNamed = other.serverNames.size > 0
    if (isNamed && (name === undefined || !other.serverNames.has(name))) return []
    return other.networks.filter(({ prefixLength }) => {
      if (other.priority !== own.priority) return other.priority > own.priority
      if (isNamed !== (name !== undefined)) return isNamed
      if (prefixLength !== network.prefixLength) return prefixLength > network.prefixLength
      return otherPlace < place
    })
  })
}

function isCovered(network: Network, others: readonly Network[]): boolean {
  if (others.some((other) => includes(other, network))) return true
  const inside = others.filter((other) => includes(network, other))
  return inside.length > 0 && halves(network).every((half) => isCovered(half, inside))
}

function includes(outer: Network, inner: Network): boolean {
  return outer.prefixLength <= inner.prefixLength && contains(outer, inner.base)
}

function halves({ base, prefixLength }: Network): readonly Network[] {
  return [0, 1].map((bit) => {
    const bytes = base.toByteArray()
    const index = prefixLength >> 3
    const mask = 0x80 >> (prefixLength & 7)
    bytes[index] = bit === 0 ? (bytes[index] ?? 0) & ~mask : (bytes[index] ?? 0) | mask
    return { text: '', base: ipaddr.fromByteArray(bytes), prefixLength: prefixLength + 1 }
  })
}
