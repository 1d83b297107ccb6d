import type { JWTPayload } from 'jose'
import type { RE2JS } from 're2js'
import { printable, Refusal } from '../refusal.ts'
import { readClaim } from './claims.ts'
import { holder } from './shown.ts'
import type { TokenRules } from './token-rules.ts'

/** Characters times instructions: what an expression may cost for one claim, some milliseconds at worst. */
const mostSteps = 200_000

/** Of a claim with several values one must be right. What is expected is not told, only of which claim. */
export function checkRequiredClaims(claims: JWTPayload, rules: TokenRules): void {
  for (const { name, expected } of rules.requiredClaims) {
    const values: readonly unknown[] = [readClaim(claims, name)].flat()
    const isMet =
      typeof expected === 'object' ? matchesOne(values, expected) : values.includes(expected)
    if (!isMet) throw unaccepted(name, claims)
  }
  const { requiredAcr } = rules
  if (requiredAcr.length === 0) return
  const { acr } = claims
  if (typeof acr !== 'string' || !requiredAcr.includes(acr)) throw unaccepted('acr', claims)
}

/** Values are tried in their order, but for those that would cost too much: they match nothing. */
function matchesOne(values: readonly unknown[], pattern: RE2JS): boolean {
  const size = pattern.programSize()
  let steps = 0
  for (const value of values) {
    if (typeof value !== 'string' || steps + value.length * size > mostSteps) continue
    if (pattern.matches(value)) return true
    steps += value.length * size
  }
  return false
}

function unaccepted(name: string, claims: JWTPayload): Refusal {
  return new Refusal('token-claim', {
    clientDetail: `The claim "${printable(name)}" is missing or does not have a value that is accepted.`,
    logDetail: holder(claims),
  })
}
