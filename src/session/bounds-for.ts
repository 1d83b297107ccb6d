import type { SessionFacts } from './observer.ts'
import type { Rules } from './services.ts'
import { boundsOf, type SessionBounds } from './session-bounds.ts'

/** Those of the pool that the client came in by. */
export function boundsFor(
  { pool: name, identity }: SessionFacts,
  { catalog }: Rules,
): SessionBounds | undefined {
  const pool = catalog.pools.find((one) => one.name === name)
  if (pool === undefined) throw new Error('a session without a pool')
  return boundsOf(pool.sessionLimits, identity?.expiresAt)
}
