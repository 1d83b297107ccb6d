// What a genuine token must say besides what the library has checked: type, age, audiences, party.
import type { JWTPayload } from 'jose'
import { Refusal } from '../refusal.ts'
import { checkRequiredClaims } from './required-claims.ts'
import { checkSenderConstraint } from './sender-constraint.ts'
import { bracketed, holder, quoted, toDate } from './shown.ts'
import type { CheckObserver } from './token-check.ts'
import { checkIntrospectedKind, checkKind } from './check-kind.ts'
import { ownAudiences, type TokenKind, type TokenRules, typeName } from './token-rules.ts'
import { authorizedParty } from './token-shape.ts'

/** The kind of a JWT. Throws the Refusal that says which demand of the integration it does not meet. */
export function checkClaims(
  claims: JWTPayload,
  typ: unknown,
  rules: TokenRules,
  now: Date,
  checking: CheckObserver,
): TokenKind {
  checkIssuedAt(claims, rules, now)
  checking('type')
  checkType(typ, rules)
  checking('kind')
  const kind = checkKind(typ, claims, rules)
  checkDemands(claims, rules, checking)
  return kind
}

/** What an integration demands of the claims of any token, also of one that is no JWT. */
function checkDemands(claims: JWTPayload, rules: TokenRules, checking: CheckObserver): void {
  if (rules.strictAudiences) {
    checking('other audiences')
    checkAudiences(claims, rules)
  }
  checking('authorized party')
  checkAuthorizedParty(claims, rules)
  if (rules.requiredClaims.length + rules.requiredAcr.length > 0) {
    checking('required claims')
    checkRequiredClaims(claims, rules)
  }
  if (claims['cnf'] !== undefined || rules.requireSenderConstraint) {
    checking('sender constraint')
    checkSenderConstraint(claims, rules.requireSenderConstraint)
  }
}

/** The same for what the provider says of an access token that may have no form of its own. */
export function checkIntrospectedClaims(
  claims: JWTPayload,
  rules: TokenRules,
  now: Date,
  checking: CheckObserver,
): void {
  checkIssuedAt(claims, rules, now)
  checking('kind')
  checkIntrospectedKind(claims, rules)
  checkDemands(claims, rules, checking)
}

export function notYetValid(claim: 'iat' | 'nbf', seconds: number): Refusal {
  const what = claim === 'nbf' ? 'not valid before' : 'issued in the future, at'
  return new Refusal('token-not-yet-valid', {
    values: { claim },
    clientDetail: `The token is ${what} ${toDate(seconds).toISOString()}.`,
  })
}

export function wrongAudience(claims: JWTPayload): Refusal {
  return new Refusal('token-audience', {
    values: { audience: bracketed([claims.aud ?? []].flat()) },
    clientDetail: `The token was issued for an alternate audience: ${quoted(claims.aud)}.`,
    logDetail: holder(claims),
  })
}

function checkIssuedAt(claims: JWTPayload, rules: TokenRules, now: Date): void {
  const { iat } = claims
  const { leewayMs, maxTokenAgeMs } = rules
  if (iat !== undefined && iat * 1_000 > now.getTime() + leewayMs) {
    throw notYetValid('iat', iat)
  }
  if (maxTokenAgeMs === undefined) return
  if (iat === undefined) {
    throw new Refusal('token-claim', {
      clientDetail: 'The token has no claim "iat", and its age is limited.',
      logDetail: holder(claims),
    })
  }
  if (now.getTime() - iat * 1_000 < maxTokenAgeMs + leewayMs) return
  const at = toDate(iat)
  const age = Math.round((now.getTime() - at.getTime()) / 1_000)
  throw new Refusal('token-expired', {
    clientDetail:
      `The token was issued at ${at.toISOString()}, ${age} seconds ago, ` +
      `and at most ${maxTokenAgeMs / 1_000} are accepted.`,
    logDetail: holder(claims),
  })
}

/** RFC 8725 3.11 and 3.12: what is signed for another purpose is no credential. */
function checkType(typ: unknown, { allowedTypes }: TokenRules): void {
  if (typ === undefined && allowedTypes.untyped) return
  if (typeof typ === 'string' && allowedTypes.names.has(typeName(typ))) return
  throw new Refusal('token-type', {
    clientDetail:
      typ === undefined ? 'The token has no type.' : `The token is of type ${quoted(typ)}.`,
  })
}

/** OpenID Connect Core 3.1.3.7 (3): a token that others accept too may be replayed by them. */
function checkAudiences(claims: JWTPayload, rules: TokenRules): void {
  const own: readonly unknown[] = ownAudiences(rules)
  if (![claims.aud].flat().every((audience) => own.includes(audience))) throw wrongAudience(claims)
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
