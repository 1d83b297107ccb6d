// Tokens made without the library that verifies them, so that a mistake cannot cancel itself out.
import { constants, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { createLocalJWKSet } from 'jose'
import { KeyCache } from '../../../src/identity/key-cache.ts'
import { allowedTypes, tokenKinds, type TokenRules } from '../../../src/identity/token-rules.ts'

export const issuer = 'https://issuer.example'
export const clientId = 'portcullis'
export const now = new Date('2026-03-01T12:00:00.000Z')
export const nowSeconds = now.getTime() / 1_000

export type Json = Readonly<Record<string, unknown>>

export interface SigningKey {
  readonly kid: string | undefined
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

type KeyKind = 'RSA' | 'P-256' | 'P-384' | 'P-521' | 'Ed25519'

export function signingKey(
  kid: string | undefined,
  kind: KeyKind = 'P-256',
  modulusLength = 2_048,
): SigningKey {
  switch (kind) {
    case 'RSA':
      return { kid, ...generateKeyPairSync('rsa', { modulusLength }) }
    case 'Ed25519':
      return { kid, ...generateKeyPairSync('ed25519') }
    default:
      return { kid, ...generateKeyPairSync('ec', { namedCurve: kind }) }
  }
}

/** The public half as a member of a key set. */
export function toJwk({ kid, publicKey }: SigningKey, more: Json = {}): JsonWebKey {
  const jwk = publicKey.export({ format: 'jwk' })
  return { ...jwk, ...(kid === undefined ? {} : { kid }), ...more }
}

/** A part of a token that is text or bytes is encoded as it is, whether it is JSON or not. */
export type Part = Json | string | Buffer

function encode(part: Part): string {
  const bytes = Buffer.isBuffer(part)
    ? part
    : Buffer.from(typeof part === 'string' ? part : JSON.stringify(part))
  return bytes.toString('base64url')
}

/** Signs whatever it is given, with the algorithm named or the one that the key is for. */
export function signToken(header: Part, claims: Part, key: SigningKey, alg = algOf(key)): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${signatureOf(Buffer.from(input), key.privateKey, alg)}`
}

function algOf({ publicKey }: SigningKey): string {
  switch (publicKey.asymmetricKeyType) {
    case 'rsa':
      return 'RS256'
    case 'ec':
      return 'ES256'
    default:
      return 'EdDSA'
  }
}

function signatureOf(input: Buffer, key: KeyObject, alg: string): string {
  const hash = alg === 'EdDSA' ? undefined : `sha${alg.slice(2)}`
  const options = alg.startsWith('PS')
    ? {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }
    : {}
  return sign(hash, input, { key, dsaEncoding: 'ieee-p1363', ...options }).toString('base64url')
}

/** An ID token that every check is content with. */
export const goodClaims = {
  iss: issuer,
  sub: 'auth0|alice',
  aud: clientId,
  azp: clientId,
  iat: nowSeconds - 60,
  exp: nowSeconds + 600,
} as const

export function makeToken(
  key: SigningKey,
  claims: Json = {},
  header: Json = {},
  alg = algOf(key),
): string {
  const kid = key.kid === undefined ? {} : { kid: key.kid }
  return signToken({ alg, typ: 'JWT', ...kid, ...header }, { ...goodClaims, ...claims }, key, alg)
}

/** Keys that are there already, of an issuer that has no others. */
export function keysOf(jwks: readonly JsonWebKey[], name = issuer): KeyCache {
  const findKey = createLocalJWKSet({ keys: jwks.map((jwk) => ({ kty: '', ...jwk })) })
  return new KeyCache({
    issuer: name,
    fetch: async () => Promise.resolve({ issuer: name, findKey }),
    observer: { keysRefreshed() {}, unknownKey() {} },
    monotonicNow: () => 0,
  })
}

export function tokenRules(keys: KeyCache, more: Partial<TokenRules> = {}): TokenRules {
  return {
    integration: 'sso',
    keys,
    clientId,
    additionalAudiences: ['https://db.example'],
    algorithms: [
      ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
      ...['ES256', 'ES384', 'ES512', 'EdDSA'],
    ],
    strictAudiences: false,
    allowedTypes: allowedTypes(['JWT', 'at+jwt', 'none']),
    kinds: new Set(tokenKinds),
    maxTokenAgeMs: undefined,
    requiredClaims: [],
    requiredAcr: [],
    requireSenderConstraint: false,
    leewayMs: 30_000,
    principalClaim: 'sub',
    groupsClaimIds: ['https://example.com/groups'],
    userinfo: undefined,
    introspection: undefined,
    decryptionKeys: undefined,
    userinfoGroupsIds: more.groupsClaimIds ?? ['https://example.com/groups'],
    dialect: 'portcullis',
    ...more,
  }
}
