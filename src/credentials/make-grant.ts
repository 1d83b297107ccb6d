import type { Grant } from './grant.ts'
import { CredentialProblem } from './problem.ts'
import { readClaims } from './read-claims.ts'

/** What is known of a token beside itself. */
export interface TokenFacts {
  /** Milliseconds since 1970, where whoever gave it out has said so. */
  readonly expiresAt?: number | undefined
  readonly refreshToken?: string | undefined
  readonly principal?: string | undefined
}

/** Of what says nothing of its end: soon enough to be asked for again, and not for every connection. */
const usualLifeMs = 5 * 60_000
const longestToken = 60_000

/**
 * A token as it is kept. Its own `exp` counts most. Throws where it cannot be the password of a connection:
 * nothing but printable ASCII gets through every client, file and variable.
 */
export function makeGrant(token: string, facts: TokenFacts, from: string, now: number): Grant {
  if (token === '') throw unusable(from, 'no token')
  if (token.length > longestToken) throw unusable(from, 'a token that is too long for a password')
  if (!/^[\x21-\x7e]+$/.test(token)) throw unusable(from, 'something that is no token')
  const { exp, iat, email, sub } = readClaims(token)
  const { refreshToken, principal = email ?? sub } = facts
  return {
    token,
    issuedAt: iat === undefined ? now : iat * 1_000,
    expiresAt: exp === undefined ? (facts.expiresAt ?? now + usualLifeMs) : exp * 1_000,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(principal !== undefined && { principal }),
  }
}

function unusable(from: string, what: string): CredentialProblem {
  return new CredentialProblem('failed', `${from} gave ${what}`)
}
