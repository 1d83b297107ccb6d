import type { ServerResponse } from 'node:http'
import { createLocalJWKSet } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { KeyCache } from '../../../src/identity/key-cache.ts'
import { formFetch, type OauthClient } from '../../../src/identity/oauth-client.ts'
import {
  type ExchangedToken,
  type ExchangeRules,
  TokenExchange,
} from '../../../src/identity/token-exchange.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import {
  clientId,
  goodClaims,
  issuer,
  type Json,
  keysOf,
  makeToken,
  now,
  nowSeconds,
  signingKey,
  tokenRules,
  toJwk,
} from './tokens.ts'
import {
  type FormEndpoint,
  startFormEndpoint,
  type TakenForm,
} from '../../support/form-endpoint.ts'

const key = signingKey('one')
const audience = 'https://upstream.example'
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const idToken = 'urn:ietf:params:oauth:token-type:id_token'

let served: FormEndpoint
let ca: string
let endpoint: string
let answer: (response: ServerResponse) => void
let requests: TakenForm[]

beforeAll(async () => {
  served = await startFormEndpoint('/token', (taken, response) => {
    requests.push(taken)
    expect(taken.method).toBe('POST')
    answer(response)
  })
  ;({ ca, url: endpoint } = served)
})

afterAll(() => {
  served.close()
})

beforeEach(() => {
  requests = []
  issues({})
})

function says(body: unknown, status = 200, type = 'application/json'): void {
  answer = (response) => {
    response.writeHead(status, { 'content-type': type })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

function issuedToken(claims: Json = {}, signing = key): string {
  const known = { aud: audience, azp: 'gateway', client_id: 'gateway', jti: 'issued' }
  return makeToken(signing, { ...known, ...claims }, { typ: 'at+jwt' })
}

/** The provider issues a token with these claims. */
function issues(claims: Json, more: Json = {}): void {
  says({
    access_token: issuedToken(claims),
    issued_token_type: accessToken,
    token_type: 'Bearer',
    expires_in: 600,
    ...more,
  })
}

const someClient: OauthClient = { id: 'gateway', secret: 'hunter:2', authentication: 'basic' }

function exchangeWith(
  more: Partial<ExchangeRules> = {},
  { client = someClient, tokenEndpoint = endpoint, timeoutMs = 2_000, maxTokenBytes = 65_536 } = {},
): TokenExchange {
  const findKey = createLocalJWKSet({ keys: [{ kty: 'EC', ...toJwk(key) }] })
  const keys = new KeyCache({
    issuer,
    fetch: async () =>
      Promise.resolve({ issuer, findKey, ...(tokenEndpoint !== '' && { tokenEndpoint }) }),
    observer: { keysRefreshed() {}, unknownKey() {} },
  })
  const access = { customCa: ca, limits: { timeoutMs, maxBytes: 65_536 } }
  const providers = new Map([['sso', { rules: tokenRules(keys), access, client }]])
  const rules: ExchangeRules = {
    providers,
    integration: undefined,
    audience,
    resource: undefined,
    scope: undefined,
    requestedTokenType: undefined,
    subjectTokenType: undefined,
    allowsOpaque: false,
    allowsOtherSubject: false,
    ...more,
  }
  return new TokenExchange(rules, maxTokenBytes)
}

async function exchangeOf(
  token: string,
  exchange = exchangeWith(),
  at = now,
): Promise<ExchangedToken> {
  const { rules } = exchange.rules.providers.get('sso')!
  const principal = await verifyToken(token, rules, at)
  return exchange.exchange({ token, principal }, () => at)
}

describe('the request', () => {
  test('has the grant type, the subject token with its type, and the audience', async () => {
    const token = makeToken(key)
    await exchangeOf(token)
    const [{ form, headers }] = requests as [(typeof requests)[0]]
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: idToken,
      audience,
    })
    expect(headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/)
    // RFC 6749 2.3.1: each half is encoded before they are joined.
    const credentials = Buffer.from('gateway:hunter%3A2').toString('base64')
    expect(headers.authorization).toBe(`Basic ${credentials}`)
  })

  test('has resource, scope and the types that are configured', async () => {
    const configured = {
      audience: undefined,
      resource: audience,
      scope: 'a b',
      requestedTokenType: 'urn:ietf:params:oauth:token-type:jwt',
      subjectTokenType: accessToken,
    }
    const post: OauthClient = { ...someClient, authentication: 'post' }
    await exchangeOf(makeToken(key), exchangeWith(configured, { client: post }))
    const [{ form, headers }] = requests as [(typeof requests)[0]]
    expect(Object.fromEntries(form)).toMatchObject({
      resource: audience,
      scope: 'a b',
      requested_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      subject_token_type: accessToken,
      client_id: 'gateway',
      client_secret: 'hunter:2',
    })
    expect(form.has('audience')).toBe(false)
    expect(headers.authorization).toBeUndefined()
  })

  test.each<[string, Partial<OauthClient>]>([
    ['with the authentication none', { authentication: 'none' }],
    ['where we have none, in the header', { secret: undefined }],
    ['where we have none, in the form', { secret: undefined, authentication: 'post' }],
  ])('has no secret %s', async (_, more) => {
    const client: OauthClient = { ...someClient, ...more }
    await exchangeOf(makeToken(key), exchangeWith({}, { client }))
    const [{ form, headers }] = requests as [(typeof requests)[0]]
    expect(form.get('client_id')).toBe('gateway')
    expect(form.has('client_secret')).toBe(false)
    expect(headers.authorization).toBeUndefined()
  })

  test('is a form, and nothing else is sent', async () => {
    const access = { customCa: ca, limits: { timeoutMs: 2_000, maxBytes: 65_536 } }
    const options = { method: 'POST', headers: {}, body: 'text', redirect: 'manual' } as const
    await expect(formFetch(access)(endpoint, options)).rejects.toThrow('a grant request is a form')
    expect(requests).toEqual([])
  })

  test.each([
    ['typ is ID', { typ: 'ID' }, idToken],
    ['token_use is id', { token_use: 'id' }, idToken],
    ['it has a nonce', { nonce: 'x' }, idToken],
    ['typ is Bearer', { typ: 'Bearer' }, accessToken],
    ['it has a scope', { scope: 'connect' }, accessToken],
  ])('sends the token as the kind that it is: %s', async (_, claims, type) => {
    await exchangeOf(makeToken(key, claims))
    expect(requests[0]?.form.get('subject_token_type')).toBe(type)
  })
})

describe('what is issued', () => {
  test('is passed on, with who acts for whom', async () => {
    const act = { sub: 'gateway', act: { sub: 'frontend' } }
    issues({ act, jti: 'x' })
    const exchanged = await exchangeOf(makeToken(key))
    expect(exchanged).toMatchObject({ actors: ['gateway', 'frontend'] })
    expect(exchanged.tokenIdHash).toMatch(/^[\da-f]{64}$/)
    expect(exchanged.token.split('.')).toHaveLength(3)
  })

  test.each([
    ['for another audience', { aud: 'https://elsewhere.example' }, 'token-audience'],
    ['for the audience of the token of the client', { aud: clientId }, 'token-audience'],
    ['of another subject', { sub: 'auth0|eve' }, 'another subject'],
    ['without a subject', { sub: undefined }, 'token-claim'],
    ['of another issuer', { iss: 'https://elsewhere.example' }, 'token-issuer'],
    ['that has expired', { exp: nowSeconds - 60 }, 'token-expired'],
    ['that expired within the leeway', { exp: nowSeconds - 1 }, 'has expired'],
    ['that expires right now', { exp: nowSeconds }, 'the issued token has expired'],
    ['without an end', { exp: undefined }, 'token-claim'],
    ['that is not valid yet', { nbf: nowSeconds + 600 }, 'token-not-yet-valid'],
    ['that is bound to a certificate', { cnf: { 'x5t#S256': 'A'.repeat(43) } }, 'bound to a cert'],
    ['that is bound to a key', { cnf: { jkt: 'A'.repeat(43) } }, 'token-sender-constraint'],
  ])('is refused %s', async (_, claims, told) => {
    issues(claims)
    await expectRefused(told)
  })

  test('is refused if the keys of the issuer do not verify it', async () => {
    issues({}, { access_token: issuedToken({}, signingKey('one')) })
    await expectRefused('token-signature')
    issues({}, { access_token: issuedToken({}, { ...signingKey('two') }) })
    await expectRefused('token-unknown-key')
    const hs256 = Buffer.from('{"alg":"HS256"}').toString('base64url')
    issues({}, { access_token: `${hs256}.${issuedToken().split('.')[1]!}.AA` })
    await expectRefused('token-algorithm')
  })

  test('is refused if it is of a type that is no token of its own', async () => {
    const claims = { ...goodClaims, aud: audience }
    issues({}, { access_token: makeToken(key, claims, { typ: 'logout+jwt' }) })
    await expectRefused('token-type')
  })

  test('is told for what it is refused, and no more', async () => {
    const told = async (): Promise<string | undefined> => (await refusalOf()).logDetail
    const start = 'the issued token is not accepted'
    issues({ aud: 'elsewhere' })
    expect(await told()).toMatch(/, token-audience: The .* "elsewhere"\.: sub auth0\|alice$/)
    issues({ iss: 'https://elsewhere.example' })
    const iss = `iss https://elsewhere.example, expected ${issuer}`
    expect(await told()).toBe(`${start}, token-issuer: ${iss}`)
    issues({}, { access_token: issuedToken({}, signingKey('one')) })
    expect(await told()).toBe(`${start}, token-signature`)
  })

  test.each([
    ['has no issued_token_type', { issued_token_type: undefined }, 'no issued_token_type'],
    [
      'is a refresh token',
      { issued_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      'issued_token_type is that of no access token',
    ],
    ['is bound to a key', { token_type: 'DPoP' }, 'token_type is not Bearer'],
    // The library looks for a type among the members of an object.
    ['is of a type of JavaScript', { token_type: 'constructor' }, 'token_type is not Bearer'],
    ['is opaque', { access_token: 'an-opaque-token' }, 'opaque'],
    ['is encrypted', { access_token: 'eyJhbGciOiJkaXIifQ.a.b.c.d' }, 'opaque'],
    ['has characters of no token', { access_token: 'a\u0000b' }, 'characters of no token'],
  ])('is refused if it %s', async (_, more, told) => {
    issues({}, more)
    await expectRefused(told)
  })

  test.each([{ token_type: 'N_A' }, { token_type: 'bearer' }, { expires_in: undefined }])(
    'may come with %j',
    async (more) => {
      issues({}, more)
      expect((await exchangeOf(makeToken(key))).actors).toEqual([])
    },
  )

  test.each(['JWT', undefined])('may be of the type %s', async (typ) => {
    const token = makeToken(key, { aud: audience }, { typ })
    issues({}, { access_token: token })
    expect((await exchangeOf(makeToken(key))).token).toBe(token)
  })

  test('may be opaque, or of another subject, where the operator says so', async () => {
    issues({}, { access_token: 'an-opaque-token' })
    const opaque = exchangeWith({ allowsOpaque: true })
    expect(await exchangeOf(makeToken(key), opaque)).toEqual({
      token: 'an-opaque-token',
      actors: [],
      tokenIdHash: undefined,
    })
    issues({ sub: 'service' })
    const other = exchangeWith({ allowsOtherSubject: true })
    expect((await exchangeOf(makeToken(key), other)).token).toContain('.')
  })

  test('is of another subject where that is the one of another issuer', async () => {
    const elsewhere = 'https://elsewhere.example'
    const token = makeToken(key, { iss: elsewhere })
    const rules = tokenRules(keysOf([toJwk(key)], elsewhere))
    const principal = await verifyToken(token, rules, now)
    expect(principal.subject).toBe(goodClaims.sub)
    const exchanged = async (more: Partial<ExchangeRules>) =>
      exchangeWith(more).exchange({ token, principal }, () => now)
    await expect(exchanged({})).rejects.toMatchObject({
      reason: 'exchange-refused',
      logDetail: 'the issued token is of another subject',
    })
    await expect(exchanged({ allowsOtherSubject: true })).resolves.toMatchObject({ actors: [] })
  })

  test.each([
    ['keys that cannot be had', new Refusal('keys-unavailable')],
    ['a mistake of ours', new Error('a mistake')],
  ])('is not said to be wrong for %s', async (_, fault) => {
    const token = makeToken(key)
    const exchange = exchangeWith()
    const { rules } = exchange.rules.providers.get('sso')!
    const principal = await verifyToken(token, rules, now)
    vi.spyOn(rules.keys, 'findKey').mockRejectedValue(fault)
    await expect(exchange.exchange({ token, principal }, () => now)).rejects.toBe(fault)
  })

  test('is verified where opaque tokens are allowed and it is none', async () => {
    issues({ aud: 'https://elsewhere.example' })
    await expectRefused('token-audience', exchangeWith({ allowsOpaque: true }))
  })
})

async function refusalOf(exchange = exchangeWith()): Promise<Refusal> {
  const token = makeToken(key)
  const error: unknown = await exchangeOf(token, exchange).catch((thrown: unknown) => thrown)
  if (!(error instanceof Refusal)) throw error instanceof Error ? error : new Error('accepted')
  const told = [error.message, error.clientDetail, error.hint, error.logDetail, causeOf(error)]
  for (const part of [...token.split('.'), 'hunter', 'secret text', issuedToken().split('.')[1]!]) {
    expect(told.join('\n')).not.toContain(part)
  }
  expect(error).toMatchObject({ fault: 'issuer', isVague: true, clientDetail: undefined })
  return error
}

function causeOf({ cause }: Refusal): string {
  return cause instanceof Error ? cause.message : ''
}

async function expectRefused(told: string, exchange = exchangeWith()): Promise<void> {
  const refusal = await refusalOf(exchange)
  expect(refusal).toMatchObject({ reason: 'exchange-refused', sqlstate: '28000' })
  expect(refusal.logDetail).toContain(told)
}

describe('a provider that says no is told by its error code alone', () => {
  test.each([
    [400, 'invalid_target', 'answered 400: invalid_target'],
    [400, 'invalid_request', 'answered 400: invalid_request'],
    [401, 'invalid_client', 'answered 401: invalid_client'],
    [403, 'access_denied', 'answered 403: access_denied'],
    [400, 'secret text', 'answered 400: an error of its own'],
  ])('%d %s', async (status, error, told) => {
    says({ error, error_description: 'secret text' }, status)
    await expectRefused(told)
  })
})

describe('a provider that says nothing readable', () => {
  async function expectFailed(told: string, exchange = exchangeWith()): Promise<void> {
    const refusal = await refusalOf(exchange)
    expect(refusal).toMatchObject({ reason: 'exchange-failed', sqlstate: '08006' })
    expect(`${refusal.logDetail ?? ''}: ${causeOf(refusal)}`).toContain(told)
  }

  test.each<[string, unknown, number, string, string]>([
    ['a server error', { error: 'server_error' }, 500, 'application/json', 'answered 500'],
    ['a page', '<p>secret text', 200, 'text/html', 'answered 200, and no token response'],
    ['a page with a status', '<p>secret text', 400, 'text/html', 'answered 400'],
    ['no JSON', 'secret text', 200, 'application/json', 'answered 200'],
    ['a list', [], 200, 'application/json', 'answered 200'],
    ['no token', { token_type: 'Bearer' }, 200, 'application/json', 'answered 200'],
    ['no token_type', { access_token: 'x' }, 200, 'application/json', 'answered 200'],
    ['a redirect', '', 302, 'text/plain', 'answered 302'],
    ['nothing', '', 204, 'application/json', 'answered 204'],
    ['too much', ' '.repeat(65_537), 200, 'application/json', 'longer than 65536 bytes'],
  ])('but %s', async (_, body, status, type, told) => {
    says(body, status, type)
    await expectFailed(told)
  })

  test('but a redirect is not followed', async () => {
    answer = (response) => {
      response.writeHead(307, { location: endpoint }).end()
    }
    await expectFailed('answered 307')
    expect(requests).toHaveLength(1)
  })

  test('in time', async () => {
    answer = () => {}
    await expectFailed('no answer within 300 ms', exchangeWith({}, { timeoutMs: 300 }))
  })

  test('because it is not there, has no endpoint, or one without TLS', async () => {
    const at = (tokenEndpoint: string) => exchangeWith({}, { tokenEndpoint })
    await expectFailed('ECONNREFUSED', at('https://localhost:1/token'))
    await expectFailed('has no token_endpoint', at(''))
    const nothing = 'http://localhost/token answered nothing, and no token response'
    await expectFailed(nothing, at('http://localhost/token'))
    expect(requests).toHaveLength(0)
  })
})

describe('what was issued is remembered', () => {
  test('for the same token, without another request', async () => {
    const exchange = exchangeWith()
    const token = makeToken(key)
    const first = await exchangeOf(token, exchange)
    expect((await exchangeOf(token, exchange)).token).toBe(first.token)
    expect(requests).toHaveLength(1)
    await exchangeOf(makeToken(key, { jti: 'another' }), exchange)
    expect(requests).toHaveLength(2)
  })

  test('by logins at the same time, which share one request', async () => {
    const exchange = exchangeWith()
    const token = makeToken(key)
    const all = await Promise.all(
      Array.from({ length: 20 }, async () => exchangeOf(token, exchange)),
    )
    expect(new Set(all.map((one) => one.token)).size).toBe(1)
    expect(requests).toHaveLength(1)
  })

  const after = (seconds: number) => new Date(now.getTime() + seconds * 1_000)

  test.each([
    ['its exp', { exp: nowSeconds + 100 }, { expires_in: 600 }],
    ['its expires_in', { exp: nowSeconds + 600 }, { expires_in: 100 }],
    ['its exp, which is all', { exp: nowSeconds + 100 }, { expires_in: undefined }],
    ['the expires_in of an opaque one', {}, { access_token: 'opaque', expires_in: 100 }],
  ])('until half a minute before %s', async (_, claims, more) => {
    issues(claims, more)
    const exchange = exchangeWith({ allowsOpaque: true })
    const token = makeToken(key)
    await exchangeOf(token, exchange)
    await exchangeOf(token, exchange, after(69))
    expect(requests).toHaveLength(1)
    await exchangeOf(token, exchange, after(70))
    expect(requests).toHaveLength(2)
  })

  test('no longer than the token that it was issued for is good', async () => {
    issues({ exp: nowSeconds + 6_000 }, { expires_in: 6_000 })
    const exchange = exchangeWith()
    const token = makeToken(key, { exp: nowSeconds + 100 })
    await exchangeOf(token, exchange)
    await exchangeOf(token, exchange, after(99))
    expect(requests).toHaveLength(1)
    await exchangeOf(token, exchange, after(101))
    expect(requests).toHaveLength(2)
  })

  test('not at all if it is about to expire, or nobody knows when it will', async () => {
    const token = makeToken(key)
    issues({ exp: nowSeconds + 20 })
    const exchange = exchangeWith({ allowsOpaque: true })
    await exchangeOf(token, exchange)
    await exchangeOf(token, exchange)
    expect(requests).toHaveLength(2)
    issues({}, { access_token: 'opaque', expires_in: undefined })
    await exchangeOf(token, exchange)
    await exchangeOf(token, exchange)
    expect(requests).toHaveLength(4)
  })

  test('no more once it was too old, whatever the clock says then', async () => {
    const exchange = exchangeWith()
    const token = makeToken(key)
    await exchangeOf(token, exchange)
    says({ error: 'invalid_target' }, 400)
    await expect(exchangeOf(token, exchange, after(590))).rejects.toThrow(Refusal)
    await expect(exchangeOf(token, exchange)).rejects.toThrow(Refusal)
    expect(requests).toHaveLength(3)
  })

  test.each([20, 30])('not in the place of another with %d seconds left', async (seconds) => {
    const exchange = exchangeWith({}, { maxTokenBytes: issuedToken().length + 20 })
    const token = makeToken(key)
    await exchangeOf(token, exchange)
    issues({ exp: nowSeconds + seconds })
    await exchangeOf(makeToken(key, { jti: 'another' }), exchange)
    await exchangeOf(token, exchange)
    expect(requests).toHaveLength(2)
  })

  test('only if it was accepted', async () => {
    const exchange = exchangeWith()
    says({ error: 'invalid_target' }, 400)
    const token = makeToken(key)
    await expect(exchangeOf(token, exchange)).rejects.toThrow(Refusal)
    issues({})
    await exchangeOf(token, exchange)
    expect(requests).toHaveLength(2)
  })

  test('within the limit', async () => {
    const exchange = exchangeWith({}, { maxTokenBytes: issuedToken().length + 20 })
    const [one, other] = [makeToken(key, { jti: '1' }), makeToken(key, { jti: '2' })]
    await exchangeOf(one, exchange)
    await exchangeOf(other, exchange)
    await exchangeOf(one, exchange)
    expect(requests).toHaveLength(3)
  })

  test('with its actors, which count', async () => {
    const act = { sub: 'gateway', act: { sub: 'frontend' } }
    issues({ act })
    const bytes = issuedToken({ act }).length + 'gatewayfrontend'.length
    for (const [maxTokenBytes, times] of [
      [bytes, 1],
      [bytes - 1, 2],
    ] as const) {
      requests = []
      const exchange = exchangeWith({}, { maxTokenBytes })
      const token = makeToken(key)
      const first = await exchangeOf(token, exchange)
      expect((await exchangeOf(token, exchange)).actors).toEqual(first.actors)
      expect(requests).toHaveLength(times)
    }
  })
})

test('the provider of another integration may be the one that is asked', async () => {
  const { providers } = exchangeWith().rules
  const sso = providers.get('sso')!
  const exchange = exchangeWith({
    integration: 'other',
    providers: new Map([
      ['other', sso],
      ['sso', { ...sso, access: { ...sso.access, customCa: undefined } }],
    ]),
  })
  await exchangeOf(makeToken(key), exchange)
  expect(requests).toHaveLength(1)
})

test('an integration that may not exchange is told by its name, and nobody is asked', async () => {
  const exchange = exchangeWith({ integration: 'other' })
  await expect(exchangeOf(makeToken(key), exchange)).rejects.toThrow('other exchanges no tokens')
  expect(requests).toEqual([])
})
