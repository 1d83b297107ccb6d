/** A token that is a password at the gateway, and what is known of it. Times are milliseconds since 1970. */
export interface Grant {
  readonly token: string
  /** When it was given out, as far as is known: by its own `iat`, or when it came. */
  readonly issuedAt: number
  readonly expiresAt: number
  /** For another one without anybody being asked: of the provider, or a sealed one of the gateway. */
  readonly refreshToken?: string | undefined
  /** Whose it is, to be shown: unverified. */
  readonly principal?: string | undefined
  /** The user to connect as, where the gateway has said so, and all that are open. */
  readonly user?: string | undefined
  readonly roles?: readonly string[] | undefined
}
