import type { JWTPayload } from 'jose'
import { printable, Refusal } from '../refusal.ts'
import { readClaim } from './claims.ts'
import { holder } from './shown.ts'
import type { RequiredClaim, TokenRules } from './token-rules.ts'

/** Of a claim with several values one must be right. What is expected is not told, only of which claim. */
export function checkRequiredClaims(claims: JWTPayload, rules: TokenRules): void {
  for (const { name, expected } of rules.requiredClaims) {
    const values: readonly unknown[] = [readClaim(claims, name)].flat()
    if (!values.some((value) => isExpected(value, expected))) throw unaccepted(name, claims)
  }
  const { requiredAcr } = rules
  if (requiredAcr.length === 0) return
  const { acr } = claims
  if (typeof acr !== 'string' || !requiredAcr.includes(acr)) throw unaccepted('acr', claims)
}

function isExpected(value: unknown, expected: RequiredClaim['expected']): boolean {
  if (typeof expected !== 'object') return value === expected
  return typeof value === 'string' && expected.matches(value)
}

function unaccepted(name: string, claims: JWTPayload): Refusal {
  return new Refusal('token-claim', {
    clientDetail: `The claim "${printable(name)}" is missing or does not have a value that is accepted.`,
    logDetail: holder(claims),
  })
}
