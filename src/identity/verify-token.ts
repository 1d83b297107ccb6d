import { type JWTClaimVerificationOptions, type JWTPayload, jwtVerify, UnsecuredJWT } from 'jose'
import { Refusal } from '../refusal.ts'
import { checkClaims } from './check-claims.ts'
import { findGroups, groupsIn } from './find-groups.ts'
import { isSameIssuer } from './issuer-name.ts'
import { shown } from './shown.ts'
import type { CheckObserver } from './token-check.ts'
import { checksBegunBy, toRefusal } from './token-errors.ts'
import { readIdentity, type TokenIdentity } from './token-identity.ts'
import { ownAudiences, type TokenRules } from './token-rules.ts'
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
  checkClaims(claims, header['typ'], rules, now, checking)
  checking('principal claim')
  const identity = readIdentity(claims, issuer, rules)
  // Last, so that only a token which is good in every other way costs a request.
  if (rules.userinfo !== undefined) checking('userinfo')
  return { [verified]: true, ...identity, groups: await findGroups(token, claims, rules) }
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
  const claims = readUnsigned(token, rules, iss, now, checking)
  checkClaims(claims, unverified.header['typ'], rules, now, checking)
  checking('principal claim')
  return { ...readIdentity(claims, iss, rules), groups: groupsIn(claims, rules) }
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
    audience: ownAudiences(rules),
    clockTolerance: rules.leewayMs / 1_000,
    currentDate: now,
    requiredClaims: ['exp', 'sub'],
  }
}
