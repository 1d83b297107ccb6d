// Ranges of a pool of which every address is another pool's, on each of its listeners.
import { type Finding, Findings } from '../identity/finding.ts'
import type { Pool } from './pool.ts'
import { type Claim, nest, type Nest, stretches } from './nested-networks.ts'
import type { Network } from './network.ts'

/** So many pools are compared with those of names at most: what is more is not remarked on. */
const mostRivals = 30_000

export function lintPools(pools: readonly Pool[]): readonly Finding[] {
  const reaches = whoReaches(pools)
  return pools.flatMap((pool) => {
    const findings = new Findings(`connectivity pool ${pool.name}`)
    // A pool of other nodes alone is theirs to look at.
    if (pool.listeners.size === 0) return []
    const shadowed = pool.networks.filter((network) => !reaches(pool, network))
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

type Reaches = (pool: Pool, network: Network) => boolean

/** A network reaches somebody where it does on one listener, for clients that ask for one name, or for none. */
function whoReaches(pools: readonly Pool[]): Reaches {
  const reached = new Map<Pool, Set<Network>>()
  const note = (pool: Pool, network: Network): void => {
    const networks = reached.get(pool)
    if (networks === undefined) reached.set(pool, new Set([network]))
    else networks.add(network)
  }
  let compared = 0
  const listeners = new Set(pools.flatMap((pool) => [...pool.listeners]))
  const byListener = groupBy(pools, ({ listeners: its }) => [...its])
  for (const listener of listeners) {
    const own = byListener.get(listener) ?? []
    const unnamed = own.filter(({ serverNames }) => serverNames.size === 0)
    markReached(unnamed, unnamed, note)
    for (const named of groupBy(own, ({ serverNames }) => [...serverNames]).values()) {
      const lowest = Math.min(...named.map(({ priority }) => priority))
      // Only a higher priority goes before a name.
      const rivals = unnamed.filter(({ priority }) => priority > lowest)
      compared += rivals.length
      if (compared <= mostRivals) markReached(named, [...named, ...rivals], note)
      else for (const pool of named) for (const its of pool.networks) note(pool, its)
    }
  }
  return (pool, network) => reached.get(pool)?.has(network) === true
}

function groupBy<T>(
  values: readonly T[],
  keysOf: (value: T) => readonly string[],
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    for (const key of keysOf(value)) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [value])
      else group.push(value)
    }
  }
  return groups
}

/** A range of a pool, and how it compares with others that have the same address. */
interface Stake {
  readonly pool: Pool
  readonly network: Network
  readonly place: number
}

/** The strongest of some stakes, and the strongest of another pool than that. */
type Leaders = readonly [first: Stake | undefined, second: Stake | undefined]

interface Contest extends Nest<Stake> {
  readonly leaders: Leaders
  isReached: boolean
}

/** Tells of each network of the pools that is the first for some address of it. */
function markReached(
  pools: readonly Pool[],
  contenders: readonly Pool[],
  note: (pool: Pool, network: Network) => void,
): void {
  const asked = new Set(pools)
  for (const family of ['ipv4', 'ipv6']) {
    const claims = contenders.flatMap((pool, place) =>
      pool.networks
        .filter(({ base }) => base.kind() === family)
        .map((network): Claim<Stake> => ({ network, by: { pool, network, place } })),
    )
    const contests = nest(claims).map((one): Contest => ({
      ...one,
      leaders: strongest(one.claims),
      isReached: false,
    }))
    for (const { inside } of stretches(contests)) {
      const [first, second] = strongest(inside.flatMap(({ leaders }) => leaders).filter(isThere))
      for (const contest of inside) {
        const [own] = contest.leaders
        const rival = own?.pool === first?.pool ? second : first
        if (own !== undefined && (rival === undefined || isStronger(own, rival))) {
          contest.isReached = true
        }
      }
    }
    for (const { isReached, leaders, claims: stakes } of contests) {
      const [leader] = leaders
      if (!isReached || leader === undefined || !asked.has(leader.pool)) continue
      for (const { pool, network } of stakes) if (pool === leader.pool) note(pool, network)
    }
  }
}

function strongest(stakes: readonly Stake[]): Leaders {
  let first: Stake | undefined
  let second: Stake | undefined
  for (const stake of stakes) {
    if (first === undefined || isStronger(stake, first)) {
      if (first !== undefined && first.pool !== stake.pool) second = first
      first = stake
    } else if (stake.pool !== first.pool && (second === undefined || isStronger(stake, second))) {
      second = stake
    }
  }
  return [first, second]
}

/** As `Pools.match` has it. */
function isStronger(one: Stake, other: Stake): boolean {
  if (one.pool.priority !== other.pool.priority) return one.pool.priority > other.pool.priority
  const [isNamed, isOtherNamed] = [one, other].map(({ pool }) => pool.serverNames.size > 0)
  if (isNamed !== isOtherNamed) return isNamed === true
  if (one.network.prefixLength !== other.network.prefixLength) {
    return one.network.prefixLength > other.network.prefixLength
  }
  return one.place < other.place
}

function isThere(stake: Stake | undefined): stake is Stake {
  return stake !== undefined
}
