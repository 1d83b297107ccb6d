// Session tokens are signed and read here: JWTs (RFC 7519) by ES256 (RFC 7518, 3.4), of a type of their own
// (RFC 8725, 3.11), by which they never pass as the tokens of a provider, nor those as them.
import { randomBytes } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { Refusal } from '../refusal.ts'
import { notYetValid } from './check-claims.ts'
import { GroupMarks } from './group-marks.ts'
import { isSameIssuer } from './issuer-name.ts'
import type { KeptIdentity } from './kept-identity.ts'
import { clockSkewMs, SessionKeys, type SessionKeysOptions } from './session-keys.ts'
import {
  fingerprintIn,
  readClaims,
  seconds,
  type SessionTokenClaims,
  writeClaims,
} from './session-token-claims.ts'
import type { MarkedTerms, SessionTokenTerms } from './session-token-terms.ts'
import {
  type IssuedSessionToken,
  maxSessionTokenBytes,
  type ReadSessionToken,
  type SessionTokenRequest,
  type SessionTokens,
  UnfitForSessionToken,
} from './session-token.ts'
import { sessionTokenType } from './session-token-type.ts'
import { holder } from './shown.ts'
import { toRefusal } from './token-errors.ts'
import { readUnverified } from './token-shape.ts'

export interface SessionTokenOptions extends SessionKeysOptions {
  /** Whose they are: `iss`. */
  readonly publicUrl: string
  readonly terms: readonly SessionTokenTerms[]
}

const algorithm = 'ES256'
const idBytes = 12

interface Options extends SessionTokenOptions {
  readonly terms: readonly MarkedTerms[]
}

export function createSessionTokens({ terms, ...rest }: SessionTokenOptions): SessionTokens {
  const marked = terms.map((one) => ({ ...one, marks: new GroupMarks(one.groups) }))
  const options = { ...rest, terms: marked }
  const keys = new SessionKeys(options)
  return {
    issue: async (request, now) => issue(request, now, options, keys),
    read: async (token, now) => read(token, now, options, keys),
    publicKeys: async (now) => Promise.resolve({ keys: keys.published(now).map(({ jwk }) => jwk) }),
  }
}

async function issue(
  { identity, bounds, lifetimeMs = Infinity }: SessionTokenRequest,
  now: Date,
  { publicUrl, terms: all, tokenLifetimeMs }: Options,
  keys: SessionKeys,
): Promise<IssuedSessionToken> {
  const terms = termsFor(identity, all)
  const nowMs = now.getTime()
  const issuedAt = seconds(nowMs)
  const endMs = Math.min(nowMs + Math.min(lifetimeMs, tokenLifetimeMs), identity.expiresAt)
  const expiresAt = seconds(endMs)
  if (!(expiresAt > issuedAt)) {
    throw new UnfitForSessionToken(
      'there is no time left for a session token: sign in again, or get a fresh token',
    )
  }
  const id = randomBytes(idBytes).toString('base64url')
  const content = { identity, bounds, issuedAt, expiresAt, id }
  const claims = writeClaims(content, publicUrl, terms)
  const { kid, privateKey } = keys.signing(now)
  const token = await new SignJWT({ ...claims })
    .setProtectedHeader({ alg: algorithm, typ: sessionTokenType, kid })
    .sign(privateKey)
  if (token.length > maxSessionTokenBytes) throw tooLong(token, claims)
  return { token, id, expiresAt: expiresAt * 1_000 }
}

/** What is wrong with an identity that no token would help. */
function termsFor(identity: KeptIdentity, all: readonly MarkedTerms[]): MarkedTerms {
  const { integration, issuer, kind, groups } = identity
  const terms = all.find((one) => one.integration === integration)
  if (terms?.isEnabled !== true || !isSameIssuer(terms.issuer, issuer)) {
    throw new UnfitForSessionToken(
      `the integration ${integration} is not in use any more, or has another issuer: sign in again`,
    )
  }
  if (terms.unfitKinds.has(kind)) {
    throw new UnfitForSessionToken(
      `the identity provider of integration ${integration} is asked about each access token, so that there are no session tokens for them: use an ID token, or the access token itself`,
    )
  }
  if (groups.some((group) => terms.marks.isAmbiguous(group))) {
    throw new UnfitForSessionToken(
      'two groups of the configuration cannot be told apart in a session token: use the token itself',
    )
  }
  return terms
}

/** Names the claims, and not what is in them. */
function tooLong(token: string, claims: SessionTokenClaims): UnfitForSessionToken {
  const longest = Object.entries(claims)
    .map(([name, value]) => ({ name, length: JSON.stringify(value).length }))
    .sort((one, other) => other.length - one.length)
    .slice(0, 4)
    .map(({ name, length }) => `${name} (${length})`)
  return new UnfitForSessionToken(
    `the session token would be ${token.length} bytes long, and may be ${maxSessionTokenBytes}: its longest claims are ${longest.join(', ')}. Use the token itself, or have the administrator map fewer groups, tell sessions fewer claims or shorten web.public_url`,
  )
}

async function read(
  token: string,
  now: Date,
  { publicUrl, terms: all }: Options,
  keys: SessionKeys,
): Promise<ReadSessionToken> {
  const kid = checkHeader(token)
  const key = keys.find(kid, now)
  if (key === undefined) throw new Refusal('token-unknown-key', { values: { kid } })
  const claims = await verify(token, key.publicKey, publicUrl, now)
  const fingerprint = fingerprintIn(claims)
  const terms = all.find((one) => one.fingerprint === fingerprint)
  if (terms === undefined) {
    throw new Refusal('session-token-outdated', { logDetail: holder(claims) })
  }
  const content = readClaims(claims, terms)
  if (content === undefined || terms.unfitKinds.has(content.identity.kind)) {
    throw new Refusal('session-token-outdated', {
      logDetail: `integration ${terms.integration}, ${holder(claims)}`,
    })
  }
  const { id, identity, bounds, issuedAt, expiresAt } = content
  if (issuedAt * 1_000 > now.getTime() + clockSkewMs) throw notYetValid('iat', issuedAt)
  return { id, identity, bounds, expiresAt: expiresAt * 1_000 }
}

/**
 * We write one header alone, and nothing in it says how to verify (RFC 8725, 3.1; RFC 7515, 4.1). What `alg` may
 * be is looked at where it is verified.
 */
function checkHeader(token: string): string {
  const unverified = token.length > maxSessionTokenBytes ? undefined : readUnverified(token)
  if (unverified === undefined) throw new Refusal('token-malformed', { values: { isJwt: 'yes' } })
  const { typ, kid, ...others } = unverified.header
  const isOurs =
    typ === sessionTokenType && typeof kid === 'string' && Object.keys(others).join() === 'alg'
  if (!isOurs || !isCanonical(token)) {
    throw new Refusal('token-malformed', { values: { isJwt: 'yes' } })
  }
  return kid
}

/** The last character of a signature has bits that decoders ignore, which would give one token many spellings. */
function isCanonical(token: string): boolean {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  return Buffer.from(signature, 'base64url').toString('base64url') === signature
}

async function verify(
  token: string,
  key: Parameters<typeof jwtVerify>[1] & object,
  issuer: string,
  now: Date,
): Promise<SessionTokenClaims> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      typ: sessionTokenType,
      issuer,
      currentDate: now,
      requiredClaims: ['exp', 'iat', 'jti', 'sub'],
    })
    return payload
  } catch (error) {
    throw toRefusal(error, now)
  }
}
