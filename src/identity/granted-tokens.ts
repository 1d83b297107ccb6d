/** What the provider gave out. Nobody has verified it. */
export interface GrantedTokens {
  /** The ID token; the access token where the provider issues no other. */
  readonly token: string
  readonly idToken: string | undefined
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** How long the access token is good for, where the provider says so. */
  readonly expiresInMs: number | undefined
}

/** From an answer of the token endpoint (RFC 6749, 5.1; OpenID Connect Core, 3.1.3.3). */
export function tokensOf({
  id_token: idToken,
  access_token: accessToken,
  refresh_token: refreshToken,
  expires_in: seconds,
}: {
  readonly id_token?: string
  readonly access_token: string
  readonly refresh_token?: string
  readonly expires_in?: number
}): GrantedTokens {
  return {
    token: idToken ?? accessToken,
    idToken,
    accessToken,
    refreshToken,
    expiresInMs: seconds === undefined ? undefined : seconds * 1_000,
  }
}
