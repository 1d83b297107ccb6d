import { type JWTClaimVerificationOptions, type JWTPayload, jwtVerify, UnsecuredJWT } from 'jose'
import { Refusal } from '../refusal.ts'
import { checkClaims, checkIntrospectedClaims } from './check-claims.ts'
import { findGroups, groupsIn } from './find-groups.ts'
import type { ActiveToken } from './introspect.ts'
import { isSameIssuer } from './issuer-name.ts'
import { shown } from './shown.ts'
import type { CheckObserver } from './token-check.ts'
import { checksBegunBy, toRefusal } from './token-errors.ts'
import { readIdentity, type TokenIdentity } from './token-identity.ts'
import { ownAudiences, type TokenKind, type TokenRules } from './token-rules.ts'
import { readUnverified } from './token-shape.ts'

const verified = Symbol('verified')

/** The holder of a token that passed every check. Only this file can make one. */
export interface Principal extends TokenIdentity {
  readonly [verified]: true
}

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
  const kind = checkClaims(claims, header['typ'], rules, now, checking)
  return toPrincipal(token, kind, claims, issuer, rules, checking)
}

/**
 * Verifies what the provider said of an access token: what it tells is compared as if it were in a JWT.
 * `token` is sent to userinfo, where that is asked for groups.
 */
export async function verifyIntrospected(
  { claims: told, issuer }: ActiveToken,
  token: string,
  rules: TokenRules,
  now: Date,
  checking: CheckObserver = () => {},
): Promise<Principal> {
  checking('issuer')
  const claims = checkRegistered(encode(told), rules, issuer, now, checking)
  checkIntrospectedClaims(claims, rules, now, checking)
  return toPrincipal(token, 'access_token', claims, issuer, rules, checking)
}

async function toPrincipal(
  token: string,
  kind: TokenKind,
  claims: JWTPayload,
  issuer: string,
  rules: TokenRules,
  checking: CheckObserver,
): Promise<Principal> {
  checking('principal claim')
  const identity = readIdentity(claims, issuer, rules)
  // Last, so that only a token which is good in every other way costs a request.
  if (rules.userinfo !== undefined) checking('userinfo')
  return { [verified]: true, ...identity, kind, groups: await findGroups(token, claims, rules) }
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
  if (typeof iss !== 'string' || !isSameIssuer(iss, rules.keys.issuer)) {
    throw new Refusal('token-issuer', {
      logDetail: `iss ${shown(iss)}, expected ${rules.keys.issuer}`,
    })
  }
  checking('signature')
  const claims = checkRegistered(token.split('.')[1] ?? '', rules, iss, now, checking)
  const kind = checkClaims(claims, unverified.header['typ'], rules, now, checking)
  checking('principal claim')
  return { ...readIdentity(claims, iss, rules), kind, groups: groupsIn(claims, rules) }
}

/** Claims in base64url, by the same checks of jose as behind a signature. */
function checkRegistered(
  claims: string,
  rules: TokenRules,
  issuer: string,
  now: Date,
  checking: CheckObserver,
): JWTPayload {
  try {
    const unsigned = `${encode({ alg: 'none' })}.${claims}.`
    const { payload } = UnsecuredJWT.decode(unsigned, claimRules(rules, issuer, now))
    checking('audience')
    checking('times')
    return payload
  } catch (error) {
    for (const check of checksBegunBy(error)) checking(check)
    throw toRefusal(error, now)
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
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
    audience: ownAudiences(rules),
    clockTolerance: rules.leewayMs / 1_000,
    currentDate: now,
    requiredClaims: ['exp', 'sub'],
  }
}
