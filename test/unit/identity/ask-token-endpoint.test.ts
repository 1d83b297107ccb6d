import type { ServerResponse } from 'node:http'
import { createHash } from 'node:crypto'
import { createLocalJWKSet } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  askAboutDevice,
  type GrantedTokens,
  refreshTokens,
  requestTokens,
  revokeToken,
} from '../../../src/identity/ask-token-endpoint.ts'
import { beginDeviceGrant } from '../../../src/identity/device-grant.ts'
import type { IssuerKeys } from '../../../src/identity/discovery.ts'
import type { SignInProvider } from '../../../src/identity/sign-in-provider.ts'
import { Refusal } from '../../../src/refusal.ts'
import { type FormEndpoint, startFormEndpoint } from '../../support/form-endpoint.ts'

const issuer = 'https://issuer.example'

let served: FormEndpoint
let ca: string
let endpoint: string
let answer: (response: ServerResponse) => void
let forms: URLSearchParams[]

beforeAll(async () => {
  served = await startFormEndpoint('/token', ({ form }, response) => {
    forms.push(form)
    answer(response)
  })
  ;({ ca, url: endpoint } = served)
})

afterAll(() => {
  served.close()
})

beforeEach(() => {
  forms = []
  answer = () => expect.fail('nobody is to ask')
})

function keys(more: Partial<IssuerKeys> = {}): IssuerKeys {
  const findKey = createLocalJWKSet({ keys: [] })
  return { issuer, findKey, tokenEndpoint: endpoint, ...more }
}

const withoutEndpoint: IssuerKeys = { issuer, findKey: createLocalJWKSet({ keys: [] }) }

function provider(more: Partial<SignInProvider> = {}): SignInProvider {
  const limits = { timeoutMs: 2_000, maxBytes: 65_536 }
  return {
    client: { id: 'gate', secret: undefined, authentication: 'none' },
    access: { customCa: ca, limits, proxy: undefined },
    scopes: ['openid', 'offline_access'],
    algorithms: ['ES256'],
    ...more,
  }
}

function says(body: unknown, status = 200): void {
  answer = (response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }
}

const bearer = { access_token: 'opaque', token_type: 'Bearer' }

function tokensWith(token: string | undefined): GrantedTokens {
  return {
    token: token ?? 'opaque',
    idToken: token,
    accessToken: 'opaque',
    refreshToken: undefined,
    expiresInMs: undefined,
  }
}

/** Whoever gets it looks at it: here only its parts have to be there. */
function idToken(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const seconds = Math.floor(Date.now() / 1_000)
  const claims = { iss: issuer, sub: 'alice', aud: 'gate', iat: seconds, exp: seconds + 60 }
  return `${part({ alg: 'ES256', kid: 'one' })}.${part(claims)}.c2lnbmF0dXJl`
}

async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  const error: unknown = await promise.catch((one: unknown) => one)
  if (!(error instanceof Refusal)) throw new Error(`not refused: ${String(error)}`)
  return error
}

describe('a device', () => {
  const grant = { deviceCode: 'a device code', lifetimeMs: 600_400, verifier: undefined }
  const ask = async (more: IssuerKeys = keys()): ReturnType<typeof askAboutDevice> =>
    askAboutDevice(more, provider(), grant)

  test('is asked about by its code, once', async () => {
    says({ error: 'authorization_pending' }, 400)
    expect(await ask()).toEqual({ kind: 'pending' })
    expect(forms.map((form) => Object.fromEntries(form))).toEqual([
      {
        client_id: 'gate',
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: 'a device code',
      },
    ])
  })

  test('is asked about with what it was begun with', async () => {
    says({ error: 'authorization_pending' }, 400)
    await askAboutDevice(keys(), provider(), { ...grant, verifier: 'a verifier' })
    expect(forms[0]?.get('code_verifier')).toBe('a verifier')
  })

  test('is asked about later where the provider says so', async () => {
    says({ error: 'slow_down' }, 400)
    expect(await ask()).toEqual({ kind: 'slow-down' })
  })

  test('is not asked about again once its code is of no use', async () => {
    says({ error: 'invalid_grant' }, 400)
    expect(await ask()).toEqual({ kind: 'gone' })
  })

  test('gets the ID token, and the refresh token if there is one', async () => {
    const token = idToken()
    says({ ...bearer, id_token: token, refresh_token: 'again' })
    const tokens = { ...tokensWith(token), refreshToken: 'again' }
    expect(await ask()).toEqual({ kind: 'signed-in', tokens })
  })

  test('gets the access token where there is no other', async () => {
    says(bearer)
    const tokens = tokensWith(undefined)
    expect(await ask()).toEqual({ kind: 'signed-in', tokens })
  })

  test('is told no', async () => {
    says({ error: 'access_denied' }, 400)
    expect(await refusalOf(ask())).toMatchObject({ reason: 'sign-in-denied' })
  })

  test('is told that it is too late, and how long there was', async () => {
    says({ error: 'expired_token' }, 400)
    expect(await refusalOf(ask())).toMatchObject({
      reason: 'sign-in-timeout',
      values: { seconds: 600 },
    })
  })

  test('is asked about again where the provider does not answer', async () => {
    answer = (response) => response.destroy()
    expect(await ask()).toMatchObject({
      kind: 'unanswered',
      refusal: { reason: 'sign-in-failed' },
    })
  })

  test.each([
    ['refuses us', { error: 'invalid_client' }, 401],
    ['says nothing of use', { hello: 'world' }, 200],
  ])('is given up where the provider %s', async (_, body, status) => {
    says(body, status)
    expect(await refusalOf(ask())).toMatchObject({ reason: 'sign-in-failed' })
  })

  test('is not asked about where there is nobody to ask', async () => {
    expect(await refusalOf(ask(withoutEndpoint))).toMatchObject({
      reason: 'sign-in-failed',
      logDetail: `the discovery document of ${issuer} has no token_endpoint`,
    })
  })
})

describe('a refresh token', () => {
  test('is used for the audience that it is for', async () => {
    says(bearer)
    await refreshTokens(keys(), provider({ audience: 'api://db' }), 'a refresh token')
    expect(Object.fromEntries(forms[0] ?? [])).toMatchObject({
      audience: 'api://db',
      resource: 'api://db',
    })
  })

  const refresh = async (more: IssuerKeys = keys()): ReturnType<typeof refreshTokens> =>
    refreshTokens(more, provider(), 'a refresh token')

  test('gives a fresh ID token, and another of itself', async () => {
    const token = idToken()
    says({ ...bearer, id_token: token, refresh_token: 'another' })
    expect(await refresh()).toEqual({ ...tokensWith(token), refreshToken: 'another' })
    expect(forms.map((form) => Object.fromEntries(form))).toEqual([
      { client_id: 'gate', grant_type: 'refresh_token', refresh_token: 'a refresh token' },
    ])
  })

  test('gives an access token where there is no other', async () => {
    says(bearer)
    expect(await refresh()).toEqual(tokensWith(undefined))
  })

  test('gives nothing once the provider does not take it', async () => {
    says({ error: 'invalid_grant' }, 400)
    expect(await refresh()).toBeUndefined()
  })

  test.each([
    ['another error', { error: 'invalid_client' }, 401],
    ['an error of the same name that is none', { error: 'invalid_grant' }, 200],
  ])('is not said to be of no use for %s', async (_, body, status) => {
    says(body, status)
    expect(await refusalOf(refresh())).toMatchObject({ reason: 'sign-in-failed' })
  })

  test('is of no use where there is nobody to ask', async () => {
    expect(await refusalOf(refresh(withoutEndpoint))).toMatchObject({ reason: 'sign-in-failed' })
  })
})

describe('a grant without a code', () => {
  const ask = async (
    more: Partial<SignInProvider> = {},
    parameters: Readonly<Record<string, string>> = {},
  ): ReturnType<typeof requestTokens> =>
    requestTokens(keys(), provider(more), 'client_credentials', parameters)

  test('is asked for with scopes, audience and what belongs to it', async () => {
    says({ ...bearer, expires_in: 60 })
    const audience = 'https://db.example.com'
    expect(await ask({ audience }, { x: 'y' })).toEqual({
      ...tokensWith(undefined),
      expiresInMs: 60_000,
    })
    expect(forms.map((form) => Object.fromEntries(form))).toEqual([
      {
        client_id: 'gate',
        grant_type: 'client_credentials',
        x: 'y',
        scope: 'openid offline_access',
        audience,
        resource: audience,
      },
    ])
  })

  test('is asked for without scopes where there are none', async () => {
    says(bearer)
    await ask({ scopes: [] })
    expect(forms.map((form) => Object.fromEntries(form))).toEqual([
      { client_id: 'gate', grant_type: 'client_credentials' },
    ])
  })

  test('is refused with the code of the provider', async () => {
    says({ error: 'unauthorized_client' }, 400)
    const refusal = await refusalOf(ask())
    expect(refusal).toMatchObject({ reason: 'sign-in-failed', code: 'unauthorized_client' })
    expect(refusal.logDetail).toBe(`${endpoint} answered 400: unauthorized_client`)
  })

  test('is not asked for where there is nobody to ask', async () => {
    const asked = requestTokens(withoutEndpoint, provider(), 'password', {})
    expect(await refusalOf(asked)).toMatchObject({ reason: 'sign-in-failed' })
  })
})

describe('a refresh token that is needed no longer', () => {
  const revoke = async (more: Partial<IssuerKeys> = {}): Promise<boolean> =>
    revokeToken({ ...withoutEndpoint, ...more }, provider(), 'a refresh token')

  test('is revoked, by its kind', async () => {
    answer = (response) => response.end()
    expect(await revoke({ revocationEndpoint: endpoint })).toBe(true)
    expect(forms.map((form) => Object.fromEntries(form))).toEqual([
      { client_id: 'gate', token: 'a refresh token', token_type_hint: 'refresh_token' },
    ])
  })

  test('is nobody told of where nobody wants to know', async () => {
    expect(await revoke()).toBe(false)
  })

  test('is not said to be revoked where it is not', async () => {
    says({ error: 'unsupported_token_type' }, 400)
    expect(await refusalOf(revoke({ revocationEndpoint: endpoint }))).toMatchObject({
      reason: 'sign-in-failed',
      code: 'unsupported_token_type',
    })
  })
})

describe('a device grant', () => {
  const begun = {
    device_code: 'a device code',
    user_code: 'BCDF-GHJK',
    verification_uri: 'https://issuer.example/device',
    expires_in: 600,
  }
  const begin = async (more: Partial<SignInProvider> = {}): ReturnType<typeof beginDeviceGrant> =>
    beginDeviceGrant(keys({ deviceAuthorizationEndpoint: endpoint }), provider(more))

  test('is begun and asked about for an audience, and gives all that there is', async () => {
    says({ ...begun, interval: 0.01 })
    const { tokens } = await begin({ audience: 'api://db' })
    const token = idToken()
    says({ ...bearer, id_token: token, refresh_token: 'again', expires_in: 2 })
    expect(await tokens(AbortSignal.timeout(5_000))).toEqual({
      ...tokensWith(token),
      refreshToken: 'again',
      expiresInMs: 2_000,
    })
    const audience = { audience: 'api://db', resource: 'api://db' }
    expect(forms.map((form) => Object.fromEntries(form))).toEqual([
      { client_id: 'gate', scope: 'openid offline_access', ...audience },
      expect.objectContaining({ device_code: 'a device code', ...audience }) as object,
    ])
  })

  test('is begun with a challenge where the provider takes one, and asked about with its verifier', async () => {
    says({ ...begun, interval: 0.01 })
    const endpoints = keys({ deviceAuthorizationEndpoint: endpoint, takesChallenge: true })
    const { tokens, verifier = '' } = await beginDeviceGrant(endpoints, provider())
    says(bearer)
    await tokens(AbortSignal.timeout(5_000))
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    expect(forms[0]?.get('code_challenge')).toBe(challenge)
    expect(forms[0]?.get('code_challenge_method')).toBe('S256')
    expect(forms[1]?.get('code_verifier')).toBe(verifier)
    expect(verifier).toMatch(/^[\w-]{43}$/)
  })

  test('gives the token that is a password', async () => {
    says({ ...begun, interval: 0.01 })
    const { token } = await begin()
    says(bearer)
    expect(await token(AbortSignal.timeout(5_000))).toBe('opaque')
  })

  test.each([
    [{ interval: 2 }, 2_000],
    [{}, 5_000],
  ])('says by what to ask and how often: %o', async (more, intervalMs) => {
    says({ ...begun, ...more })
    expect(await begin()).toMatchObject({
      ...{ deviceCode: 'a device code', intervalMs, verifier: undefined },
    })
  })
})
