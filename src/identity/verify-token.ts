import { type JWTClaimVerificationOptions, type JWTPayload, jwtVerify, UnsecuredJWT } from 'jose'
import { Refusal } from '../refusal.ts'
import { checkAudienceLate } from './check-audience-late.ts'
import { checkClaims, checkIntrospectedClaims } from './check-claims.ts'
import { checkIssuerOffline, checkUnverified } from './check-unverified.ts'
import { withClockHint } from './clock-hint.ts'
import { findGroups, groupsIn } from './find-groups.ts'
import type { ActiveToken } from './introspect.ts'
import { LateRefusal } from './late-refusal.ts'
import { makePrincipal, type Principal } from './make-principal.ts'
import type { CheckObserver } from './token-check.ts'
import { checksBegunBy, checksBehindSignature, toRefusal } from './token-errors.ts'
import { readIdentity, type TokenIdentity } from './token-identity.ts'
import { ownAudiences, type TokenKind, type TokenRules } from './token-rules.ts'
import { readUnverified, type UnverifiedToken } from './token-shape.ts'

export type { Principal }

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
  const issuer = await checkUnverified(unverified, rules, checking)
  checking('signature')
  const { header } = unverified
  try {
    const claims = await verifySignatureAndTimes(token, unverified, rules, issuer, now, checking)
    const kind = checkClaims(claims, header['typ'], rules, now, checking)
    return await toPrincipal(token, kind, claims, issuer, rules, checking)
  } catch (error) {
    // Behind the signature: what a forged token says of its times is nobody's clock.
    throw withClockHint(error, rules.keys.clockAheadMs, rules.leewayMs)
  }
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
  const claims = checkRegistered(told, rules, issuer, now, checking)
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
  const identity = { ...readIdentity(claims, issuer, rules), kind }
  if (rules.dialect === 'cockroachdb') checkAudienceLate(claims, rules, identity, checking)
  // Last, so that only a token which is good in every other way costs a request.
  if (rules.userinfo !== undefined) checking('userinfo')
  try {
    return makePrincipal({ ...identity, groups: await findGroups(token, claims, rules) })
  } catch (error) {
    if (rules.dialect !== 'cockroachdb' || !(error instanceof Refusal)) throw error
    throw new LateRefusal(error, { ...identity, groups: [] })
  }
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
  const issuer = checkIssuerOffline(unverified, rules, checking)
  checking('signature')
  const claims = checkRegistered(unverified.claims, rules, issuer, now, checking)
  const kind = checkClaims(claims, unverified.header['typ'], rules, now, checking)
  checking('principal claim')
  const identity = { ...readIdentity(claims, issuer, rules), kind }
  if (rules.dialect === 'cockroachdb') checkAudienceLate(claims, rules, identity, checking)
  return { ...identity, groups: groupsIn(claims, rules) }
}

/** By the same checks of jose as behind a signature. */
function checkRegistered(
  claims: Readonly<Record<string, unknown>>,
  rules: TokenRules,
  issuer: string,
  now: Date,
  checking: CheckObserver,
): JWTPayload {
  try {
    const unsigned = `${encode({ alg: 'none' })}.${encode(claims)}.`
    const { payload } = UnsecuredJWT.decode(unsigned, claimRules(claims, rules, issuer, now))
    for (const check of checksBehindSignature(rules)) checking(check)
    return payload
  } catch (error) {
    for (const check of checksBegunBy(error, rules)) checking(check)
    throw toRefusal(error, now)
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

async function verifySignatureAndTimes(
  token: string,
  { header, claims }: UnverifiedToken,
  rules: TokenRules,
  issuer: string,
  now: Date,
  checking: CheckObserver,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, rules.keys.findKey, {
      algorithms: [...rules.algorithms],
      ...claimRules(claims, rules, issuer, now),
    })
    for (const check of checksBehindSignature(rules)) checking(check)
    return payload
  } catch (error) {
    for (const check of checksBegunBy(error, rules)) checking(check)
    throw toRefusal(error, now, header['kid'])
  }
}

/** `claims` are those that are verified; nobody need have said yet that they are genuine. */
function claimRules(
  claims: Readonly<Record<string, unknown>>,
  rules: TokenRules,
  issuer: string,
  now: Date,
): JWTClaimVerificationOptions {
  const isLater = rules.dialect === 'cockroachdb'
  // Whose it is then, the authorized party says alone: without a client of our own nothing would.
  const isExempt =
    rules.allowsNoAudience === true && rules.clientId !== undefined && !Object.hasOwn(claims, 'aud')
  return {
    issuer,
    clockTolerance: rules.leewayMs / 1_000,
    currentDate: now,
    requiredClaims: isLater ? ['exp'] : ['exp', 'sub'],
    ...(isLater || isExempt ? {} : { audience: ownAudiences(rules) }),
  }
}
