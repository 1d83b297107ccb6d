// What a token says of itself before anything is verified: used to tell a token from a password and to
// pick among the operator's own integrations, never to decide.
import { hasUniqueNames } from './unique-names.ts'

/** The unverified content of a JWS in compact serialization. */
export interface UnverifiedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** `{"`, which every JOSE header begins with, in base64url. */
const headerBeginning = 'eyJ'

/**
 * Whether a password is meant as a token: its first segment is a JOSE header. What is cut short or has
 * five segments counts too, so that it is refused as a token and never passed on as a password.
 */
export function looksLikeToken(password: string): boolean {
  if (!password.startsWith(headerBeginning)) return false
  const end = password.indexOf('.')
  const header = readObject(forgiven(end === -1 ? password : password.slice(0, end)))?.value
  return end === -1 ? password.length > 64 : header !== undefined && 'alg' in header
}

/** What some decoders forgive does not make a password of a token: line breaks, padding, other base64. */
function forgiven(segment: string): string {
  return segment.replaceAll(/[\s=]/g, '').replaceAll('+', '-').replaceAll('/', '_')
}

/**
 * Undefined for whatever is not three segments of base64url with JSON objects in the first two, in which
 * no name is twice.
 */
export function readUnverified(token: string): UnverifiedToken | undefined {
  const segments = token.split('.', 4)
  const [header, claims] = segments.slice(0, 2).map(readSegment)
  if (segments.length !== 3 || header === undefined || claims === undefined) return undefined
  // Decoders ignore blanks and padding, which would give one token many spellings.
  if (!/^[\w-]*$/.test(segments[2] ?? '')) return undefined
  return { header, claims }
}

/** Whether a token has the five segments of a JWE (RFC 7516 7.1), be they good or not. */
export function isEncrypted(token: string): boolean {
  return token.split('.', 6).length === 5
}

/** Whether a token that begins like a JWT ends before its third segment. */
export function hasSegmentsMissing(token: string): boolean {
  return token.startsWith(headerBeginning) && token.split('.', 3).length < 3
}

/** Where terminals and prompts of clients cut: a line of a tty, buffers of libpq and psql. */
const usualCuts: ReadonlySet<number> = new Set([4_095, 4_096, 1_023, 1_024, 255, 256, 99, 100])

export function isUsualCut(token: string): boolean {
  return usualCuts.has(Buffer.byteLength(token))
}

/** The header of a token of any number of segments; undefined where it is none. */
export function readHeader(token: string): Readonly<Record<string, unknown>> | undefined {
  return readSegment(token.split('.', 1)[0] ?? '')
}

/** Who a token says that it is from and was issued to. */
export interface Claimed {
  readonly issuer: unknown
  readonly authorizedParty: unknown
}

/** In its claims, or in the header of an encrypted one, where a provider may repeat them (RFC 7519 5.3). */
export function readClaimed(token: string): Claimed | undefined {
  const claims = isEncrypted(token) ? readHeader(token) : readUnverified(token)?.claims
  if (claims === undefined) return undefined
  const party = authorizedParty(claims) ?? soleAudience(claims)
  return { issuer: claims['iss'], authorizedParty: party }
}

/** A provider need not name the party of a token that is for it alone (OpenID Connect Core 1.0, 2). */
function soleAudience({ aud }: Readonly<Record<string, unknown>>): unknown {
  const audiences = [aud].flat()
  return audiences.length === 1 ? audiences[0] : undefined
}

function readSegment(segment: string): Readonly<Record<string, unknown>> | undefined {
  const read = readObject(segment)
  return read !== undefined && hasUniqueNames(read.json) ? read.value : undefined
}

function readObject(
  segment: string,
): { readonly value: Readonly<Record<string, unknown>>; readonly json: string } | undefined {
  if (!/^[\w-]+$/.test(segment)) return undefined
  try {
    const json = Buffer.from(segment, 'base64url').toString('utf8')
    const value: unknown = JSON.parse(json)
    return isRecord(value) ? { value, json } : undefined
  } catch {
    return undefined
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The party that a token was issued to: `azp`, or what other providers call it. */
export function authorizedParty(claims: Readonly<Record<string, unknown>>): unknown {
  return claims['azp'] ?? claims['client_id'] ?? claims['cid'] ?? claims['appid']
}
