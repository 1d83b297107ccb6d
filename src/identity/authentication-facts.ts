import { openToken } from './open-token.ts'
import type { TokenRules } from './token-rules.ts'
import { readUnverified } from './token-shape.ts'

/** How and when somebody signed in at the provider, as an ID token says (OpenID Connect Core, 2). */
export interface AuthenticationFacts {
  /** Milliseconds since 1970; undefined where it does not say. */
  readonly authenticatedAt: number | undefined
  readonly acr: string | undefined
}

const longestAcr = 255

/** Of a token that was verified: nothing is checked here. */
export async function readAuthentication(
  token: string,
  { decryptionKeys }: Pick<TokenRules, 'decryptionKeys'>,
): Promise<AuthenticationFacts> {
  const { claims } = readUnverified(await openToken(token, decryptionKeys)) ?? { claims: {} }
  const { auth_time: time, acr } = claims as Readonly<Record<string, unknown>>
  return {
    authenticatedAt: typeof time === 'number' && time >= 0 ? time * 1_000 : undefined,
    acr: typeof acr === 'string' && acr.length <= longestAcr ? acr : undefined,
  }
}
