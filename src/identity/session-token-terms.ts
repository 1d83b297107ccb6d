import type { GroupMarks } from './group-marks.ts'
import type { TokenKind } from './token-rules.ts'

/** In characters. */
export const fingerprintLength = 6

/** What session tokens go by of an integration. */
export interface SessionTokenTerms {
  readonly integration: string
  readonly isEnabled: boolean
  readonly issuer: string
  /**
   * Of what the integration demands of tokens, and of how it reads them: once that changes, session tokens of
   * before are void, since nobody knows whether what they were made from would still do.
   */
  readonly fingerprint: string
  /** The values of groups claims that the catalog has a use for. */
  readonly groups: ReadonlySet<string>
  /** Kinds of tokens whose holders get none. */
  readonly unfitKinds: ReadonlySet<TokenKind>
}

export interface MarkedTerms extends SessionTokenTerms {
  readonly marks: GroupMarks
}

/** Such a token is the provider's to take back, and it is asked about each one. */
export const asksAboutAccessTokens: ReadonlySet<TokenKind> = new Set(['access_token', 'at+jwt'])
