import type { SessionFacts } from './observer.ts'
import type { PoolCount } from './process-view.ts'

interface Counted {
  readonly facts: Pick<SessionFacts, 'requested' | 'role'>
  readonly server?: object | undefined
}

export function countPools(live: Iterable<Counted>): readonly PoolCount[] {
  return joinCounts([
    [...live].map(({ facts: { requested, role }, server }) => ({
      database: requested?.database ?? '',
      role: role ?? requested?.user ?? '',
      sessions: 1,
      servers: server === undefined ? 0 : 1,
    })),
  ])
}

/** Of connectivity pools. */
export function countOccupancy(
  live: Iterable<{ readonly facts: Pick<SessionFacts, 'pool'> }>,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { facts } of live) {
    if (facts.pool !== undefined) counts.set(facts.pool, (counts.get(facts.pool) ?? 0) + 1)
  }
  return counts
}

/** The counts of several processes as one. */
export function joinCounts(all: readonly (readonly PoolCount[])[]): readonly PoolCount[] {
  const pools = new Map<string, { -readonly [Key in keyof PoolCount]: PoolCount[Key] }>()
  for (const one of all.flat()) {
    const key = JSON.stringify([one.database, one.role])
    const known = pools.get(key)
    if (known === undefined) pools.set(key, { ...one })
    else {
      known.sessions += one.sessions
      known.servers += one.servers
    }
  }
  return [...pools.values()]
}
