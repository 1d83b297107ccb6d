import { createHash } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify } from 'jose'
import { printable, Refusal } from '../refusal.ts'
import { checkClaims, notYetValid, wrongAudience } from './check-claims.ts'
import { readClaim } from './claims.ts'
import { findGroups } from './find-groups.ts'
import { holder, shown, toDate } from './shown.ts'
import { ownAudiences, type TokenRules } from './token-rules.ts'
import { readUnverified } from './token-shape.ts'

const verified = Symbol('verified')

/** The holder of a token that passed every check. Only this file can make one. */
export interface Principal {
  readonly [verified]: true
  readonly integration: string
  readonly issuer: string
  readonly subject: string
  /** The values of the principal claim, at least one. */
  readonly names: readonly string[]
  /** As the token or userinfo names them; policy maps them to groups of the catalog. */
  readonly groups: readonly string[]
  readonly expiresAt: Date
  /** Until then it need not be verified again: it neither expires nor grows too old before. */
  readonly goodUntil: Date
  readonly tokenIdHash: string | undefined
}

const longestNameBytes = 255
/** Each is compared with every line of the identity map. */
const mostNames = 100

/**
 * Verifies a token against the rules of one integration, or throws the Refusal that says what is wrong.
 * Whatever is refused before the signature is checked carries no detail for the client.
 */
export async function verifyToken(token: string, rules: TokenRules, now: Date): Promise<Principal> {
  const unverified = readUnverified(token)
  if (unverified === undefined) throw new Refusal('token-malformed')
  const { header } = unverified
  // Before any key is looked up: made-up algorithms and issuers cost no request.
  if (typeof header['alg'] !== 'string' || !rules.algorithms.includes(header['alg'])) {
    throw new Refusal('token-algorithm', { logDetail: `alg ${shown(header['alg'])}` })
  }
  const { issuer } = await rules.keys.current()
  if (unverified.claims['iss'] !== issuer) {
    throw new Refusal('token-issuer', {
      logDetail: `iss ${shown(unverified.claims['iss'])}, expected ${issuer}`,
    })
  }
  const claims = await verifySignatureAndTimes(token, rules, issuer, now)
  checkClaims(claims, header['typ'], rules, now)
  const principal = toPrincipal(claims, issuer, rules)
  // Last, so that only a token which is good in every other way costs a request.
  return { ...principal, groups: await findGroups(token, claims, rules) }
}

async function verifySignatureAndTimes(
  token: string,
  rules: TokenRules,
  issuer: string,
  now: Date,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, rules.keys.findKey, {
      algorithms: [...rules.algorithms],
      issuer,
      audience: ownAudiences(rules),
      clockTolerance: rules.leewayMs / 1_000,
      currentDate: now,
      requiredClaims: ['exp', 'sub'],
    })
    return payload
  } catch (error) {
    throw toRefusal(error, now)
  }
}

function toRefusal(error: unknown, now: Date): unknown {
  if (error instanceof errors.JWTExpired) return expired(error, now)
  if (error instanceof errors.JWTClaimValidationFailed) return wrongClaim(error)
  if (error instanceof errors.JOSEAlgNotAllowed) return new Refusal('token-algorithm')
  if (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return new Refusal('token-unknown-key', { logDetail: error.message })
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return new Refusal('token-signature')
  // What is left of jose's own errors is a token that breaks the format, or a key that breaks the rules.
  if (error instanceof errors.JOSEError) {
    return new Refusal('token-malformed', { logDetail: error.message })
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
      if (typeof payload.nbf === 'number') return notYetValid(`not valid before`, payload.nbf)
      break
  }
  return new Refusal('token-claim', {
    clientDetail: `The claim "${printable(claim)}" is missing or not of the right type.`,
    logDetail: holder(payload),
  })
}

function toPrincipal(
  claims: JWTPayload,
  issuer: string,
  rules: TokenRules,
): Omit<Principal, 'groups'> {
  const { jti, exp, iat } = claims
  const subject = toName(claims.sub)
  if (subject === undefined || exp === undefined) throw unusable('sub')
  const names = toNames(readClaim(claims, rules.principalClaim))
  if (names.length === 0 || names.length > mostNames) throw unusable(rules.principalClaim)
  // An address that the provider has not checked is whatever its owner typed.
  const isEmail = /^(?:email|\/email(?:\/.*)?)$/.test(rules.principalClaim)
  if (isEmail && isFalse(claims['email_verified'])) {
    throw new Refusal('token-claim', { clientDetail: 'The e-mail address is not verified.' })
  }
  const expiresAt = toDate(exp)
  const tooOldAt =
    rules.maxTokenAgeMs === undefined || iat === undefined
      ? expiresAt
      : toDate(iat + rules.maxTokenAgeMs / 1_000)
  return {
    [verified]: true,
    integration: rules.integration,
    issuer,
    subject,
    names,
    expiresAt,
    goodUntil: tooOldAt < expiresAt ? tooOldAt : expiresAt,
    tokenIdHash:
      typeof jti === 'string' ? createHash('sha256').update(jti).digest('hex') : undefined,
  }
}

function unusable(claim: string): Refusal {
  return new Refusal('token-claim', {
    clientDetail: `The token has no usable claim "${printable(claim)}".`,
  })
}

/** Some providers write booleans as text. */
function isFalse(value: unknown): boolean {
  return value === false || value === 'false'
}

/** A list brings as many names as it has usable entries. */
function toNames(value: unknown): readonly string[] {
  const names = [value].flat().map(toName)
  return [...new Set(names.filter((name) => name !== undefined))]
}

function toName(value: unknown): string | undefined {
  const name = typeof value === 'number' ? String(value) : value
  if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > longestNameBytes) {
    return undefined
  }
  // Control characters in a name forge lines and end C strings early.
  return /\p{Cc}/u.test(name) ? undefined : name
}
