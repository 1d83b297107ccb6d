import type { JWTPayload } from 'jose'
import { Refusal } from '../refusal.ts'
import { holder } from './shown.ts'
import { classify, notAnAccessToken } from './token-kind.ts'
import type { TokenKind, TokenRules } from './token-rules.ts'

const kindNames: Readonly<Record<TokenKind, string>> = {
  id_token: 'an ID token (id_token)',
  'at+jwt': 'an access token of RFC 9068 (at+jwt)',
  access_token: 'an access token (access_token)',
}

/** The one kind that a token is, if the integration takes it and it has what its kind must have. */
export function checkKind(typ: unknown, claims: JWTPayload, rules: TokenRules): TokenKind {
  const classification = classify(typ, claims)
  const { kind } = classification
  if (kind === undefined) throw wrongKind(classification.because, claims)
  checkTaken(kind, claims, rules)
  if (kind === 'at+jwt') checkAccessTokenClaims(claims)
  return kind
}

/** For what the provider says of a token: only access tokens have been asked about. */
export function checkIntrospectedKind(claims: JWTPayload, rules: TokenRules): void {
  const because = notAnAccessToken(claims)
  if (because !== undefined) throw wrongKind(because, claims)
  checkTaken('access_token', claims, rules)
}

function checkTaken(kind: TokenKind, claims: JWTPayload, { kinds }: TokenRules): void {
  if (kinds.has(kind)) return
  const taken = [...kinds].join(', ')
  throw wrongKind(`The token is ${kindNames[kind]}; accepted here: ${taken}.`, claims)
}

/** Whoever declares an access token (user `access_token`) has not got in by showing an ID token. */
export function checkDeclaredAccessToken(kind: TokenKind): void {
  if (kind !== 'id_token') return
  throw new Refusal('token-type', {
    clientDetail: `The token is ${kindNames[kind]}, and the user says that it is an access token.`,
  })
}

/** RFC 9068 2.2. What is not here, iss, exp, aud and sub, is demanded of every token. */
function checkAccessTokenClaims(claims: JWTPayload): void {
  const isPresent = {
    client_id: isText(claims['client_id']),
    jti: isText(claims.jti),
    iat: claims.iat !== undefined,
  }
  const missing = Object.entries(isPresent).find(([, present]) => !present)?.[0]
  if (missing === undefined) return
  throw new Refusal('token-claim', {
    values: { claim: missing },
    clientDetail:
      `The claim "${missing}" is missing or not of the right type: ` +
      'RFC 9068 demands it of an access token of type at+jwt.',
    logDetail: holder(claims),
  })
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function wrongKind(clientDetail: string, claims: JWTPayload): Refusal {
  return new Refusal('token-type', { clientDetail, logDetail: holder(claims) })
}
