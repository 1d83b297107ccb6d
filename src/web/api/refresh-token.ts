// Refresh tokens of providers, as they are given out: sealed, so that nobody but us can use one.
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import type { SessionTokenBounds } from '../../identity/session-token.ts'
import type { Sealer } from '../sealer.ts'

/** For whom it is good, and where what it is made into is good. */
export interface SealedRefresh {
  readonly identity: KeptIdentity
  readonly bounds: SessionTokenBounds
  readonly token: string
}

const purpose = 'refresh token'
/** However long the provider would take it: whoever has not been here for so long signs in again. */
const lifetimeMs = 30 * 86_400_000
/** What is longer when it is sealed nobody could bring again. */
const longestToken = 4_096
export const longestSealed = 16_384

/** Undefined where there is none, or one that is too long to be brought again. */
export async function sealRefresh(
  { sealer, now }: { readonly sealer: Sealer; readonly now: () => Date },
  identity: KeptIdentity,
  bounds: SessionTokenBounds,
  token: string | undefined,
): Promise<string | undefined> {
  if (token === undefined || token.length > longestToken) return undefined
  // They are had anew with every token.
  const data: SealedRefresh = { identity: { ...identity, sessionClaims: undefined }, bounds, token }
  const sealed = await sealer.seal(purpose, data, now().getTime() + lifetimeMs)
  return sealed.length > longestSealed ? undefined : sealed
}

export async function openRefresh(
  { sealer }: { readonly sealer: Sealer },
  sealed: string,
): Promise<SealedRefresh | undefined> {
  // What we have sealed has the shape that we gave it.
  return (await sealer.open(purpose, sealed)) as SealedRefresh | undefined
}
