import type { AuthMethod, Pool } from '../policy/catalog.ts'
import { isOpen, nextOpening, shownTime } from '../policy/login-hours.ts'
import { withinPool } from '../policy/within-pool.ts'
import { printable, Refusal } from '../refusal.ts'
import type { ListenerAddress } from './services.ts'
import { type Attempt, fail } from './attempt.ts'
import { takesPasswordOf } from './takes-password.ts'
import { refuseDenied } from './refuse-denied.ts'

/** The pool, and whether the client may be asked for a credential at all. */
export function enterPool(attempt: Attempt, listener: ListenerAddress): Pool {
  const { intent, facts, catalog } = attempt
  const { user, database, applicationName } = intent
  facts.requested = { user, database, applicationName }
  if (intent.dialect !== undefined) facts.dialect = intent.dialect
  const { address } = facts.peer
  const pool = catalog.pools.match(listener.key, address, facts.tls?.serverName)
  const compared = `${address} at ${shownListener(listener)} -> ${pool?.name ?? 'none'}`
  attempt.report?.({ check: 'pool', compared, passed: pool !== undefined })
  if (pool === undefined) throw new Refusal('no-pool')
  facts.pool = pool.name
  if (intent.asksForReplication && !pool.allowsReplication) {
    fail(attempt, 'replication', `pool ${pool.name} does not allow it`, 'replication-not-allowed')
  }
  if (facts.tls === undefined && !listener.allowsCleartext) throw new Refusal('tls-required')
  if (pool.requiresClientCertificate && facts.tls?.certificate?.subject === undefined) {
    fail(attempt, 'client certificate', `pool ${pool.name} requires one`, 'client-certificate')
  }
  checkHours(attempt, pool)
  refuseDenied(attempt, undefined)
  attempt.catalog = withinPool(catalog, pool)
  return pool
}

/** What counts is when the client connected: signing in may take longer than the hours last. */
function checkHours({ facts, report }: Attempt, { name, loginHours }: Pool): void {
  if (loginHours.length === 0) return
  const { openedAt } = facts
  const passed = isOpen(loginHours, openedAt)
  const next = passed ? undefined : nextOpening(loginHours, openedAt)
  const begin = next && shownTime(next.at, next.zone)
  const compared = passed
    ? `pool ${name} is open`
    : `pool ${name} is closed until ${begin ?? 'further notice'}`
  report?.({ check: 'login hours', compared, passed })
  if (passed) return
  throw new Refusal('login-hours', {
    logDetail: compared,
    ...(begin !== undefined && { hint: `Logins begin again on ${begin}.` }),
  })
}

/**
 * How the client is asked: as it wishes, where the pool allows it, or by the first method of the pool that
 * can do for it. Only a user that may have a password is asked for the proof of one.
 */
export function chooseAuthMethod(attempt: Attempt, pool: Pool): AuthMethod {
  const { authMethod: wanted, declaresToken } = attempt.intent
  const possible = pool.authMethods.filter((one) => one !== relayMethod || !declaresToken)
  const usual =
    possible.find((one) => one !== relayMethod || takesPasswordOf(pool, attempt.intent.user)) ??
    possible[0]
  const chosen = wanted === undefined ? usual : possible.find((one) => one === wanted)
  if (chosen !== undefined) {
    attempt.facts.authMethod = chosen
    return chosen
  }
  // A token has to be asked for, and nothing that the pool has left asks for one.
  const missing = wanted ?? 'cleartext'
  const compared = `${printable(missing)} among ${pool.authMethods.join(', ')}`
  attempt.report?.({ check: 'authentication method', compared, passed: false })
  throw new Refusal('auth-method-unavailable', { values: { method: missing } })
}

export const relayMethod: AuthMethod = 'scram-sha-256'

/** As an operator writes it; an IPv6 address has brackets, and a Unix socket is its path. */
export function shownListener({ address, port }: { address: string; port: number }): string {
  if (address.startsWith('/')) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
