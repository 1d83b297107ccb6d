// What stands in a session token, written short: docs/session-tokens.md says what each claim means. Names that
// are registered mean what they mean everywhere; the others are ours.
import { readActors } from './actors.ts'
import type { KeptIdentity } from './kept-identity.ts'
import type { SessionTokenBounds } from './session-token.ts'
import { fingerprintLength, type MarkedTerms } from './session-token-terms.ts'
import type { TokenKind } from './token-rules.ts'
import { isRecord } from './token-shape.ts'

export type SessionTokenClaims = Readonly<Record<string, unknown>>

export interface SessionTokenContent {
  readonly identity: KeptIdentity
  readonly bounds: SessionTokenBounds
  /** The times in seconds since 1970. */
  readonly issuedAt: number
  readonly expiresAt: number
  readonly id: string
}

/** Where the provider writes its name with a slash more or less than the configuration, it is the capital. */
const letters: Readonly<Record<TokenKind, string>> = {
  id_token: 'i',
  access_token: 'a',
  'at+jwt': 'r',
}
/** In `o`, behind the letter and the fingerprint. */
const marksBegin = 1 + fingerprintLength

/** Enough of it to know it again, among those that somebody names to revoke them. */
const tokenIdBytes = 6

/** Every claim that there may be: one that an older version does not know may be a bound. */
const claimNames: ReadonlySet<string> = new Set([
  ...['iss', 'sub', 'iat', 'exp', 'jti', 'sid', 'cnf', 'act'],
  ...['o', 'n', 'i', 'x', 'j', 's', 'c', 'u', 'd', 'p'],
])

export function writeClaims(
  { identity, bounds, issuedAt, expiresAt, id }: SessionTokenContent,
  publicUrl: string,
  terms: MarkedTerms,
): SessionTokenClaims {
  const letter = letters[identity.kind]
  const origin = identity.issuer === terms.issuer ? letter : letter.toUpperCase()
  const { subject, names, actors = [], sid, certificateThumbprint, sessionClaims } = identity
  const groups = terms.marks.write(identity.groups)
  const later = seconds(identity.expiresAt) - expiresAt
  return {
    ...{ iss: publicUrl, sub: subject, iat: issuedAt, exp: expiresAt, jti: id },
    o: `${origin}${terms.fingerprint}${groups}`,
    ...(!isAlone(names, subject) && { n: names.length === 1 ? names[0] : names }),
    ...(identity.issuedAt !== undefined && { i: issuedAt - seconds(identity.issuedAt) }),
    ...(later !== 0 && { x: later }),
    ...(identity.tokenIdHash !== undefined && { j: toMark(identity.tokenIdHash) }),
    ...(sid !== undefined && (isUuid(sid) ? { s: packUuid(sid) } : { sid })),
    ...(certificateThumbprint !== undefined && { cnf: { 'x5t#S256': certificateThumbprint } }),
    ...(actors.length > 0 && { act: nested(actors) }),
    ...(sessionClaims !== undefined && { c: sessionClaims }),
    ...(bounds.user !== undefined && { u: bounds.user }),
    ...(bounds.database !== undefined && { d: bounds.database }),
    ...(bounds.pool !== undefined && { p: bounds.pool }),
  }
}

/** The fingerprint of the terms that a token was made by; undefined where the claim is none of ours. */
export function fingerprintIn({ o }: SessionTokenClaims): string | undefined {
  return isText(o) ? o.slice(1, marksBegin) : undefined
}

/** Undefined for what we do not write. */
export function readClaims(
  claims: SessionTokenClaims,
  terms: MarkedTerms,
): SessionTokenContent | undefined {
  if (!Object.keys(claims).every((name) => claimNames.has(name))) return undefined
  const { sub, iat, exp, jti, o, n = sub, i, x = 0, j, sid, s, cnf, c } = claims
  const origin = isText(o) ? o : ''
  const letter = origin.charAt(0)
  const kind = kindOf(letter.toLowerCase())
  const names = [n].flat()
  const { u: user, d: database, p: pool } = claims
  const bound = cnf === undefined ? undefined : thumbprintIn(cnf)
  if (
    ![sub, jti].every(isText) ||
    ![iat, exp, x].every(Number.isSafeInteger) ||
    !(i === undefined || Number.isSafeInteger(i)) ||
    ![sid, s, user, database, pool].every((one) => one === undefined || isText(one)) ||
    !(j === undefined || isMark(j)) ||
    !(c === undefined || isRecord(c)) ||
    (cnf !== undefined && bound === undefined) ||
    names.length === 0 ||
    !names.every(isText) ||
    kind === undefined
  ) {
    return undefined
  }
  const [issuedAt, expiresAt] = [Number(iat), Number(exp)]
  const actors = readActors(claims)
  const isOther = letter !== letter.toLowerCase()
  return {
    identity: {
      integration: terms.integration,
      kind,
      issuer: isOther ? otherSpelling(terms.issuer) : terms.issuer,
      subject: String(sub),
      names: names.map(String),
      groups: terms.marks.read(origin.slice(marksBegin)),
      expiresAt: (expiresAt + Number(x)) * 1_000,
      issuedAt: i === undefined ? undefined : (issuedAt - Number(i)) * 1_000,
      ...(isMark(j) && { tokenIdHash: Buffer.from(j, 'base64url').toString('hex') }),
      ...(isText(sid) && { sid }),
      ...(isText(s) && { sid: unpackUuid(s) }),
      ...(bound !== undefined && { certificateThumbprint: bound }),
      ...(actors.length > 0 && { actors }),
      ...(isRecord(c) && { sessionClaims: c }),
    },
    bounds: {
      ...(isText(user) && { user }),
      ...(isText(database) && { database }),
      ...(isText(pool) && { pool }),
    },
    issuedAt,
    expiresAt,
    id: String(jti),
  }
}

function kindOf(letter: string): TokenKind | undefined {
  for (const kind of ['id_token', 'access_token', 'at+jwt'] as const) {
    if (letters[kind] === letter) return kind
  }
  return undefined
}

function otherSpelling(issuer: string): string {
  return issuer.endsWith('/') ? issuer.slice(0, -1) : `${issuer}/`
}

function isAlone(names: readonly string[], subject: string): boolean {
  return names.length === 1 && names[0] === subject
}

/** RFC 8693, 4.1: the first is the current one. */
function nested([first, ...others]: readonly string[]): object {
  return { sub: first, ...(others.length > 0 && { act: nested(others) }) }
}

function thumbprintIn(cnf: unknown): string | undefined {
  const value = isRecord(cnf) ? cnf['x5t#S256'] : undefined
  return typeof value === 'string' ? value : undefined
}

function isUuid(value: string): boolean {
  return /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/.test(value)
}

function packUuid(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url')
}

function unpackUuid(packed: string): string {
  const hex = Buffer.from(packed, 'base64url').toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function toMark(hash: string): string {
  return Buffer.from(hash, 'hex').subarray(0, tokenIdBytes).toString('base64url')
}

function isMark(value: unknown): value is string {
  return isText(value) && /^[\w-]{8}$/.test(value)
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1_000)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
