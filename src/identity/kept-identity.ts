import type { TokenKind } from './token-rules.ts'

/**
 * What is kept of a verified identity when its token is not: in the sealed cookie of a browser, and in a
 * session token. Plain data; whoever has one has it from a token that was verified, or from something that we
 * sealed or signed ourselves.
 */
export interface KeptIdentity {
  readonly integration: string
  readonly kind: TokenKind
  readonly issuer: string
  readonly subject: string
  /** The values of the principal claim, at least one. */
  readonly names: readonly string[]
  /** Those groups of the token that the catalog had a use for. */
  readonly groups: readonly string[]
  /** Until when the token was good, or what it was refreshed by. Milliseconds since 1970. */
  readonly expiresAt: number
  /** When the token was issued, where it said so: whoever signed out is kept out by that. As `expiresAt`. */
  readonly issuedAt: number | undefined
  /** SHA-256 of the token's `jti`, in hex. */
  readonly tokenIdHash?: string | undefined
  /** The session at the provider. */
  readonly sid?: string | undefined
  /** Without the client certificate of this thumbprint it is nobody's. */
  readonly certificateThumbprint?: string | undefined
  readonly actors?: readonly string[] | undefined
  readonly sessionClaims?: Readonly<Record<string, unknown>> | undefined
}
