import { createLocalJWKSet } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { IssuerKeys } from '../../../../src/identity/discovery.ts'
import type { KeptIdentity } from '../../../../src/identity/kept-identity.ts'
import type { SignInProvider } from '../../../../src/identity/sign-in-provider.ts'
import { openRefresh, sealRefresh } from '../../../../src/web/api/refresh-token.ts'
import { webServices } from '../../../support/web-services.ts'
import { issuer } from '../../policy/catalogs.ts'
import { type Caller, node, person, tokenOf } from './api.ts'
import { type FormEndpoint, startFormEndpoint } from '../../../support/form-endpoint.ts'

type Json = Readonly<Record<string, unknown>>

let served: FormEndpoint
let ca: string
let endpoint: string
/** What the provider says next; the last for ever. */
let script: Json[]
let asked: { readonly form: URLSearchParams; readonly at: number }[]

beforeAll(async () => {
  served = await startFormEndpoint('/token', ({ form }, response) => {
    if (form.has('grant_type')) asked.push({ form, at: performance.now() })
    const said = form.has('grant_type')
      ? script.length > 1
        ? script.shift()
        : script[0]
      : { ...begun, interval }
    response.writeHead('error' in (said ?? {}) ? 400 : 200, {
      'content-type': 'application/json',
    })
    response.end(JSON.stringify(said))
  })
  ;({ ca, url: endpoint } = served)
})

afterAll(() => {
  served.close()
})

beforeEach(() => {
  asked = []
  interval = 0.05
})

let interval: number
const begun = {
  device_code: 'a device code',
  user_code: 'BCDF-GHJK',
  verification_uri: 'https://issuer.example/device',
  expires_in: 600,
}
const pending = { error: 'authorization_pending' }
const granted = { access_token: 'opaque', token_type: 'Bearer', refresh_token: 'again' }

/** A node, which knows nothing of the others. */
function one(more: Parameters<typeof node>[0] = {}): Caller {
  const limits = { timeoutMs: 2_000, maxBytes: 65_536 }
  const provider: SignInProvider = {
    client: { id: 'gate', secret: undefined, authentication: 'none' },
    access: { customCa: ca, limits, proxy: undefined },
    scopes: ['openid'],
    algorithms: ['ES256'],
  }
  const keys: IssuerKeys = {
    issuer,
    findKey: createLocalJWKSet({ keys: [] }),
    tokenEndpoint: endpoint,
    deviceAuthorizationEndpoint: endpoint,
  }
  const whose = (): object => ({ subject: 'alice', names: ['alice'], kind: 'access_token' })
  return node({ keys, provider, whose, ...more })
}

async function begin(call = one()): Promise<Json> {
  const { status, json } = await call('/v1/sso_device_grant', { body: { database: 'sandbox' } })
  expect(status).toBe(200)
  return { user_code: json['user_code'], device_code: json['device_code'], timeout: 1 }
}

const verify = async (
  call: Caller,
  body: Json,
  more: Parameters<Caller>[1] = {},
): ReturnType<Caller> => call('/v1/sso_device_grant_verify', { body, ...more })

describe('a device grant', () => {
  test('begun at one node is finished at another', async () => {
    script = [pending, granted]
    const { status, json } = await verify(one(), await begin())
    // An access token that only the provider can read, which nobody asks about here.
    expect(status).toBe(400)
    expect(json).toMatchObject({ error: 'unsupported_token_type' })
    expect(asked.map(({ form }) => form.get('device_code'))).toEqual([
      'a device code',
      'a device code',
    ])
  })

  test('does not show what the provider knows it by', async () => {
    const { device_code } = await begin()
    expect(String(device_code)).not.toContain(Buffer.from('a device code').toString('base64url'))
    expect(String(device_code)).not.toContain('a device code')
  })

  test('is asked about no more often than the provider says, whichever nodes are called', async () => {
    script = [pending]
    interval = 0.3
    let body = await begin()
    for (let count = 0; count < 3; count++) {
      const { json } = await verify(one(), body)
      expect(json).toMatchObject({ error: 'authorization_pending', interval: 0.3 })
      body = { ...body, device_code: json['device_code'] }
    }
    const gaps = asked.slice(1).map(({ at }, index) => at - (asked[index]?.at ?? 0))
    expect(asked.length).toBeGreaterThan(3)
    for (const gap of gaps) expect(gap).toBeGreaterThan(290)
  })

  test('is asked about later where the provider says so, at other nodes too', async () => {
    script = [{ error: 'slow_down' }]
    const body = await begin()
    const { json } = await verify(one(), body)
    expect(json).toMatchObject({ error: 'authorization_pending', interval: 5.05 })
    const again = await verify(one(), { ...body, device_code: json['device_code'] })
    expect(again.json).toMatchObject({ error: 'authorization_pending' })
    expect(asked).toHaveLength(1)
  })

  test('is not asked about sooner at a node that is shown an older code', async () => {
    script = [{ error: 'slow_down' }]
    const [call, body] = [one(), await begin()]
    await verify(call, body)
    await verify(call, body)
    expect(asked).toHaveLength(1)
  })

  test.each([
    ['another code', { user_code: 'XXXX-XXXX' }, 400, 'invalid_request'],
    ['another database', { database: 'plant' }, 409, 'conflict'],
    ['a code that is not ours', { device_code: 'x' }, 400, 'expired_token'],
    ['a session token for it', { device_code: tokenOf(person('alice')) }, 400, 'expired_token'],
    ['too long a wait', { timeout: 601 }, 400, 'invalid_request'],
    ['no wait', { timeout: '0' }, 400, 'invalid_request'],
  ])('is not finished with %s', async (_, more, status, error) => {
    const answer = await verify(one(), { ...(await begin()), ...more })
    expect(answer).toMatchObject({ status, json: { error } })
    expect(asked).toEqual([])
  })

  test('is over once its time is', async () => {
    const body = await begin()
    const later = one({ now: () => new Date(Date.now() + 600_001) })
    expect((await verify(later, body)).json).toMatchObject({ error: 'expired_token' })
  })

  test.each([
    ['denied', { error: 'access_denied' }, 403, 'access_denied'],
    ['too late', { error: 'expired_token' }, 400, 'expired_token'],
    ['used', { error: 'invalid_grant' }, 400, 'expired_token'],
    ['broken', { error: 'server_error' }, 503, 'temporarily_unavailable'],
  ])('is %s where the provider says so', async (_, said, status, error) => {
    script = [said]
    expect(await verify(one(), await begin())).toMatchObject({ status, json: { error } })
  })

  test('is waited for by one call at a time', async () => {
    script = [pending]
    const [call, body] = [one(), await begin()]
    const [first, second] = await Promise.all([verify(call, body), verify(call, body)])
    expect([first.status, second.status].sort()).toEqual([400, 409])
  })

  test('is waited for no longer when the gateway stops', async () => {
    script = [pending]
    const draining = new AbortController()
    const call = one({ draining: draining.signal })
    const waiting = verify(call, { ...(await begin()), timeout: 600 })
    setTimeout(() => {
      draining.abort()
    }, 20)
    const { status, json, headers } = await waiting
    expect(status).toBe(503)
    expect(json).toMatchObject({ error: 'temporarily_unavailable' })
    expect(headers.get('retry-after')).toBe('1')
  })

  test('is waited for no longer when nobody waits for the answer', async () => {
    script = [pending]
    const gone = new AbortController()
    const waiting = verify(one(), { ...(await begin()), timeout: 600 }, { signal: gone.signal })
    setTimeout(() => {
      gone.abort()
    }, 20)
    expect((await waiting).status).toBe(400)
  })
})

describe('a refresh token', () => {
  /** As the provider issues it to alice: whoever verifies it here does not look at it. */
  const fresh = { access_token: 'eyJhbGciOiJFUzI1NiJ9.e30.eA', token_type: 'Bearer' }

  const bounds = { user: 'app_readonly' }

  async function renew(
    identity: KeptIdentity,
    { sealedFor = identity, call = one(), hasSession = true } = {},
  ): ReturnType<Caller> {
    const sealed = await sealRefresh(webServices(), sealedFor, bounds, 'a refresh token')
    const authorization = `Bearer ${tokenOf(identity, bounds)}`
    const body = { refresh_token: sealed, database: 'sandbox' }
    return call('/v1/token_refresh', { headers: hasSession ? { authorization } : {}, body })
  }

  test('gives a session token of the same person, with the same bounds', async () => {
    script = [{ ...fresh, refresh_token: 'another' }]
    const { status, json } = await renew(person('alice', { expiresAt: Date.now() + 1_000 }))
    expect(status).toBe(200)
    expect(json).toMatchObject({ principal: 'alice', roles: ['app_readonly'] })
    expect(Number(json['expires_in'])).toBeGreaterThan(60)
    const opened = await openRefresh(webServices(), String(json['refresh_token']))
    expect(opened).toMatchObject({
      identity: { integration: 'people', issuer, subject: 'alice' },
      bounds,
      token: 'another',
    })
    expect(asked.map(({ form }) => form.get('refresh_token'))).toEqual(['a refresh token'])
  })

  test('stays the one where the provider gives no other', async () => {
    script = [fresh]
    const { json } = await renew(person('alice'))
    expect(await openRefresh(webServices(), String(json['refresh_token']))).toMatchObject({
      token: 'a refresh token',
    })
  })

  test.each([
    ['another person', person('bob')],
    ['another issuer', person('alice', { issuer: 'https://other.example' })],
    ['another integration', person('alice', { integration: 'other' })],
  ])('of %s is not used', async (_, sealedFor) => {
    const { status, json } = await renew(person('alice'), { sealedFor })
    expect(status).toBe(409)
    expect(json).toMatchObject({ error: 'conflict' })
    expect(asked).toEqual([])
  })

  test('is enough once the session token has expired, and keeps its bounds', async () => {
    script = [fresh]
    const expired = person('alice', { expiresAt: Date.now() - 1_000 })
    const { status, json } = await renew(expired, { hasSession: false })
    expect(status).toBe(200)
    expect(json).toMatchObject({ username: 'app_readonly', roles: ['app_readonly'] })
    expect(await openRefresh(webServices(), String(json['refresh_token']))).toMatchObject({
      bounds,
    })
  })

  test.each([true, false])(
    'does not unbind anybody from a certificate (%s)',
    async (hasSession) => {
      script = [fresh]
      const bound = person('alice', { certificateThumbprint: 'thumb' })
      expect((await renew(bound, { hasSession })).status).toBe(409)
    },
  )

  test.each([true, false])('does not make another person of somebody (%s)', async (hasSession) => {
    script = [fresh]
    const whose = (): object => ({ subject: 'bob', names: ['bob'] })
    const renewed = await renew(person('alice'), { call: one({ whose }), hasSession })
    expect(renewed.status).toBe(409)
  })

  test('alone is of no use to whoever is kept out, and the provider is not asked', async () => {
    const call = one({ isKeptOut: () => true })
    expect((await renew(person('alice'), { call, hasSession: false })).status).toBe(403)
    expect(asked).toEqual([])
  })

  test('does not bring back whoever is kept out', async () => {
    script = [fresh]
    const isKeptOut = (): boolean => asked.length > 0
    expect((await renew(person('alice'), { call: one({ isKeptOut }) })).status).toBe(403)
  })

  test('that the provider does not take any more is over', async () => {
    script = [{ error: 'invalid_grant' }]
    expect(await renew(person('alice'))).toMatchObject({
      status: 400,
      json: { error: 'expired_token' },
    })
  })

  test('of the provider itself is none of ours', async () => {
    const authorization = `Bearer ${tokenOf(person('alice'))}`
    const asked = { headers: { authorization }, body: { refresh_token: 'a refresh token' } }
    expect((await one()('/v1/token_refresh', asked)).json).toMatchObject({ error: 'expired_token' })
  })

  test('that is too long to be brought again is not given out', async () => {
    expect(await sealRefresh(webServices(), person('alice'), {}, 'x'.repeat(4_097))).toBeUndefined()
    const sealed = await sealRefresh(webServices(), person('alice'), {}, 'x'.repeat(4_096))
    expect(await openRefresh(webServices(), sealed ?? '')).toBeDefined()
    const whole = person('alice', { names: ['x'.repeat(20_000)] })
    expect(await sealRefresh(webServices(), whole, {}, 'a refresh token')).toBeUndefined()
  })
})
