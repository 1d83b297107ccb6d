// Logout tokens (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6): the provider says who has signed out.
import { createHash } from 'node:crypto'
import { type JWTPayload, jwtVerify } from 'jose'
import { Refusal } from '../refusal.ts'
import { checkUnverified } from './check-unverified.ts'
import { openToken } from './open-token.ts'
import { toRefusal } from './token-errors.ts'
import { toSid } from './token-identity.ts'
import { isRecord, readUnverified } from './token-shape.ts'
import { type TokenRules, typeName } from './token-rules.ts'

/** Who has signed out: everywhere, or of one session at the provider. One of the two is always there. */
export interface Logout {
  readonly issuer: string
  readonly subject: string | undefined
  readonly sid: string | undefined
  readonly issuedAtMs: number
  /** SHA-256 of the `jti`, in hex. */
  readonly tokenIdHash: string
  /** Until then the same token would be taken again. */
  readonly freshUntilMs: number
}

/** It has two dozen claims at most, and no groups. */
const longestTokenBytes = 16_384
/** A logout is told at once, or again by a new token. */
const freshSeconds = 300

export const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

/** Throws the Refusal that says what is wrong; the same rules of the integration as for its other tokens. */
export async function verifyLogoutToken(
  token: string,
  rules: TokenRules,
  now: Date,
): Promise<Logout> {
  const { clientId, keys, algorithms, leewayMs } = rules
  if (clientId === undefined) throw new Error('a logout token is for a client')
  if (token.length > longestTokenBytes) throw malformed(`longer than ${longestTokenBytes} bytes`)
  const signed = await openToken(token, rules.decryptionKeys)
  const unverified = readUnverified(signed)
  if (unverified === undefined) throw malformed('no JWT')
  const issuer = await checkUnverified(unverified, rules, () => {})
  checkType(unverified.header['typ'])
  try {
    const { payload } = await jwtVerify(signed, keys.findKey, {
      algorithms: [...algorithms],
      issuer,
      audience: clientId,
      clockTolerance: leewayMs / 1_000,
      currentDate: now,
      maxTokenAge: freshSeconds,
      requiredClaims: ['exp', 'jti', 'events'],
    })
    return readLogout(payload, issuer, leewayMs)
  } catch (error) {
    throw toRefusal(error, now, unverified.header['kid'])
  }
}

/** RFC 8725 3.11: a token that says that it is another kind is no logout token; older providers say nothing. */
function checkType(typ: unknown): void {
  const name = typeof typ === 'string' ? typeName(typ) : typ
  const isOne = name === undefined || name === 'logout+jwt' || name === 'jwt'
  if (!isOne) throw new Refusal('token-type', { logDetail: 'no logout token' })
}

function readLogout(payload: JWTPayload, issuer: string, leewayMs: number): Logout {
  const { jti, iat, sub, sid } = payload
  const events = payload['events']
  if (!isRecord(events) || !isRecord(events[logoutEvent])) throw wrong('events')
  // It tells an ID token from a logout token, also of providers that do not type them.
  if ('nonce' in payload) throw wrong('nonce')
  if (typeof jti !== 'string' || jti === '') throw wrong('jti')
  if (iat === undefined) throw wrong('iat')
  const [subject, session] = [readName('sub', sub), readName('sid', sid)]
  if (subject === undefined && session === undefined) throw wrong('sub')
  return {
    issuer,
    subject,
    sid: session,
    issuedAtMs: iat * 1_000,
    tokenIdHash: createHash('sha256').update(jti).digest('hex'),
    freshUntilMs: (iat + freshSeconds) * 1_000 + leewayMs,
  }
}

function readName(claim: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  // What no session could have is no name of one: nobody would be signed out, and nobody would notice.
  const name = toSid(value)
  if (name === undefined) throw wrong(claim)
  return name
}

function malformed(logDetail: string): Refusal {
  return new Refusal('token-malformed', { logDetail })
}

function wrong(claim: string): Refusal {
  return new Refusal('token-claim', { values: { claim }, logDetail: `logout token: ${claim}` })
}
