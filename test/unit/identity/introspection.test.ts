import type { ServerResponse } from 'node:http'
import { createLocalJWKSet } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { IntrospectionAccess } from '../../../src/identity/ask-introspection.ts'
import { introspect } from '../../../src/identity/introspect.ts'
import { IntrospectedTokens } from '../../../src/identity/introspected-tokens.ts'
import { KeyCache } from '../../../src/identity/key-cache.ts'
import type { TokenRules } from '../../../src/identity/token-rules.ts'
import type { Principal } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import { clientId, issuer, type Json, now, nowSeconds, tokenRules } from './tokens.ts'
import {
  type FormEndpoint,
  startFormEndpoint,
  type TakenForm,
} from '../../support/form-endpoint.ts'

const opaque = 'N2Q4ZTk5-opaque_token~of.alice+/=='

/** What a provider says of a token that is good. */
const good = {
  active: true,
  iss: issuer,
  sub: 'auth0|alice',
  aud: 'https://db.example',
  client_id: clientId,
  token_type: 'Bearer',
  scope: 'openid connect',
  iat: nowSeconds - 60,
  exp: nowSeconds + 600,
  'https://example.com/groups': ['b', 'a'],
} as const

let served: FormEndpoint
let ca: string
let endpoint: string
let answer: (response: ServerResponse) => void
let asked: TakenForm[]

beforeAll(async () => {
  served = await startFormEndpoint('/introspect', (taken, response) => {
    asked.push(taken)
    answer(response)
  })
  ;({ ca, url: endpoint } = served)
})

afterAll(() => {
  served.close()
})

beforeEach(() => {
  asked = []
  says(good)
})

function says(body: unknown, status = 200, type = 'application/json'): void {
  answer = (response) => {
    response.writeHead(status, { 'content-type': type })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

function rulesWith(
  more: Partial<IntrospectionAccess> = {},
  demands: Partial<TokenRules> = {},
  discovered?: string,
): TokenRules {
  const keys = new KeyCache({
    issuer,
    fetch: async () =>
      Promise.resolve({
        issuer,
        findKey: createLocalJWKSet({ keys: [] }),
        ...(discovered !== undefined && { introspectionEndpoint: discovered }),
      }),
    observer: { keysRefreshed() {}, unknownKey() {} },
  })
  const introspection: IntrospectionAccess = {
    endpoint,
    clientId: 'gate',
    clientSecret: 'hunter2:%&é',
    authentication: 'basic',
    cacheMs: 30_000,
    customCa: ca,
    limits: { timeoutMs: 500, maxBytes: 65_536 },
    ...more,
  }
  return tokenRules(keys, { introspection, ...demands })
}

function tokensOf(
  rules = rulesWith(),
  clock = { ms: 0 },
  maxTokenBytes = 65_536,
): IntrospectedTokens {
  const { introspection: access } = rules
  if (access === undefined) throw new Error('there is nobody to ask')
  return new IntrospectedTokens(rules, access, maxTokenBytes, () => clock.ms)
}

async function verify(rules = rulesWith(), token = opaque): Promise<Principal> {
  return tokensOf(rules).verify(token, now)
}

/** The refusal, checked to tell nobody the token, the secret or what the provider said. */
async function refusalOf(rules = rulesWith(), token = opaque): Promise<Refusal> {
  const outcome: unknown = await verify(rules, token).catch((error: unknown) => error)
  if (!(outcome instanceof Refusal)) throw new Error('the token was accepted')
  const { message, hint, clientDetail, logDetail, cause } = outcome
  const causes = cause instanceof Error ? [cause.message, cause.cause] : []
  const told = JSON.stringify([message, hint, clientDetail, logDetail, ...causes])
  for (const secret of ['opaque_token', 'hunter2', 'said-by-the-provider']) {
    expect(told).not.toContain(secret)
  }
  return outcome
}

describe('an access token that the provider says is active', () => {
  test('becomes a principal with what the provider says of it', async () => {
    expect(await verify()).toMatchObject({
      integration: 'sso',
      kind: 'access_token',
      issuer,
      subject: 'auth0|alice',
      names: ['auth0|alice'],
      groups: ['b', 'a'],
      expiresAt: new Date(good.exp * 1_000),
    })
  })

  test('is sent in the form of a POST, with the client in the header', async () => {
    await verify()
    const [{ method, headers, form }] = asked as [TakenForm]
    expect(method).toBe('POST')
    expect([...form].sort()).toEqual([
      ['token', opaque],
      ['token_type_hint', 'access_token'],
    ])
    expect(headers['content-type']).toContain('application/x-www-form-urlencoded')
    const basic = Buffer.from(headers.authorization!.replace('Basic ', ''), 'base64').toString()
    // RFC 6749 2.3.1: encoded as in a form first.
    expect(decodeURIComponent(basic)).toBe('gate:hunter2:%&é')
  })

  test('may be sent with the client in the form', async () => {
    await verify(rulesWith({ authentication: 'post' }))
    const [{ headers, form }] = asked as [TakenForm]
    expect(headers.authorization).toBeUndefined()
    expect(form.get('client_id')).toBe('gate')
    expect(form.get('client_secret')).toBe('hunter2:%&é')
  })

  test('is asked about at the endpoint of the discovery document where none is configured', async () => {
    await verify(rulesWith({ endpoint: undefined }, {}, endpoint))
    expect(asked).toHaveLength(1)
  })

  test.each<[string, Json]>([
    ['no issuer', { iss: undefined }],
    ['no audience, and our client', { aud: undefined }],
    ['an empty audience, and our client', { aud: [] }],
    ['no audience but null, and our client', { aud: null }],
    ['several audiences', { aud: ['https://other.example', clientId] }],
    ['no iat', { iat: undefined }],
    ['no scope', { scope: undefined }],
  ])('may have %s', async (_, claims) => {
    says({ ...good, ...claims })
    expect(await verify()).toMatchObject({ subject: 'auth0|alice', issuer })
  })
})

describe('an access token that the provider speaks of is refused', () => {
  test('if it is not active', async () => {
    says({ active: false })
    expect(await refusalOf()).toMatchObject({
      reason: 'token-inactive',
      sqlstate: '28P01',
      fault: 'client',
    })
  })

  test('if it is not active, whatever else is said of it', async () => {
    says({ ...good, active: false })
    expect(await refusalOf()).toMatchObject({ reason: 'token-inactive' })
  })

  test.each<[string, Json, string]>([
    ['of another issuer', { iss: 'https://other.example' }, 'token-issuer'],
    ['of our issuer with a slash', { iss: `${issuer}/` }, 'token-issuer'],
    ['of an issuer that is no text', { iss: [issuer] }, 'token-issuer'],
    ['for another audience', { aud: 'https://other.example' }, 'token-audience'],
    ['for nobody, and of another client', { aud: undefined, client_id: 'x' }, 'token-audience'],
    ['for nobody, and of no client', { aud: [], client_id: undefined }, 'token-audience'],
    ['of another client', { client_id: 'another' }, 'token-authorized-party'],
    ['of no client', { client_id: undefined }, 'token-authorized-party'],
    ['without an end', { exp: undefined }, 'token-claim'],
    ['whose end is text', { exp: String(good.exp) }, 'token-claim'],
    ['that has expired', { exp: nowSeconds - 31 }, 'token-expired'],
    ['that is not valid yet', { nbf: nowSeconds + 31 }, 'token-not-yet-valid'],
    ['that was issued in the future', { iat: nowSeconds + 31 }, 'token-not-yet-valid'],
    ['of nobody', { sub: undefined }, 'token-claim'],
    ['of somebody without a name', { sub: '' }, 'token-claim'],
    ['that is not said to be an access token', { token_type: undefined }, 'token-type'],
    ['that is a refresh token', { token_use: 'refresh_token' }, 'token-type'],
    ['that is an ID token', { typ: 'ID' }, 'token-type'],
    ['that is bound to a key', { token_type: 'DPoP' }, 'token-type'],
  ])('if it is one %s', async (_, claims, reason) => {
    says({ ...good, ...claims })
    expect(await refusalOf()).toMatchObject({ reason })
  })

  test.each<[string, Partial<TokenRules>, string]>([
    ['claims', { requiredClaims: [{ name: 'scope', expected: 'admin' }] }, 'token-claim'],
    ['a context', { requiredAcr: ['mfa'] }, 'token-claim'],
    ['no other audience', { strictAudiences: true }, 'token-audience'],
    ['an age', { maxTokenAgeMs: 1_000, leewayMs: 0 }, 'token-expired'],
    ['a name', { principalClaim: 'username' }, 'token-claim'],
    ['another kind', { kinds: new Set(['id_token'] as const) }, 'token-type'],
  ])('if the integration demands %s that it does not have', async (_, demands, reason) => {
    says({ ...good, aud: [clientId, 'https://other.example'] })
    expect(await refusalOf(rulesWith({}, demands))).toMatchObject({ reason })
  })
})

describe('without an answer of the provider the login is refused', () => {
  test.each<[string, unknown, string]>([
    ['active as a text', { ...good, active: 'true' }, 'invalid response'],
    ['active as a number', { ...good, active: 1 }, 'invalid response'],
    ['nothing of active', { ...good, active: undefined }, 'invalid response'],
    ['null', null, 'invalid response'],
    ['a list', [good], 'invalid response'],
    ['no JSON', '{"active":true,said-by-the-provider', 'parsing error'],
    ['nothing', '', 'parsing error'],
    ['too much', `${JSON.stringify(good)}${' '.repeat(65_537)}`, 'longer than 65536 bytes'],
  ])('when it says %s', async (_, body, told) => {
    says(body)
    const refusal = await refusalOf()
    expect(refusal).toMatchObject({
      reason: 'introspection-unavailable',
      sqlstate: '08006',
      fault: 'issuer',
      clientDetail: undefined,
      isVague: true,
    })
    expect((refusal.cause as Error).message).toContain(told)
  })

  test.each([201, 204, 301, 302, 307, 400, 401, 403, 404, 500, 503])(
    'when its status is %d, with whatever body',
    async (status) => {
      says(good, status)
      const refusal = await refusalOf()
      expect(refusal.reason).toBe('introspection-unavailable')
      expect((refusal.cause as Error).message).toContain(`answered ${status}`)
    },
  )

  test.each([
    'text/html',
    'text/plain',
    'application/token-introspection+jwt',
    'application/jsonp',
    'text/application/json',
  ])('when its answer is of type %s', async (type) => {
    says(good, 200, type)
    const refusal = await refusalOf()
    expect(refusal.reason).toBe('introspection-unavailable')
    expect((refusal.cause as Error).message).toContain('did not answer with JSON')
  })

  test('when its answer is of no type', async () => {
    answer = (response) => response.end(JSON.stringify(good))
    const refusal = await refusalOf()
    expect(refusal.reason).toBe('introspection-unavailable')
    expect((refusal.cause as Error).message).toContain('did not answer with JSON')
  })

  test('when it takes too long', async () => {
    answer = () => {}
    const refusal = await refusalOf()
    expect(refusal.reason).toBe('introspection-unavailable')
    expect((refusal.cause as Error).message).toContain('no answer within 500 ms')
  })

  test('when it is not who it should be, or not there', async () => {
    const untrusted = await refusalOf(rulesWith({ customCa: undefined }))
    expect(untrusted.reason).toBe('introspection-unavailable')
    const away = await refusalOf(rulesWith({ endpoint: 'https://localhost:1/' }))
    expect(away.reason).toBe('introspection-unavailable')
    expect(asked).toEqual([])
  })

  test('when the endpoint has no TLS', async () => {
    const refusal = await refusalOf(rulesWith({ endpoint: 'http://localhost/introspect' }))
    expect(refusal.reason).toBe('introspection-unavailable')
  })

  test('when there is no endpoint', async () => {
    expect(await refusalOf(rulesWith({ endpoint: undefined }))).toMatchObject({
      reason: 'access-token-unsupported',
      logDetail: `the discovery document of ${issuer} has no introspection_endpoint`,
    })
  })

  test('when the integration asks nobody', async () => {
    const rules = rulesWith({}, { introspection: undefined })
    await expect(introspect(opaque, rules)).rejects.toMatchObject({
      reason: 'access-token-unsupported',
      logDetail: undefined,
    })
    expect(asked).toEqual([])
  })
})

describe('what is no token is sent to nobody', () => {
  test.each([
    ['a password with a blank', 'correct horse'],
    ['a password with a bang', 'hunter2!'],
    ['a token behind Bearer', `Bearer ${opaque}`],
    ['a token with a newline', `${opaque}\n`],
    ['letters beyond ASCII', 'pässwörd'],
    ['padding in the middle', 'a=b'],
    ['nothing', ''],
    ['too long a token', 'a'.repeat(16_385)],
  ])('%s', async (_, token) => {
    expect(await refusalOf(rulesWith(), token)).toMatchObject({
      reason: 'token-malformed',
      logDetail: 'no access token of at most 16384 characters',
    })
    expect(asked).toEqual([])
  })

  test('but as long a token as may be is', async () => {
    await expect(verify(rulesWith(), 'a'.repeat(16_384))).resolves.toMatchObject({ issuer })
    expect(asked).toHaveLength(1)
  })
})

test('without a client of ours no token is ours for want of an audience', async () => {
  for (const said of [{ sub: 'alice' }, { sub: 'alice', aud: null }, { sub: 'alice', aud: [] }]) {
    says({ active: true, ...said })
    const { claims } = await introspect(opaque, rulesWith({}, { clientId: undefined }))
    expect(claims).toStrictEqual({ iss: issuer, ...said })
  }
})

describe('an answer of the provider', () => {
  test('is good for the limit, and no longer', async () => {
    const clock = { ms: 0 }
    const tokens = tokensOf(rulesWith({ cacheMs: 30_000 }), clock)
    const first = await tokens.verify(opaque, now)
    clock.ms = 29_999
    expect(await tokens.verify(opaque, now)).toBe(first)
    expect(asked).toHaveLength(1)
    says({ active: false })
    clock.ms = 30_000
    await expect(tokens.verify(opaque, now)).rejects.toMatchObject({ reason: 'token-inactive' })
    expect(asked).toHaveLength(2)
  })

  test('is asked for again where what is remembered counts for nothing', async () => {
    const tokens = tokensOf(rulesWith({ cacheMs: 30_000 }), { ms: 0 })
    await tokens.verify(opaque, now)
    const again = await tokens.verifyAgain(opaque, now)
    expect(asked).toHaveLength(2)
    expect(await tokens.verify(opaque, now)).toBe(again)
    says({ active: false })
    const refused = { reason: 'token-inactive' }
    await expect(tokens.verifyAgain(opaque, now)).rejects.toMatchObject(refused)
    await expect(tokens.verify(opaque, now)).rejects.toMatchObject(refused)
    expect(asked).toHaveLength(4)
  })

  test('is asked for each time with a limit of 0', async () => {
    // It is not there at all, so that no clock can bring it back.
    const clock = { ms: 0 }
    const tokens = tokensOf(rulesWith({ cacheMs: 0 }), clock)
    for (; clock.ms > -3; clock.ms--) await tokens.verify(opaque, now)
    expect(asked).toHaveLength(3)
  })

  test('is never good beyond the end of the token', async () => {
    says({ ...good, exp: nowSeconds + 5 })
    const tokens = tokensOf(rulesWith({}, { leewayMs: 0 }))
    await tokens.verify(opaque, now)
    await tokens.verify(opaque, new Date((nowSeconds + 4) * 1_000))
    expect(asked).toHaveLength(1)
    const atItsEnd = tokens.verify(opaque, new Date((nowSeconds + 5) * 1_000))
    await expect(atItsEnd).rejects.toMatchObject({ reason: 'token-expired' })
    expect(asked).toHaveLength(2)
  })

  test('counts with the groups that it tells', async () => {
    says({ ...good, 'https://example.com/groups': ['ab', 'c'] })
    for (const [spare, times] of [
      [3, 1],
      [2, 2],
    ] as const) {
      asked = []
      const tokens = tokensOf(rulesWith(), { ms: 0 }, opaque.length + spare)
      await tokens.verify(opaque, now)
      await tokens.verify(opaque, now)
      expect(asked).toHaveLength(times)
    }
  })

  test('that refuses is not remembered', async () => {
    const tokens = tokensOf()
    says({ active: false })
    await expect(tokens.verify(opaque, now)).rejects.toMatchObject({ reason: 'token-inactive' })
    says(good, 500)
    await expect(tokens.verify(opaque, now)).rejects.toMatchObject({
      reason: 'introspection-unavailable',
    })
    says(good)
    await expect(tokens.verify(opaque, now)).resolves.toMatchObject({ subject: 'auth0|alice' })
  })

  test('is of its token alone', async () => {
    const tokens = tokensOf()
    await tokens.verify(opaque, now)
    says({ active: false })
    await expect(tokens.verify(`${opaque}=`, now)).rejects.toThrow(Refusal)
  })

  test('is asked for once by all who wait for it', async () => {
    const waiting: ServerResponse[] = []
    answer = (response) => waiting.push(response)
    const tokens = tokensOf(rulesWith({ cacheMs: 0 }))
    const logins = Array.from({ length: 50 }, async () => tokens.verify(opaque, now))
    await vi.waitFor(() => {
      expect(waiting).toHaveLength(1)
    })
    waiting[0]!.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(good))
    expect(new Set(await Promise.all(logins)).size).toBe(1)
    expect(asked).toHaveLength(1)
  })

  test('is asked for by sixteen at once, and the others wait for their turn', async () => {
    const waiting: ServerResponse[] = []
    answer = (response) => waiting.push(response)
    const tokens = tokensOf(rulesWith({ limits: { timeoutMs: 10_000, maxBytes: 65_536 } }))
    const logins = Array.from({ length: 20 }, async (_, i) => tokens.verify(`token${i}`, now))
    for (let answered = 0; answered < 20; answered++) {
      await vi.waitFor(() => {
        expect(waiting).toHaveLength(Math.min(16 + answered, 20))
      })
      const response = waiting[answered]!
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(good))
      await Promise.any(logins.slice(answered))
    }
    await Promise.all(logins)
  })

  test('is not waited for longer than the limit, nor is the turn to ask', async () => {
    answer = () => {}
    const tokens = tokensOf(rulesWith({ limits: { timeoutMs: 400, maxBytes: 65_536 } }))
    const logins = Array.from({ length: 40 }, async (_, i) => tokens.verify(`token${i}`, now))
    for (const outcome of await Promise.allSettled(logins)) {
      expect(outcome).toMatchObject({ reason: { reason: 'introspection-unavailable' } })
    }
    says(good)
    await expect(tokens.verify(opaque, now)).resolves.toMatchObject({ subject: 'auth0|alice' })
  })
})
