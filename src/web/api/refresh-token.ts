// Refresh tokens of providers, as they are given out: sealed, so that nobody but us can use one.
import type { KeptIdentity } from '../../identity/kept-identity.ts'
import type { Sealer } from '../sealer.ts'

export interface SealedRefresh {
  readonly integration: string
  readonly issuer: string
  readonly subject: string
  readonly token: string
}

const purpose = 'refresh token'
/** However long the provider would take it: whoever has not been here for so long signs in again. */
const lifetimeMs = 30 * 86_400_000
/** What is longer when it is sealed nobody could bring again. */
const longestToken = 4_096

/** Undefined where there is none, or one that is too long to be brought again. */
export async function sealRefresh(
  { sealer, now }: { readonly sealer: Sealer; readonly now: () => Date },
  { integration, issuer, subject }: KeptIdentity,
  token: string | undefined,
): Promise<string | undefined> {
  if (token === undefined || token.length > longestToken) return undefined
  const data: SealedRefresh = { integration, issuer, subject, token }
  return sealer.seal(purpose, data, now().getTime() + lifetimeMs)
}

export async function openRefresh(
  { sealer }: { readonly sealer: Sealer },
  sealed: string,
): Promise<SealedRefresh | undefined> {
  // What we have sealed has the shape that we gave it.
  return (await sealer.open(purpose, sealed)) as SealedRefresh | undefined
}
