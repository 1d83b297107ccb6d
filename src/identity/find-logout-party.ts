// For which of our integrations a logout token is, by what it says of itself: one address takes all of them.
import { isSameIssuer } from './issuer-name.ts'
import { isEncrypted, readHeader, readUnverified } from './token-shape.ts'

/** An integration that takes logout tokens. */
export interface LogoutParty {
  readonly integration: string
  readonly issuer: string
  readonly clientId: string | undefined
}

/** It only picks: the token is verified by the rules of that integration afterwards. */
export function findLogoutParty(
  token: string,
  parties: readonly LogoutParty[],
): string | undefined {
  const hidden = isEncrypted(token)
  const claims = hidden ? readHeader(token) : readUnverified(token)?.claims
  if (claims === undefined) return undefined
  const { iss: issuer, aud } = claims
  if (hidden && issuer === undefined) {
    // Nobody else can be meant, or nobody knows.
    const [only, another] = parties
    return another === undefined ? only?.integration : undefined
  }
  if (typeof issuer !== 'string') return undefined
  const audiences: readonly unknown[] = [aud].flat()
  const found = parties.find(
    (one) =>
      isSameIssuer(one.issuer, issuer) &&
      one.clientId !== undefined &&
      audiences.includes(one.clientId),
  )
  return found?.integration
}
