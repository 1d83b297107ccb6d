// Whether a session would be let in again: by what is remembered of its login, and by the rules of now. Pure.
import { isSameIssuer } from '../identity/issuer-name.ts'
import {
  type Catalog,
  type ConsoleRight,
  type Integration,
  type Pool,
  systemScope,
} from '../policy/catalog.ts'
import { decide, type Identity } from '../policy/decide.ts'
import { decideConsole } from '../policy/decide-console.ts'
import { refusedByPool, resolveIntegration } from '../policy/resolve-integration.ts'
import { withinPool } from '../policy/within-pool.ts'
import type { Reason } from '../refusal.ts'
import { type ConsoleGuest, isConsole } from './console-guest.ts'
import type { Grant } from './grant.ts'
import type { SessionFacts } from './observer.ts'
import { takesPasswordOf } from './takes-password.ts'

/** Why it would not be let in any more; undefined where it would. */
export function noLongerAllowed(
  grant: Grant,
  facts: SessionFacts,
  catalog: Catalog,
): Reason | undefined {
  const { intent, identity } = grant
  const pool = catalog.pools.match(grant.listener, facts.peer.address, facts.tls?.serverName)
  if (pool?.name !== facts.pool || pool === undefined) return 'no-pool'
  // Hours are for logins: whoever is in stays.
  const its = withinPool(catalog, pool)
  if (intent.asksForReplication && !pool.allowsReplication) return 'replication-not-allowed'
  if (pool.requiresClientCertificate && facts.tls?.certificate?.subject === undefined) {
    return 'client-certificate'
  }
  if (grant.guest !== undefined) return guestNoLongerAllowed(grant.guest, grant, facts, pool, its)
  if (identity === undefined) {
    if (!takesPasswordOf(pool, intent.user)) return 'sso-required'
    const exists = its.databases.get(intent.database)?.hasUpstream === true
    return exists ? undefined : 'unknown-database'
  }
  return identityNoLongerAllowed(grant, identity, facts, pool, its)
}

/** At the console. */
function guestNoLongerAllowed(
  guest: ConsoleGuest,
  { intent, identity }: Grant,
  facts: SessionFacts,
  pool: Pool,
  catalog: Catalog,
): Reason | undefined {
  if (!isConsole(intent.database, catalog)) return 'unknown-database'
  if (identity === undefined) {
    if (guest.by === 'secret' && !takesPasswordOf(pool, guest.name)) return 'sso-required'
    const { users, unixSocket } = catalog.console
    const right = guest.by === 'secret' ? users.get(guest.name) : unixSocket
    return covers(right, guest.right) ? undefined : 'console-not-allowed'
  }
  const asked = { ...intent, database: systemScope, qualifier: undefined }
  const integration = integrationOf(asked, facts, pool, catalog)
  if (typeof integration === 'string') return integration
  if (!isSameIssuer(integration.issuer, identity.issuer)) return 'token-issuer'
  if (intent.tokenUser === 'id_token' && !integration.allowsIdTokenUser) return 'id-token-disabled'
  const decision = decideConsole(identity, integration, catalog)
  if (decision.outcome === 'denied') return decision.reason
  return covers(decision.right, guest.right) ? undefined : 'console-not-allowed'
}

function covers(right: ConsoleRight | undefined, had: ConsoleRight): boolean {
  return right === 'admin' || right === had
}

function identityNoLongerAllowed(
  { intent, role, allowsSuperuser, condition, memberOf }: Grant,
  identity: Identity,
  facts: SessionFacts,
  pool: Pool,
  catalog: Catalog,
): Reason | undefined {
  const integration = integrationOf(intent, facts, pool, catalog)
  if (typeof integration === 'string') return integration
  if (!isSameIssuer(integration.issuer, identity.issuer)) return 'token-issuer'
  if (intent.tokenUser === 'id_token' && !integration.allowsIdTokenUser) return 'id-token-disabled'
  // Whoever left the choice of its role to us may have another one by now, and keeps this one.
  const decision = decide({ user: role, database: intent.database }, identity, integration, catalog)
  if (decision.outcome === 'denied') return decision.reason
  if (allowsSuperuser && !decision.allowsSuperuser) return 'role-reserved'
  // The server was asked about other roles than it would be asked about now.
  const isProved =
    (decision.condition?.memberOf ?? []).join('\0') === (condition?.memberOf ?? []).join('\0')
  if (decision.condition !== undefined && !isProved) return 'role-not-allowed'
  // Its own role is still a member, until the next login.
  const keptBy = new Set(decision.provision?.memberOf)
  return memberOf.every((group) => keptBy.has(group)) ? undefined : 'role-not-allowed'
}

/** The one that it was let in by, if it could be again; else why not. */
function integrationOf(
  intent: Grant['intent'],
  facts: SessionFacts,
  pool: Pool,
  catalog: Catalog,
): Integration | Reason {
  const name = facts.integration ?? ''
  if (facts.authMethod === 'sign-in' && pool.ssoIntegration !== undefined) {
    const its = pool.ssoIntegration === name ? catalog.integrations.get(name) : undefined
    if (its === undefined) return 'sign-in-unavailable'
    if (!its.isEnabled) return 'integration-disabled'
    return refusedByPool(its, catalog) === undefined ? its : 'integration-not-allowed'
  }
  const request = { ...intent, identityProvider: name, claimed: undefined }
  const resolution = resolveIntegration(catalog, request)
  return resolution.outcome === 'resolved' ? resolution.integration : resolution.reason
}
