import type { KeptIdentity } from '../identity/kept-identity.ts'
import { listed } from '../identity/shown.ts'
import type { SessionFacts } from './observer.ts'

/** What would be known of a session of somebody of whom no token is kept. `groups` are those of the catalog. */
export function factsOfKept(
  { issuer, subject, names, expiresAt, issuedAt, sid, tokenIdHash, actors = [] }: KeptIdentity,
  groups: readonly string[],
): NonNullable<SessionFacts['identity']> {
  return {
    ...{ issuer, subject, names, groups, sid, tokenIdHash, actors },
    // Of a session token no more than the beginning is known: it is compared as such.
    madeOfTokenIdHash: tokenIdHash,
    principal: listed(names),
    expiresAt: new Date(expiresAt),
    issuedAt: issuedAt === undefined ? undefined : new Date(issuedAt),
  }
}
