import { describe, expect, test } from 'vitest'
import { classify, notAnAccessToken } from '../../../src/identity/token-kind.ts'
import { checkDeclaredAccessToken } from '../../../src/identity/check-kind.ts'
import { tokenKinds, type TokenKind, type TokenRules } from '../../../src/identity/token-rules.ts'
import { allowedTypes } from '../../../src/identity/token-rules.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import {
  clientId,
  goodClaims,
  type Json,
  keysOf,
  makeToken,
  now,
  signingKey,
  tokenRules,
  toJwk,
} from './tokens.ts'

const key = signingKey('one')
const keys = keysOf([toJwk(key)])
const api = 'https://db.example'

/** One of each kind, as providers make them. */
const samples: readonly (readonly [string, TokenKind, Json, string | undefined])[] = [
  ['an ID token with azp', 'id_token', {}, 'JWT'],
  ['an ID token with its audience alone', 'id_token', { azp: undefined }, undefined],
  ['an ID token with a nonce', 'id_token', { nonce: 'n', aud: [clientId, api] }, 'JWT'],
  ...['nonce', 'at_hash', 'c_hash', 's_hash'].map(
    (claim) =>
      [
        `an ID token for others too, with ${claim}`,
        'id_token',
        { aud: api, [claim]: 'x' },
        'JWT',
      ] as const,
  ),
  ['an ID token of Keycloak', 'id_token', { typ: 'ID', at_hash: 'x' }, 'JWT'],
  ['an ID token that says id_token', 'id_token', { aud: api, token_use: 'id_token' }, 'JWT'],
  ['an ID token with its type among the claims', 'id_token', { typ: 'application/JWT' }, 'JWT'],
  ['an ID token of Cognito', 'id_token', { token_use: 'id' }, undefined],
  [
    'an access token of RFC 9068',
    'at+jwt',
    { aud: api, azp: undefined, client_id: clientId, jti: 'j', scope: 'connect' },
    'at+jwt',
  ],
  ['an access token of Auth0', 'access_token', { aud: [api, 'x'], scope: 'openid' }, 'JWT'],
  ['one of Auth0 for a machine, without scopes', 'access_token', { aud: api }, 'JWT'],
  ['an access token of Keycloak', 'access_token', { typ: 'Bearer', nonce: 'n' }, 'JWT'],
  ['an access token of Entra', 'access_token', { scp: 'access', nonce: 'n' }, 'JWT'],
  ['an access token of Okta', 'access_token', { azp: undefined, cid: clientId, scp: ['a'] }, 'JWT'],
  ['an access token of Cognito', 'access_token', { token_use: 'access' }, undefined],
  ['an access token of Keycloak with DPoP', 'access_token', { typ: 'DPoP' }, 'JWT'],
  ['an access token that says access_token', 'access_token', { token_use: 'access_token' }, 'JWT'],
  [
    'an access token with its type among the claims',
    'access_token',
    { typ: 'JWT', scp: 'a' },
    'JWT',
  ],
]

async function outcomeOf(claims: Json, typ: unknown, demands: Partial<TokenRules> = {}) {
  const token = makeToken(key, claims, { typ })
  return verifyToken(token, tokenRules(keys, demands), now).then(
    ({ kind }) => kind,
    (error: unknown) => {
      if (error instanceof Refusal) return error
      throw error
    },
  )
}

describe('a token is exactly one kind', () => {
  test.each(samples)('%s is of kind %s', async (_, kind, claims, typ) => {
    expect(classify(typ, { ...goodClaims, ...claims })).toEqual({ kind })
    expect(await outcomeOf(claims, typ)).toBe(kind)
  })

  const pairs = samples.flatMap(([name, kind, claims, typ]) =>
    tokenKinds
      .filter((other) => other !== kind)
      .map((other) => [name, other, kind, claims, typ] as const),
  )
  test.each(pairs)('%s is no %s', async (_, other, kind, claims, typ) => {
    const refusal = await outcomeOf(claims, typ, { kinds: new Set([other]) })
    expect(refusal).toMatchObject({ reason: 'token-type', logDetail: 'sub auth0|alice' })
    expect((refusal as Refusal).clientDetail).toContain(`(${kind}); accepted here: ${other}.`)
  })

  test.each([
    ['an ID token', {}, 'id_token'],
    ['an ID token without a party', { azp: undefined }, 'id_token'],
    ['an access token', { scope: 'connect' }, 'access_token'],
    ['a token that another party asked for', { azp: 'somebody' }, 'access_token'],
  ] as const)('%s has its kind without a client too', async (_, more, kind) => {
    const demands = { clientId: undefined, additionalAudiences: [clientId] }
    expect(await outcomeOf(more, 'JWT', demands)).toBe(kind)
  })
})

describe('a JWT that is no credential is refused', () => {
  const logout = { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }
  const profile = { client_id: clientId, jti: 'j' }
  const isEvent = 'The token has the claim "events": it is a message, and no credential.'
  const forUse = (use: string): string => `The token says that it is for another use: ${use}.`

  test.each<[string, Json, unknown, string]>([
    ['a logout token that says JWT', logout, 'JWT', isEvent],
    ['a logout token without a type', logout, undefined, isEvent],
    ['a logout token that says at+jwt', { ...logout, ...profile }, 'at+jwt', isEvent],
    [
      'an untyped introspection response',
      { token_introspection: {} },
      undefined,
      'The token has the claim "token_introspection": it is a message, and no credential.',
    ],
    ['a refresh token of Keycloak', { typ: 'Refresh' }, 'JWT', forUse('"Refresh"')],
    ['a refresh token in an at+jwt', { ...profile, typ: 'Refresh' }, 'at+jwt', forUse('"Refresh"')],
    ['an offline token of Keycloak', { typ: 'Offline' }, 'JWT', forUse('"Offline"')],
    ['a logout token of Keycloak', { typ: 'Logout' }, 'JWT', forUse('"Logout"')],
    ['a token for an unknown use', { token_use: 'invitation' }, 'JWT', forUse('"invitation"')],
    ['a token whose use is no text', { typ: ['Bearer'] }, 'JWT', forUse('"(array)"')],
    ['a token of two uses', { typ: 'Bearer', token_use: 'id' }, 'JWT', forUse('"Bearer", "id"')],
    [
      'an access token that says it is an ID token',
      { ...profile, typ: 'ID' },
      'at+jwt',
      'The token says both that it is an access token (at+jwt) and an ID token.',
    ],
    ...[
      ['a logout token', 'logout+jwt'],
      ['a security event', 'secevent+jwt'],
      ['a proof of possession', 'dpop+jwt'],
      ['a request object', 'oauth-authz-req+jwt'],
      ['an introspection response', 'token-introspection+jwt'],
      ['a client assertion', 'client-authentication+jwt'],
      ['the attestation of a client', 'oauth-client-attestation+jwt'],
      ['a proof of an attested client', 'oauth-client-attestation-pop+jwt'],
      ['a statement of a federation', 'entity-statement+jwt'],
      ['a proof for a wallet', 'openid4vci-proof+jwt'],
      ['a key binding', 'kb+jwt'],
      ['a list of states', 'statuslist+jwt'],
      ['a session token of ours', 'ps+jwt'],
    ].map(([name = '', typ]): [string, Json, unknown, string] => [
      name,
      {},
      typ,
      `The token is of type "${typ}", which is no credential.`,
    ]),
  ])('%s', async (_, claims, typ, because) => {
    expect(classify(typ, { ...goodClaims, ...claims })).toEqual({ kind: undefined, because })
    expect(await outcomeOf(claims, typ)).toMatchObject({ reason: 'token-type' })
    // Also where the operator lists its type.
    const listed = { allowedTypes: allowedTypes(typeof typ === 'string' ? [typ, 'JWT'] : ['none']) }
    expect(await outcomeOf(claims, typ, listed)).toMatchObject({
      reason: 'token-type',
      clientDetail: because,
      logDetail: 'sub auth0|alice',
    })
  })

  test('an authorization response (JARM), which has no subject', async () => {
    const response = { sub: undefined, azp: undefined, code: 'c', state: 's' }
    expect(await outcomeOf(response, 'JWT')).toMatchObject({ reason: 'token-claim' })
  })
})

describe('an access token of RFC 9068', () => {
  const profile = { ...goodClaims, aud: api, azp: undefined, client_id: clientId, jti: 'id-1' }

  test('is admitted with all that it must have', async () => {
    expect(await outcomeOf(profile, 'application/at+jwt')).toBe('at+jwt')
  })

  test.each([
    ['iss', 'token-issuer'],
    ['exp', 'token-claim'],
    ['aud', 'token-audience'],
    ['sub', 'token-claim'],
    ['client_id', 'token-claim'],
    ['iat', 'token-claim'],
    ['jti', 'token-claim'],
  ])('is refused without %s', async (claim, reason) => {
    const its = { clientId: undefined }
    expect(await outcomeOf({ ...profile, [claim]: undefined }, 'at+jwt', its)).toMatchObject({
      reason,
    })
  })

  test.each([
    ['client_id', ''],
    ['client_id', 5],
    ['jti', ''],
    ['jti', { id: 1 }],
  ])('is refused when %s is %j', async (claim, value) => {
    const its = { clientId: undefined }
    const refusal = await outcomeOf({ ...profile, [claim]: value }, 'at+jwt', its)
    expect(refusal).toMatchObject({
      reason: 'token-claim',
      values: { claim },
      clientDetail: `The claim "${claim}" is missing or not of the right type: RFC 9068 demands it of an access token of type at+jwt.`,
    })
  })

  test('is refused with the kinds that are accepted', async () => {
    const its = { kinds: new Set(['id_token', 'access_token'] as const) }
    expect(await outcomeOf(profile, 'at+jwt', its)).toMatchObject({
      reason: 'token-type',
      clientDetail:
        'The token is an access token of RFC 9068 (at+jwt); accepted here: id_token, access_token.',
    })
  })

  test('is what the user may say that it is, and an ID token is not', () => {
    for (const kind of ['at+jwt', 'access_token'] as const) checkDeclaredAccessToken(kind)
    expect(() => {
      checkDeclaredAccessToken('id_token')
    }).toThrow(
      expect.objectContaining({
        reason: 'token-type',
        clientDetail:
          'The token is an ID token (id_token), and the user says that it is an access token.',
      }) as Error,
    )
  })

  test('is refused when it is for another resource', async () => {
    const refusal = await outcomeOf({ ...profile, aud: 'https://other.example' }, 'at+jwt')
    expect(refusal).toMatchObject({ reason: 'token-audience' })
  })
})

describe('what a provider says of a token it was asked about', () => {
  test.each([
    [{ token_type: 'Bearer' }],
    [{ token_type: 'bearer', typ: 'Bearer' }],
    [{ token_use: 'access_token' }],
    [{ typ: 'Bearer', token_type: null }],
    [{ typ: 'JWT', token_type: 'Bearer' }],
  ])('is about an access token: %j', (claims) => {
    expect(notAnAccessToken(claims)).toBeUndefined()
  })

  test.each<[Json, string]>([
    [{}, 'does not say that it is an access token'],
    [{ scope: 'openid', token_type: null }, 'does not say that it is an access token'],
    [{ token_type: 'Bearer', token_use: 'refresh_token' }, 'another use: "refresh_token"'],
    [{ token_type: 'Bearer', typ: 'Refresh' }, 'another use: "Refresh"'],
    [{ typ: 'JWT' }, 'does not say that it is an access token'],
    [{ token_type: 'Bearer', typ: 'ID' }, 'is an ID token'],
    [{ token_type: 'DPoP' }, 'of type "DPoP"'],
    [{ token_type: 'refresh_token' }, 'of type "refresh_token"'],
    [{ token_type: ['Bearer'] }, 'of type "Bearer"'],
  ])('is not about an access token: %j', (claims, told) => {
    expect(notAnAccessToken(claims)).toContain(told)
  })
})
