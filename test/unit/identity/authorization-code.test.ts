import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { createLocalJWKSet } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Authorization,
  type AuthorizationExtras,
  authorizationEndpoints,
  beginAuthorization,
  redeemAuthorization,
  redeemForAccess,
} from '../../../src/identity/authorization-code.ts'
import type { IssuerKeys } from '../../../src/identity/discovery.ts'
import type { GrantedTokens } from '../../../src/identity/granted-tokens.ts'
import { FetchError } from '../../../src/identity/fetch-error.ts'
import type { OauthClient } from '../../../src/identity/oauth-client.ts'
import { Refusal } from '../../../src/refusal.ts'
import { issuer, type Json, signingKey, signToken } from './tokens.ts'
import {
  type FormEndpoint,
  startFormEndpoint,
  type TakenForm,
} from '../../support/form-endpoint.ts'

const key = signingKey('one')
const redirectUri = 'https://gate.example/sign-in/callback'
const authorizationEndpoint = 'https://issuer.example/auth?tenant=a%20b'

let served: FormEndpoint
let ca: string
let tokenEndpoint: string
let answer: (response: ServerResponse) => void
let requests: TakenForm[]

beforeAll(async () => {
  served = await startFormEndpoint('/token', (taken, response) => {
    requests.push(taken)
    answer(response)
  })
  ;({ ca, url: tokenEndpoint } = served)
})

afterAll(() => {
  served.close()
})

beforeEach(() => {
  requests = []
  answer = () => {
    expect.fail('nobody is to ask for a token')
  }
})

const findKey = createLocalJWKSet({ keys: [] })

function keys(more: Partial<IssuerKeys> = {}): IssuerKeys {
  return { issuer, findKey, authorizationEndpoint, tokenEndpoint, ...more }
}

const ourClient: OauthClient = { id: 'gate', secret: 'hunter:2', authentication: 'basic' }

interface Begun extends Authorization {
  readonly redeem: (query: string) => Promise<string>
  readonly redeemForAccess: (query: string) => Promise<GrantedTokens>
}

/** What was begun goes another way before it is redeemed: as plain data. */
async function begin(
  more: Partial<IssuerKeys> = {},
  {
    client = ourClient,
    timeoutMs = 5_000,
    extras = {},
    scopes = ['openid', 'email'],
    audience,
  }: {
    client?: OauthClient
    timeoutMs?: number
    extras?: AuthorizationExtras
    scopes?: readonly string[]
    audience?: string
  } = {},
): Promise<Begun> {
  const access = { customCa: ca, limits: { timeoutMs, maxBytes: 65_536 }, proxy: undefined }
  const provider = { client, access, scopes, algorithms: ['ES256'], audience }
  const begun = await beginAuthorization(keys(more), provider, redirectUri, extras)
  const kept = JSON.parse(JSON.stringify(begun)) as Authorization
  return {
    ...begun,
    redeem: async (query) => (await redeemAuthorization(keys(more), provider, kept, query)).idToken,
    redeemForAccess: async (query) => redeemForAccess(keys(more), provider, kept, query),
  }
}

const sentWith = ({ url }: Authorization, name: string): string =>
  new URL(url).searchParams.get(name) ?? ''

function idToken(authorization: Authorization, claims: Json = {}, header: Json = {}): string {
  const seconds = Math.floor(Date.now() / 1_000)
  const times = { iat: seconds, exp: seconds + 60 }
  const nonce = sentWith(authorization, 'nonce')
  return signToken(
    { alg: 'ES256', kid: 'one', ...header },
    { iss: issuer, sub: 'alice', aud: 'gate', nonce, ...times, ...claims },
    key,
  )
}

function says(body: unknown, status = 200, type = 'application/json'): void {
  answer = (response) => {
    response.writeHead(status, { 'content-type': type })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

function issues(token: string | undefined): void {
  says({ access_token: 'opaque', token_type: 'Bearer', id_token: token })
}

async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  const error: unknown = await promise.catch((one: unknown) => one)
  if (!(error instanceof Refusal)) throw new Error(`not refused: ${String(error)}`)
  return error
}

const back = ({ state }: Authorization, more = ''): string => `?code=a-code&state=${state}${more}`

describe('a browser', () => {
  test('is sent with PKCE, state and nonce, each its own every time', async () => {
    const [one, another] = [await begin(), await begin()]
    const url = new URL(one.url)
    expect(url.origin + url.pathname).toBe('https://issuer.example/auth')
    const sent = Object.fromEntries(url.searchParams)
    expect(sent).toEqual({
      tenant: 'a b',
      client_id: 'gate',
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid email',
      state: one.state,
      nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
      code_challenge_method: 'S256',
    })
    expect(one.state).toMatch(/^[\w-]{43}$/)
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(sentWith(another, name)).not.toBe(sent[name])
    }
    expect(new Set([sent['state'], sent['nonce'], sent['code_challenge']]).size).toBe(3)
  })

  test.each([
    ['no authorization endpoint', { authorizationEndpoint: undefined }],
    ['one without TLS', { authorizationEndpoint: 'http://issuer.example/auth' }],
    ['one that is no address', { authorizationEndpoint: 'https://' }],
  ])('is not sent where the provider has %s', async (_, more) => {
    const theirs = { ...keys(), ...more } as IssuerKeys
    expect(() => authorizationEndpoints(theirs)).toThrow(Refusal)
    expect(await refusalOf(begin(more as Partial<IssuerKeys>))).toMatchObject({
      reason: 'sign-in-failed',
      logDetail: `the discovery document of ${issuer} has no authorization_endpoint over https`,
    })
  })

  test('is not sent where the provider has no token endpoint', async () => {
    expect(await refusalOf(begin({ tokenEndpoint: undefined } as never))).toMatchObject({
      reason: 'sign-in-failed',
      logDetail: `the discovery document of ${issuer} has no token_endpoint`,
    })
  })
})

describe('a browser of a tool', () => {
  test('is sent for an audience, with what is asked beside the usual', async () => {
    const begun = await begin({}, { audience: 'api://db', extras: { prompt: 'consent' } })
    const sent = Object.fromEntries(new URL(begun.url).searchParams)
    expect(sent).toMatchObject({ audience: 'api://db', resource: 'api://db', prompt: 'consent' })
    issues(idToken(begun))
    await begun.redeem(back(begun))
    expect(Object.fromEntries(requests[0]?.form ?? [])).toMatchObject({
      audience: 'api://db',
      resource: 'api://db',
    })
  })

  test('needs no ID token where none is asked for', async () => {
    const begun = await begin({}, { scopes: ['connect'] })
    says({ access_token: 'opaque', token_type: 'Bearer', expires_in: 60, refresh_token: 'again' })
    expect(await begun.redeemForAccess(back(begun))).toEqual({
      token: 'opaque',
      idToken: undefined,
      accessToken: 'opaque',
      refreshToken: 'again',
      expiresInMs: 60_000,
    })
    expect((await refusalOf(begun.redeem(back(begun)))).reason).toBe('sign-in-failed')
  })

  test.each<[string, (authorization: Authorization) => string | undefined]>([
    ['of another nonce', (one) => idToken(one, { nonce: 'another' })],
    ['that there is not', () => undefined],
  ])('takes no ID token %s where one is asked for', async (_, token) => {
    const begun = await begin()
    issues(token(begun))
    expect(await refusalOf(begun.redeemForAccess(back(begun)))).toMatchObject({
      reason: 'sign-in-failed',
    })
    issues(idToken(begun))
    expect((await begun.redeemForAccess(back(begun))).idToken).toContain('.')
  })
})

describe('a code', () => {
  test('is redeemed with the verifier, by our client', async () => {
    const authorization = await begin()
    const token = idToken(authorization)
    issues(token)
    expect(await authorization.redeem(back(authorization))).toBe(token)
    const [{ form, headers } = { form: new URLSearchParams(), headers: {} }] = requests
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'authorization_code',
      code: 'a-code',
      redirect_uri: redirectUri,
      code_verifier: expect.stringMatching(/^[\w-]{43}$/) as string,
    })
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '')
    expect(challenge.digest('base64url')).toBe(sentWith(authorization, 'code_challenge'))
    const credentials = Buffer.from('gate:hunter%3A2').toString('base64')
    expect(headers.authorization).toBe(`Basic ${credentials}`)
  })

  test('is redeemed by a client without a secret, too', async () => {
    const client = { id: 'gate', secret: undefined, authentication: 'none' } as const
    const authorization = await begin({}, { client })
    issues(idToken(authorization))
    await authorization.redeem(back(authorization))
    expect(requests[0]?.form.get('client_id')).toBe('gate')
    expect(requests[0]?.headers.authorization).toBeUndefined()
  })

  test.each([
    ['the issuer is announced', true as const],
    ['it is not', undefined],
  ])('is redeemed where %s and named', async (_, announces) => {
    const authorization = await begin({ ...(announces && { announcesIssuer: announces }) })
    issues(idToken(authorization))
    const query = back(authorization, `&iss=${encodeURIComponent(issuer)}`)
    expect(await authorization.redeem(query)).toContain('.')
  })

  test.each<[string, Partial<IssuerKeys>, (authorization: Authorization) => string]>([
    ['another state', {}, () => '?code=a-code&state=another'],
    ['no state', {}, () => '?code=a-code'],
    ['two states', {}, (one) => back(one, `&state=${one.state}`)],
    ['no code', {}, ({ state }) => `?state=${state}`],
    ['an empty code', {}, ({ state }) => `?code=&state=${state}`],
    ['another issuer', {}, (one) => back(one, '&iss=https://evil.example')],
    ['another issuer than announced', { announcesIssuer: true }, (one) => back(one, '&iss=x')],
    ['no issuer where it is announced', { announcesIssuer: true }, (one) => back(one)],
    ['an ID token beside it', {}, (one) => back(one, '&id_token=x')],
    ['a signed response instead', {}, ({ state }) => `?response=x&state=${state}`],
    ['nothing', {}, () => ''],
  ])('is not asked for with %s', async (_, more, query) => {
    const authorization = await begin(more)
    const refusal = await refusalOf(authorization.redeem(query(authorization)))
    expect(refusal.reason).toBe('sign-in-failed')
    expect(refusal.logDetail).toContain(`${tokenEndpoint}: no usable answer`)
    expect(requests).toEqual([])
  })

  test.each<[string, string, object]>([
    ['access_denied', 'sign-in-denied', {}],
    ['login_required', 'sign-in-failed', { logDetail: 'answered login_required' }],
    ['expired_token', 'sign-in-failed', { logDetail: 'answered expired_token' }],
    ['x"y', 'sign-in-failed', { logDetail: 'answered an error of its own' }],
    ['a'.repeat(41), 'sign-in-failed', { logDetail: 'answered an error of its own' }],
    ['a'.repeat(40), 'sign-in-failed', { logDetail: `answered ${'a'.repeat(40)}` }],
  ])('was not issued: %s', async (error, reason, { logDetail }: { logDetail?: string }) => {
    const authorization = await begin()
    const query = `?error=${encodeURIComponent(error)}&error_description=secret&state=${authorization.state}`
    const refusal = await refusalOf(authorization.redeem(query))
    expect(refusal.reason).toBe(reason)
    expect(refusal.logDetail).toBe(
      logDetail === undefined ? undefined : `${tokenEndpoint} ${logDetail}`,
    )
    expect(refusal.cause).toBeUndefined()
  })

  test.each<[string, (authorization: Authorization) => string | undefined]>([
    ['of another nonce', (one) => idToken(one, { nonce: 'another' })],
    ['without a nonce', (one) => idToken(one, { nonce: undefined })],
    ['for another client', (one) => idToken(one, { aud: 'another' })],
    ['of another issuer', (one) => idToken(one, { iss: 'https://evil.example' })],
    ['signed with another algorithm', (one) => idToken(one, {}, { alg: 'RS256' })],
    ['that there is not', () => undefined],
  ])('comes to nothing with an ID token %s', async (_, token) => {
    const authorization = await begin()
    issues(token(authorization))
    const refusal = await refusalOf(authorization.redeem(back(authorization)))
    expect(refusal.reason).toBe('sign-in-failed')
    expect(refusal.logDetail).toMatch(/no usable answer \(OAUTH_\w+\)$/)
    expect(requests).toHaveLength(1)
  })

  test.each<[string, () => void, string, boolean]>([
    [
      'an error',
      () => {
        says({ error: 'invalid_grant' }, 400)
      },
      'answered 400: invalid_grant',
      false,
    ],
    [
      'a page',
      () => {
        says('<p>Welcome', 200, 'text/html')
      },
      'no usable answer',
      false,
    ],
    [
      'a failure',
      () => {
        says('', 500)
      },
      'no usable answer',
      false,
    ],
    [
      'a refusal of the client',
      () => {
        says({ error: 'invalid_client' }, 401)
      },
      'answered 401: invalid_client',
      false,
    ],
    [
      'nothing in time',
      () => {
        answer = () => {}
      },
      'no usable answer',
      true,
    ],
  ])('comes to nothing where the token endpoint answers with %s', async (_, set, told, isFetch) => {
    const authorization = await begin({}, { timeoutMs: 300 })
    set()
    const refusal = await refusalOf(authorization.redeem(back(authorization)))
    expect(refusal.reason).toBe('sign-in-failed')
    expect(refusal.logDetail).toContain(tokenEndpoint)
    expect(refusal.logDetail).toContain(told)
    expect(refusal.cause instanceof FetchError).toBe(isFetch)
  })
})
