// Session tokens: short ones of our own, in place of those of providers, which reach 7 kB where terminals cut
// what is pasted at 4,095 bytes and tools at 256.
import type { JWK } from 'jose'
import type { KeptIdentity } from './kept-identity.ts'

/** No session token is longer. */
export const maxSessionTokenBytes = 499

/** Where alone one is good, where somebody asked for that. */
export interface SessionTokenBounds {
  /** The user of the startup message. */
  readonly user?: string | undefined
  readonly database?: string | undefined
  readonly pool?: string | undefined
}

export interface SessionTokenRequest {
  readonly identity: KeptIdentity
  readonly bounds: SessionTokenBounds
  /** At most as long as configured; undefined: as long as configured. */
  readonly lifetimeMs?: number | undefined
}

export interface IssuedSessionToken {
  readonly token: string
  /** Its `jti`: what it is revoked by. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

export interface SessionTokens {
  /** Throws `UnfitForSessionToken`. */
  issue(request: SessionTokenRequest, now: Date): Promise<IssuedSessionToken>
  /** Whose it is, and where it is good. Throws a Refusal. */
  read(token: string, now: Date): Promise<ReadSessionToken>
  /** The public keys of those that are good, and of the next (RFC 7517). */
  publicKeys(now: Date): Promise<{ readonly keys: readonly JWK[] }>
}

export interface ReadSessionToken {
  readonly id: string
  readonly identity: KeptIdentity
  readonly bounds: SessionTokenBounds
  readonly expiresAt: number
}

/** There is no session token for such an identity: the message says why and what to do. */
export class UnfitForSessionToken extends Error {
  override readonly name = 'UnfitForSessionToken'
}
