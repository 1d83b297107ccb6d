import type { KeptIdentity } from '../identity/kept-identity.ts'
import type { TokenIdentity } from '../identity/token-identity.ts'
import type { Catalog, Integration } from './catalog.ts'
import { keepUsefulGroups } from './useful-groups.ts'

/** What is kept of a verified identity. Where tokens may only be so old, it is no longer good than its own. */
export function keepIdentity(
  principal: TokenIdentity,
  integration: Integration,
  catalog: Pick<Catalog, 'groups'>,
): KeptIdentity {
  const { issuer, kind, subject, names, goodUntil, issuedAt, sid, tokenIdHash } = principal
  const { certificateThumbprint, actors, sessionClaims } = principal
  return {
    integration: principal.integration,
    ...{ kind, issuer, subject, names },
    groups: keepUsefulGroups(principal.groups, integration, catalog),
    expiresAt: goodUntil.getTime(),
    issuedAt: issuedAt?.getTime(),
    ...(tokenIdHash !== undefined && { tokenIdHash }),
    ...(sid !== undefined && { sid }),
    ...(certificateThumbprint !== undefined && { certificateThumbprint }),
    ...(actors.length > 0 && { actors }),
    ...(sessionClaims !== undefined && { sessionClaims: Object.fromEntries(sessionClaims) }),
  }
}
