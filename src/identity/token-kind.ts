// Which kind of token a JWT is. Their rules exclude each other (RFC 8725 3.12): a token is exactly one
// kind, or no credential at all, and never passes as another kind because that one demands less.
import { sessionTokenType } from './session-token-type.ts'
import { quoted } from './shown.ts'
import { type TokenKind, typeName } from './token-rules.ts'
import { authorizedParty } from './token-shape.ts'

type Claims = Readonly<Record<string, unknown>>

export type Classification =
  | { readonly kind: TokenKind }
  /** What it is instead, as a sentence. */
  | { readonly kind: undefined; readonly because: string }

/** Types of JWTs that issuers sign with the same keys, and that say something else than who holds them. */
const otherPurposes: ReadonlySet<string | undefined> = new Set([
  ...['secevent+jwt', 'logout+jwt', 'dpop+jwt', 'oauth-authz-req+jwt', 'token-introspection+jwt'],
  ...['client-authentication+jwt', 'oauth-client-attestation+jwt', 'entity-statement+jwt'],
  ...['oauth-client-attestation-pop+jwt', 'openid4vci-proof+jwt', 'kb+jwt', 'statuslist+jwt'],
  sessionTokenType,
])

/** Claims that only such JWTs have, also where they say no type: security events, introspection responses. */
const otherPurposeClaims = ['events', 'token_introspection'] as const

/** OpenID Connect Core 2 and 3.1.3.6, 3.3.2.11: what binds an ID token to a request or to other tokens. */
const idTokenClaims = ['nonce', 'at_hash', 'c_hash', 's_hash'] as const

/**
 * The kind of a token, by what it says of itself most plainly: its media type, then a claim that names its
 * use (`typ` of Keycloak, `token_use` of Cognito), then `scope` or `scp`, which are of access tokens, then
 * what only ID tokens have, and at last whom it is for: an ID token is for the party that it was issued to.
 */
export function classify(typ: unknown, claims: Claims): Classification {
  const type = typeof typ === 'string' ? typeName(typ) : undefined
  if (otherPurposes.has(type)) {
    return none(`The token is of type ${quoted(typ)}, which is no credential.`)
  }
  const other = otherPurposeClaims.find((name) => isPresent(claims[name]))
  if (other !== undefined) {
    return none(`The token has the claim "${other}": it is a message, and no credential.`)
  }
  const use = namedUse(claims)
  if (use === 'another') return none(anotherUse(claims))
  if (type === 'at+jwt') {
    return use === 'id_token'
      ? none('The token says both that it is an access token (at+jwt) and an ID token.')
      : { kind: 'at+jwt' }
  }
  if (use !== undefined) return { kind: use }
  if (isPresent(claims['scope']) || isPresent(claims['scp'])) return { kind: 'access_token' }
  if (idTokenClaims.some((name) => isPresent(claims[name]))) return { kind: 'id_token' }
  return { kind: isForItsParty(claims) ? 'id_token' : 'access_token' }
}

/**
 * Why what an introspection endpoint says is not about an access token; undefined if it is. RFC 7662 lets
 * refresh tokens be introspected too, so that it must be said: by `token_type`, or by a claim for the use.
 */
export function notAnAccessToken(claims: Claims): string | undefined {
  const use = namedUse(claims)
  if (use === 'id_token') return 'The token is an ID token.'
  if (use === 'another') return anotherUse(claims)
  const { token_type: type } = claims
  if (isPresent(type) && !isBearer(type)) return `The token is of type ${quoted(type)}.`
  if (use === undefined && !isPresent(type)) {
    return 'The identity provider does not say that it is an access token.'
  }
  return undefined
}

function none(because: string): Classification {
  return { kind: undefined, because }
}

const uses: ReadonlyMap<string, 'id_token' | 'access_token'> = new Map([
  ['id', 'id_token'],
  ['id_token', 'id_token'],
  ['bearer', 'access_token'],
  ['dpop', 'access_token'],
  ['access', 'access_token'],
  ['access_token', 'access_token'],
])

/** What claims say that the token is for. Refresh, offline and logout tokens are for another use. */
function namedUse(claims: Claims): 'id_token' | 'access_token' | 'another' | undefined {
  const found = usesIn(claims).map((value) =>
    typeof value === 'string' ? (uses.get(value.toLowerCase()) ?? 'another') : 'another',
  )
  const [first] = found
  return found.every((use) => use === first) ? first : 'another'
}

function usesIn({ typ, token_use: use }: Claims): readonly unknown[] {
  // Some providers repeat the type of the header among the claims.
  const isHeaderType = typeof typ === 'string' && typeName(typ) === 'jwt'
  return [isHeaderType ? undefined : typ, use].filter(isPresent)
}

function anotherUse(claims: Claims): string {
  return `The token says that it is for another use: ${quoted(usesIn(claims))}.`
}

/** OpenID Connect Core 2: the audience of an ID token is the party that asked for it. */
function isForItsParty(claims: Claims): boolean {
  const party = authorizedParty(claims)
  return party === undefined || [claims['aud']].flat().includes(party)
}

function isBearer(value: unknown): boolean {
  return typeof value === 'string' && value.toLowerCase() === 'bearer'
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}
