import type { Pool } from '../policy/catalog.ts'
import type { SessionFacts } from './observer.ts'
import type { Rules } from './services.ts'
import { boundsOf, type SessionBounds } from './session-bounds.ts'

/** Those of the pool that the client came in by. */
export function boundsFor(facts: SessionFacts, rules: Rules): SessionBounds | undefined {
  return boundsOf(poolOf(facts, rules).sessionLimits, facts.identity?.expiresAt)
}

/** The one that the client came in by. */
export function poolOf(
  { pool: name = '' }: SessionFacts,
  { catalog }: Pick<Rules, 'catalog'>,
): Pool {
  const pool = catalog.pools.find(name)
  if (pool === undefined) throw new Error('a session without a pool')
  return pool
}
