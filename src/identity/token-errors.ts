// From what jose throws to what is refused.
import { errors } from 'jose'
import { printable, Refusal } from '../refusal.ts'
import { notYetValid, wrongAudience } from './check-claims.ts'
import { holder, toDate } from './shown.ts'
import type { TokenCheck } from './token-check.ts'
import type { TokenRules } from './token-rules.ts'

/** `kid` is that of the token's header. */
export function toRefusal(error: unknown, now: Date, kid?: unknown): unknown {
  if (error instanceof errors.JWTExpired) return expired(error, now)
  if (error instanceof errors.JWTClaimValidationFailed) return wrongClaim(error)
  if (error instanceof errors.JOSEAlgNotAllowed) return new Refusal('token-algorithm')
  if (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return new Refusal('token-unknown-key', {
      values: typeof kid === 'string' ? { kid } : {},
      logDetail: error.message,
    })
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return new Refusal('token-signature')
  // What is left of jose's own errors is a token that breaks the format, or a key that breaks the rules.
  if (error instanceof errors.JOSEError) {
    return new Refusal('token-malformed', { values: { isJwt: 'yes' }, logDetail: error.message })
  }
  // A key of the issuer that is not usable: RSA under 2,048 bits, or a point that is not on its curve.
  if (error instanceof TypeError || error instanceof DOMException) {
    return new Refusal('token-signature', { logDetail: error.message })
  }
  return error
}

function expired(error: errors.JWTExpired, now: Date): Refusal {
  const { exp } = error.payload
  const at = toDate(exp ?? 0)
  const since = Math.round((now.getTime() - at.getTime()) / 1_000)
  return new Refusal('token-expired', {
    clientDetail: `The token expired at ${at.toISOString()}, ${since} seconds ago.`,
    logDetail: holder(error.payload),
  })
}

function wrongClaim(error: errors.JWTClaimValidationFailed): Refusal {
  const { claim, payload } = error
  switch (claim) {
    case 'iss':
      return new Refusal('token-issuer')
    case 'aud':
      return wrongAudience(payload)
    case 'nbf':
      if (typeof payload.nbf === 'number') return notYetValid('nbf', payload.nbf)
      break
  }
  return new Refusal('token-claim', {
    values: { claim },
    clientDetail: `The claim "${printable(claim)}" is missing or not of the right type.`,
    logDetail: holder(payload),
  })
}

/** The checks that jose makes behind the signature, of those that it is asked for. */
export function checksBehindSignature({ dialect }: TokenRules): readonly TokenCheck[] {
  return dialect === 'cockroachdb' ? ['times'] : ['audience', 'times']
}

/** Behind the signature jose looks for what must be there, then at the audience, then at the times. */
export function checksBegunBy(error: unknown, rules: TokenRules): readonly TokenCheck[] {
  const all = checksBehindSignature(rules)
  if (error instanceof errors.JWTExpired) return all
  if (!(error instanceof errors.JWTClaimValidationFailed)) return []
  switch (error.claim) {
    case 'iss':
      return ['issuer']
    case 'aud':
      return ['audience']
    case 'sub':
      return ['principal claim']
    default:
      return error.reason === 'missing' ? ['times'] : all
  }
}
