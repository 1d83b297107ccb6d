import type { TokenIdentity } from '../identity/token-identity.ts'
import type { Admission } from './attempt.ts'
import type { SessionFacts } from './observer.ts'
import {
  type LocalEnd,
  refuseReserved,
  type SessionSettings,
  settingsOf,
  type ToldIdentity,
  type ToldSession,
} from './session-settings.ts'

/**
 * What is set in a session, by the connection that it is made on. Throws a Refusal where the client has set
 * any of it itself.
 */
export function tellSession(
  rules: SessionSettings,
  session: ToldSession,
  ofClient: ReadonlyMap<string, string>,
  now: () => Date,
): (local: LocalEnd) => ReadonlyMap<string, string> {
  refuseReserved(rules, ofClient)
  return (local) => settingsOf(rules, session, local, now())
}

/** Nothing but a verified token says who somebody is: of a password it is known for which role alone. */
export function identityOf(admission: Admission, facts: SessionFacts): ToldIdentity | undefined {
  if (admission.kind !== 'token') return undefined
  return toldIdentity(facts, admission.subject.principal)
}

/** The identity as the facts have it, with what its token claims besides. */
export function toldIdentity(
  { identity }: Pick<SessionFacts, 'identity'>,
  { sessionClaims = new Map() }: Pick<TokenIdentity, 'sessionClaims'>,
): ToldIdentity | undefined {
  if (identity === undefined) return undefined
  const { issuer, subject, principal, groups } = identity
  return { issuer, subject, principal, groups, claims: sessionClaims }
}
