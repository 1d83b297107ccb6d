import type { Pool } from '../policy/catalog.ts'
import { type Admission, type RelayAdmission, type Attempt, fail } from './attempt.ts'
import { refuseDenied } from './refuse-denied.ts'
import { takesPasswordOf, takesPasswords } from './takes-password.ts'
import { relayMethod } from './enter-pool.ts'

export function admitPassword(attempt: Attempt, pool: Pool, password: string): Admission {
  const role = enterByPassword(attempt, pool)
  if (pool.authMethods.includes(relayMethod)) {
    const compared = `pool ${pool.name} takes them by ${relayMethod} alone`
    fail(attempt, 'password', compared, 'password-not-relayed')
  }
  letPass(attempt, pool, 'read')
  return { kind: 'password', intent: attempt.intent, role, password }
}

/** Whether the client is asked to prove its password to the server, before anything is said to either. */
export function admitRelay(attempt: Attempt, pool: Pool): Omit<RelayAdmission, 'first'> {
  const role = enterByPassword(attempt, pool)
  letPass(attempt, pool, 'relayed')
  const hint = pool.authMethods.includes('cleartext')
    ? "A token is not taken like this: for one, add options='-c auth_method=cleartext' to the connection string."
    : undefined
  return { kind: 'relay', intent: attempt.intent, role, hint }
}

/** The role of a client that comes with a password, where the pool lets it. */
function enterByPassword(attempt: Attempt, pool: Pool): string {
  const { intent } = attempt
  if (!takesPasswordOf(pool, intent.user)) {
    fail(attempt, 'password', `pool ${pool.name} requires single sign-on`, 'sso-required')
  }
  // The client said that it would send a token: whatever this is, it is not for PostgreSQL.
  if (intent.declaresToken || intent.role === undefined) {
    fail(attempt, 'password', 'the client declared a token', 'token-malformed')
  }
  refuseDenied(attempt, intent.role)
  return intent.role
}

function letPass(attempt: Attempt, pool: Pool, travelled: 'read' | 'relayed'): void {
  attempt.facts.password = { travelled, isBreakGlass: !takesPasswords(pool) }
  const relayed = travelled === 'relayed' ? `, by ${relayMethod}` : ''
  const compared = `pool ${pool.name} lets it pass${relayed}`
  attempt.report?.({ check: 'password', compared, passed: true })
}
