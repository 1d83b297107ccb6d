import { createHash } from 'node:crypto'
import {
  errors,
  type JWTClaimVerificationOptions,
  type JWTPayload,
  jwtVerify,
  UnsecuredJWT,
} from 'jose'
import { printable, Refusal } from '../refusal.ts'
import { readClaim, readGroups } from './claims.ts'
import { withoutTrailingSlash } from './discovery.ts'
import type { KeyCache } from './key-cache.ts'
import { authorizedParty, readUnverified } from './token-shape.ts'

/** What an integration demands of a token. */
export interface TokenRules {
  readonly integration: string
  readonly keys: KeyCache
  readonly clientId: string | undefined
  readonly additionalAudiences: readonly string[]
  readonly algorithms: readonly string[]
  readonly leewayMs: number
  /** Claim names, or JSON Pointers when they begin with a slash. */
  readonly principalClaim: string
  readonly groupsClaimIds: readonly string[]
}

const verified = Symbol('verified')

/** Whom a token names, whether or not anybody has checked who wrote it. */
export interface TokenIdentity {
  readonly integration: string
  readonly issuer: string
  readonly subject: string
  /** The value of the principal claim. */
  readonly name: string
  /** As the token names them; policy maps them to groups of the catalog. */
  readonly groups: readonly string[]
  readonly expiresAt: Date
  readonly tokenIdHash: string | undefined
}

/** The holder of a token that passed every check. Only this file can make one. */
export interface Principal extends TokenIdentity {
  readonly [verified]: true
}

/** What is checked of a token. */
export type TokenCheck =
  | 'format'
  | 'algorithm'
  | 'keys'
  | 'issuer'
  | 'signature'
  | 'audience'
  | 'times'
  | 'type'
  | 'authorized party'
  | 'principal claim'

/** Is told of each check as it begins: when a refusal follows, the last one is the one that failed. */
export type CheckObserver = (check: TokenCheck) => void

const longestNameBytes = 255
/** ECMAScript's last point in time: an `exp` beyond it is that, and not an invalid date. */
const lastMs = 8.64e15

/** ID tokens have `JWT` or nothing, access tokens RFC 9068's `at+jwt`; a logout token is neither. */
const tokenTypes = new Set(['jwt', 'at+jwt', 'application/at+jwt', 'application/jwt'])

/**
 * Verifies a token against the rules of one integration, or throws the Refusal that says what is wrong.
 * Whatever is refused before the signature is checked carries no detail for the client.
 */
export async function verifyToken(
  token: string,
  rules: TokenRules,
  now: Date,
  checking: CheckObserver = () => {},
): Promise<Principal> {
  checking('format')
  const unverified = readUnverified(token)
  if (unverified === undefined) throw new Refusal('token-malformed')
  const { header } = unverified
  checking('algorithm')
  // Before any key is looked up: made-up algorithms and issuers cost no request.
  if (typeof header['alg'] !== 'string' || !rules.algorithms.includes(header['alg'])) {
    throw new Refusal('token-algorithm', { logDetail: `alg ${shown(header['alg'])}` })
  }
  checking('keys')
  const { issuer } = await rules.keys.current()
  checking('issuer')
  if (unverified.claims['iss'] !== issuer) {
    throw new Refusal('token-issuer', {
      logDetail: `iss ${shown(unverified.claims['iss'])}, expected ${issuer}`,
    })
  }
  checking('signature')
  const claims = await verifySignatureAndTimes(token, rules, issuer, now, checking)
  return { [verified]: true, ...readIdentity(claims, header['typ'], issuer, rules, now, checking) }
}

/**
 * What a token of the right format and algorithm would be refused for if its signature were good, or whom
 * it names. For those who explain a login without the issuer's keys: it proves nothing.
 */
export function previewToken(
  token: string,
  rules: TokenRules,
  now: Date,
  checking: CheckObserver,
): TokenIdentity {
  const unverified = readUnverified(token)
  if (unverified === undefined) throw new Refusal('token-malformed')
  const { iss } = unverified.claims
  checking('issuer')
  // The issuer's own spelling is in its discovery document: one slash is all that may differ.
  if (
    typeof iss !== 'string' ||
    withoutTrailingSlash(iss) !== withoutTrailingSlash(rules.keys.issuer)
  ) {
    throw new Refusal('token-issuer', {
      logDetail: `iss ${shown(iss)}, expected ${rules.keys.issuer}`,
    })
  }
  checking('signature')
  const claims = readUnsigned(token, rules, iss, now, checking)
  return readIdentity(claims, unverified.header['typ'], iss, rules, now, checking)
}

/** The claims, by the same checks of jose as behind a signature. */
function readUnsigned(
  token: string,
  rules: TokenRules,
  issuer: string,
  now: Date,
  checking: CheckObserver,
): JWTPayload {
  const header = Buffer.from('{"alg":"none"}').toString('base64url')
  try {
    const unsigned = `${header}.${token.split('.')[1] ?? ''}.`
    const { payload } = UnsecuredJWT.decode(unsigned, claimRules(rules, issuer, now))
    checking('audience')
    checking('times')
    return payload
  } catch (error) {
    for (const check of checksBegunBy(error)) checking(check)
    throw toRefusal(error, now)
  }
}

async function verifySignatureAndTimes(
  token: string,
  rules: TokenRules,
  issuer: string,
  now: Date,
  checking: CheckObserver,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, rules.keys.findKey, {
      algorithms: [...rules.algorithms],
      ...claimRules(rules, issuer, now),
    })
    checking('audience')
    checking('times')
    return payload
  } catch (error) {
    for (const check of checksBegunBy(error)) checking(check)
    throw toRefusal(error, now)
  }
}

function claimRules(rules: TokenRules, issuer: string, now: Date): JWTClaimVerificationOptions {
  return {
    issuer,
    audience: audiences(rules),
    clockTolerance: rules.leewayMs / 1_000,
    currentDate: now,
    requiredClaims: ['exp', 'sub'],
  }
}

/** Behind the signature jose looks for what must be there, then at the audience, then at the times. */
function checksBegunBy(error: unknown): readonly TokenCheck[] {
  if (error instanceof errors.JWTExpired) return ['audience', 'times']
  if (!(error instanceof errors.JWTClaimValidationFailed)) return []
  switch (error.claim) {
    case 'iss':
      return ['issuer']
    case 'aud':
      return ['audience']
    case 'sub':
      return ['principal claim']
    default:
      return error.reason === 'missing' ? ['times'] : ['audience', 'times']
  }
}

/** Whom the claims name, by the checks that are not jose's. */
function readIdentity(
  claims: JWTPayload,
  typ: unknown,
  issuer: string,
  rules: TokenRules,
  now: Date,
  checking: CheckObserver,
): TokenIdentity {
  checkIssuedAt(claims, rules, now)
  checking('type')
  checkType(typ)
  checking('authorized party')
  checkAuthorizedParty(claims, rules)
  checking('principal claim')
  return toIdentity(claims, issuer, rules)
}

function audiences(rules: TokenRules): string[] {
  return rules.clientId === undefined
    ? [...rules.additionalAudiences]
    : [rules.clientId, ...rules.additionalAudiences]
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
  const at = new Date(Math.max(Math.min((exp ?? 0) * 1_000, lastMs), -lastMs))
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
      return new Refusal('token-audience', {
        clientDetail: `The token was issued for audience ${quoted(payload.aud)}.`,
        logDetail: holder(payload),
      })
    case 'nbf':
      if (typeof payload.nbf === 'number') return notYetValid(`not valid before`, payload.nbf)
      break
  }
  return new Refusal('token-claim', {
    clientDetail: `The claim "${printable(claim)}" is missing or not of the right type.`,
    logDetail: holder(payload),
  })
}

function notYetValid(what: string, seconds: number): Refusal {
  const at = new Date(Math.min(seconds * 1_000, lastMs))
  return new Refusal('token-not-yet-valid', {
    clientDetail: `The token is ${what} ${at.toISOString()}.`,
  })
}

function checkIssuedAt({ iat }: JWTPayload, rules: TokenRules, now: Date): void {
  if (iat !== undefined && iat * 1_000 > now.getTime() + rules.leewayMs) {
    throw notYetValid('issued in the future, at', iat)
  }
}

/** RFC 8725 3.11 and 3.12: what is signed for another purpose is no credential. */
function checkType(typ: unknown): void {
  if (typ === undefined || (typeof typ === 'string' && tokenTypes.has(typ.toLowerCase()))) return
  throw new Refusal('token-type', { clientDetail: `The token is of type ${quoted(typ)}.` })
}

/** OpenID Connect Core 3.1.3.7 (4, 5) and RFC 9068 2.2, for integrations with a client of their own. */
function checkAuthorizedParty(claims: JWTPayload, rules: TokenRules): void {
  if (rules.clientId === undefined) return
  const { azp, client_id: clientId } = claims
  const party = authorizedParty(claims)
  // A plain ID token names nobody: its audience is the party, if it is the only one.
  const isAudienceAlone =
    party === undefined &&
    [claims.aud].flat().length === 1 &&
    [claims.aud].flat()[0] === rules.clientId
  const agree = azp === undefined || clientId === undefined || azp === clientId
  if (isAudienceAlone || (party === rules.clientId && agree)) return
  throw new Refusal('token-authorized-party', {
    clientDetail:
      'The token has an authorized party (azp) that does not match the configured client_id: ' +
      `it was issued to ${party === undefined ? 'nobody in particular' : quoted(party)}.`,
  })
}

function toIdentity(claims: JWTPayload, issuer: string, rules: TokenRules): TokenIdentity {
  const { jti, exp } = claims
  const subject = toName(claims.sub)
  if (subject === undefined || exp === undefined) throw unusable('sub')
  const name = toName(readClaim(claims, rules.principalClaim))
  if (name === undefined) throw unusable(rules.principalClaim)
  // An address that the provider has not checked is whatever its owner typed.
  const isEmail = rules.principalClaim === 'email' || rules.principalClaim === '/email'
  if (isEmail && isFalse(claims['email_verified'])) {
    throw new Refusal('token-claim', { clientDetail: 'The e-mail address is not verified.' })
  }
  return {
    integration: rules.integration,
    issuer,
    subject,
    name,
    groups: [...new Set(rules.groupsClaimIds.flatMap((id) => readGroups(readClaim(claims, id))))],
    expiresAt: new Date(Math.min(exp * 1_000, lastMs)),
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

function toName(value: unknown): string | undefined {
  const name = typeof value === 'number' ? String(value) : value
  if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > longestNameBytes) {
    return undefined
  }
  // Control characters in a name forge lines and end C strings early.
  return /\p{Cc}/u.test(name) ? undefined : name
}

/** For the log: whose genuine token it was that was refused. */
function holder({ sub }: JWTPayload): string {
  return `sub ${shown(sub)}`
}

/** A claim with one or several values, fit to be shown. */
export function quoted(value: unknown): string {
  const values = [value ?? []].flat().map((one) => `"${shown(one)}"`)
  return values.length === 0 ? '(none)' : values.slice(0, 10).join(', ')
}

/** A value of any type: an object may bring a `toString` of its own, and an array nest beyond the stack. */
function shown(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? `(${Array.isArray(value) ? 'array' : 'object'})`
    : printable(String(value))
}
