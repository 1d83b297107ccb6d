import { printable, Refusal } from '../refusal.ts'
import type { Admission } from './attempt.ts'
import { askLedger } from './ask-ledger.ts'
import type { SessionFacts } from './observer.ts'
import type { Rules, SessionServices } from './services.ts'
import type { Counted, SessionCountLimits } from './session-counts.ts'

/** Counts a session before any work is done for it upstream; what is returned gives it back, once. */
export async function reserveSession(
  { ledger, registry }: Pick<SessionServices, 'ledger' | 'registry'>,
  facts: SessionFacts,
  admission: Admission,
  limits: SessionCountLimits,
): Promise<() => void> {
  registry.refuseWhileDraining()
  const reservation = await askLedger(ledger.reserve(claimOf(facts, admission, limits)))
  if (reservation.kind === 'reserved') return reservation.release
  throw tooMany(reservation.counted, facts, admission)
}

/** Sessions of the console are counted apart: whoever is to help must get in when all else is full. */
export async function reserveConsole(
  { ledger, registry }: Pick<SessionServices, 'ledger' | 'registry'>,
  { maxConsoleSessions: limit }: Pick<Rules['limits'], 'maxConsoleSessions'>,
): Promise<() => void> {
  registry.refuseWhileDraining()
  const reservation = await askLedger(ledger.reserve([{ by: 'console', name: '', limit }]))
  if (reservation.kind === 'reserved') return reservation.release
  throw new Refusal('console-limit')
}

function claimOf(
  { identity, pool = '' }: SessionFacts,
  { role, intent: { database } }: Admission,
  limits: SessionCountLimits,
): readonly Counted[] {
  // No issuer is empty: a role that has logged in by its password is a principal of its own.
  const principal = JSON.stringify([identity?.issuer ?? '', identity?.subject ?? role])
  return [
    { by: 'all', name: '', limit: limits.maxSessions },
    { by: 'database', name: database, limit: limits.maxSessionsOfDatabase.get(database) },
    { by: 'pool', name: pool, limit: limits.maxSessionsOfPool.get(pool) },
    { by: 'role', name: role, limit: limits.maxSessionsPerRole },
    { by: 'principal', name: principal, limit: limits.maxSessionsPerPrincipal },
  ]
}

function tooMany({ by, limit = 0 }: Counted, facts: SessionFacts, admission: Admission): Refusal {
  const { role, intent } = admission
  switch (by) {
    case 'console':
      return new Refusal('console-limit')
    case 'all':
      return new Refusal('too-many-sessions')
    case 'database':
      return limited(limit, 'database', intent.database, 'max_sessions of the database')
    case 'pool':
      return limited(limit, 'pool', facts.pool ?? '', 'max_sessions of the pool')
    case 'role':
      return limited(limit, 'role', role, 'limits.max_sessions_per_role')
    case 'principal': {
      const name = facts.identity?.principal ?? role
      return limited(limit, 'identity', name, 'limits.max_sessions_per_principal')
    }
  }
}

function limited(limit: number, kind: string, name: string, key: string): Refusal {
  const shown = `${kind} "${printable(name)}"`
  return new Refusal('session-limit', {
    values: { kind, name },
    logDetail: `${limit} of ${shown} are open: ${key}`,
  })
}
