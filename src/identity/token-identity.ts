import { createHash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { printable, Refusal, type RefusalValues } from '../refusal.ts'
import { readActors } from './actors.ts'
import { readClaim } from './claims.ts'
import { sessionClaimsIn } from './session-claims.ts'
import { readSenderConstraint } from './sender-constraint.ts'
import type { SessionTokenBounds } from './session-token.ts'
import { shown, toDate } from './shown.ts'
import type { TokenKind, TokenRules } from './token-rules.ts'

/** Whom a token names, whether or not anybody has checked who wrote it. */
export interface TokenIdentity {
  readonly integration: string
  readonly kind: TokenKind
  readonly issuer: string
  readonly subject: string
  /** The values of the principal claim, at least one. */
  readonly names: readonly string[]
  /** As the token or userinfo names them; policy maps them to groups of the catalog. */
  readonly groups: readonly string[]
  readonly expiresAt: Date
  /** Undefined where the token does not say. */
  readonly issuedAt: Date | undefined
  /** The session at the provider that the token is of, where it says so. */
  readonly sid: string | undefined
  /** Until then it need not be verified again: it neither expires nor grows too old before. */
  readonly goodUntil: Date
  readonly tokenIdHash: string | undefined
  /** Of a session token alone. */
  readonly sessionToken?: SessionTokenOrigin | undefined
  /**
   * The SHA-256 thumbprint of the client certificate without which the token is nobody's. It is compared for
   * each login: a token is remembered for whoever brings it.
   */
  readonly certificateThumbprint: string | undefined
  /** Who acts for the subject, the current actor first. */
  readonly actors: readonly string[]
  /** What sessions are told of the claims, by the names in the rules; undefined where that is nothing. */
  readonly sessionClaims?: ReadonlyMap<string, unknown> | undefined
}

export interface SessionTokenOrigin {
  /** Where alone it is good. */
  readonly bounds: SessionTokenBounds
  /** The beginning of what `tokenIdHash` was of the token that it was made of. */
  readonly tokenIdHash: string | undefined
}

const longestNameBytes = 255
/** Each is compared with every line of the identity map. */
const mostNames = 100
const mostNameBytes = 2_048

/** Throws a Refusal where the claims name nobody that could be told from others. */
export function readIdentity(
  claims: JWTPayload,
  issuer: string,
  rules: TokenRules,
): Omit<TokenIdentity, 'groups' | 'kind'> {
  const { jti, exp, iat } = claims
  const subject = toName(claims.sub)
  if (subject === undefined || exp === undefined) {
    throw unusable('sub', claims.sub, issuer)
  }
  const { principalClaim } = rules
  const value = readClaim(claims, principalClaim)
  const names = toNames(value)
  if (names.length === 0 || names.length > mostNames || bytesOf(names) > mostNameBytes) {
    throw unusable(principalClaim, value, issuer)
  }
  // An address that the provider has not checked is whatever its owner typed.
  const isEmail = /^(?:email|\/email(?:\/.*)?)$/.test(principalClaim)
  if (isEmail && isFalse(claims['email_verified'])) {
    throw new Refusal('token-claim', {
      values: valuesOf(principalClaim, value, issuer),
      clientDetail: 'The e-mail address is not verified.',
    })
  }
  const expiresAt = toDate(exp)
  const tooOldAt =
    rules.maxTokenAgeMs === undefined || iat === undefined
      ? expiresAt
      : toDate(iat + rules.maxTokenAgeMs / 1_000)
  return {
    integration: rules.integration,
    issuer,
    subject,
    names,
    expiresAt,
    issuedAt: iat === undefined ? undefined : toDate(iat),
    sid: toSid(claims['sid']),
    goodUntil: tooOldAt < expiresAt ? tooOldAt : expiresAt,
    tokenIdHash:
      typeof jti === 'string' ? createHash('sha256').update(jti).digest('hex') : undefined,
    certificateThumbprint: readSenderConstraint(claims),
    actors: readActors(claims),
    sessionClaims: sessionClaimsIn(claims, rules.sessionClaims),
  }
}

function unusable(claim: string, value: unknown, issuer: string): Refusal {
  return new Refusal('token-claim', {
    values: valuesOf(claim, value, issuer),
    clientDetail: `The token has no usable claim "${printable(claim)}".`,
  })
}

function valuesOf(claim: string, value: unknown, issuer: string): RefusalValues {
  return value === undefined ? { claim, issuer } : { claim, issuer, value: shown(value) }
}

/** Some providers write booleans as text. */
function isFalse(value: unknown): boolean {
  return value === false || value === 'false'
}

/** One that is no text names no session; nobody signs out of it then but by the subject. */
export function toSid(value: unknown): string | undefined {
  return typeof value === 'string' ? toName(value) : undefined
}

/** A list brings as many names as it has usable entries. */
function toNames(value: unknown): readonly string[] {
  const names = [value].flat().map(toName)
  return [...new Set(names.filter((name) => name !== undefined))]
}

function bytesOf(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + Buffer.byteLength(name), 0)
}

function toName(value: unknown): string | undefined {
  const name = typeof value === 'number' ? String(value) : value
  if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > longestNameBytes) {
    return undefined
  }
  // Control characters in a name forge lines and end C strings early.
  return /\p{Cc}/u.test(name) ? undefined : name
}
