import { beforeEach, describe, expect, test } from 'vitest'
import {
  PendingSignIns,
  type SignInCall,
  type SignInReply,
} from '../../../src/session/pending-sign-ins.ts'
import { browserDigest, formToken } from '../../../src/web/browser-cookie.ts'
import { stylePath } from '../../../src/web/layout/assets.ts'
import { createSignInApp } from '../../../src/web/sign-in-app.ts'
import type { WebServices } from '../../../src/web/services.ts'
import { cookieOf, webRules, webServices, webSession } from '../../support/web-services.ts'
import { catalogOf, database, group, integration } from '../policy/catalogs.ts'

const origin = 'https://gate.example.com'
const id = 'x'.repeat(32)
const secret = 's'.repeat(43)
const cookie = `__Host-portcullis-browser=${secret}`
const browser = browserDigest(secret)
const request = {
  application: 'psql',
  address: '192.0.2.7',
  role: undefined,
  database: 'sandbox',
  pool: 'sso_pool',
  integration: 'main',
  code: 'WDJB-MJHT',
  askedAt: Date.now(),
  expiresAt: Date.now() + 300_000,
}
const waiting: SignInReply = { kind: 'waiting', request, holder: 'nobody' }

let calls: SignInCall[]
let reply: SignInReply
let errors: unknown[]

beforeEach(() => {
  calls = []
  errors = []
  reply = waiting
})

function app(
  isBehindProxy = false,
  call = async (one: SignInCall): Promise<SignInReply> => {
    calls.push(one)
    return Promise.resolve(reply)
  },
): ReturnType<typeof createSignInApp> {
  const onError = (error: unknown): void => void errors.push(error)
  return createSignInApp(webServices({ nodeUrl: origin, isBehindProxy, signIn: call, onError }))
}

const from = (remoteAddress: string): object => ({ incoming: { socket: { remoteAddress } } })

async function send(
  path: string,
  init: RequestInit = {},
  { to = app(), address = '192.0.2.8' } = {},
): Promise<Response> {
  return to.request(`${origin}${path}`, init, from(address))
}

type Headers = Readonly<Record<string, string>>

async function post(action: string, headers: Headers = {}, body?: string): Promise<Response> {
  return send(`/sign-in/${id}/${action}`, {
    method: 'POST',
    body: body ?? `token=${formToken(secret, id)}`,
    headers: { cookie, origin, 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
}

describe('every page', () => {
  test.each([
    ['GET', `/sign-in/${id}`, 200],
    ['GET', '/', 404],
    ['GET', '/sign-in/callback', 400],
    ['HEAD', '/sign-in/callback?code=a&state=b', 405],
    ['POST', `/sign-in/${id}/continue`, 403],
    ['PUT', `/sign-in/${id}`, 404],
  ])('is alone, without script, and kept by nobody: %s %s', async (method, path, status) => {
    const { headers, ...response } = await send(path, { method }).then((one) => ({
      headers: one.headers,
      status: one.status,
    }))
    expect(response.status).toBe(status)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      "style-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ])
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000')
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('has its style by a link, and no script', async () => {
    const response = await send(`/sign-in/${id}`)
    const body = await response.text()
    expect(body).toContain(`<link rel="stylesheet" href="${stylePath}"`)
    expect(body).not.toMatch(/<script|<style|javascript:|\son\w+=|\sstyle=/i)
    expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8')
  })
})

describe('a browser', () => {
  test('is given a secret that only this host sees, and only over TLS', async () => {
    const response = await send(`/sign-in/${id}`)
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-portcullis-browser=[\w-]{43}; Max-Age=1800; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
    expect(JSON.stringify(calls)).not.toContain(secret)
  })

  test('keeps the secret that it has', async () => {
    const response = await send(`/sign-in/${id}`, { headers: { cookie } })
    expect(response.headers.get('set-cookie')).toContain(cookie)
    expect(calls).toEqual([{ kind: 'look', id, browser }])
  })

  test.each(['short', 's'.repeat(44), `${'s'.repeat(42)}!`])(
    'does not keep one that we could not have given it: %s',
    async (value) => {
      const headers = { cookie: `__Host-portcullis-browser=${value}` }
      const response = await send(`/sign-in/${id}`, { headers })
      expect(response.headers.get('set-cookie')).not.toContain(`=${value};`)
    },
  )

  test.each(['short', 'x'.repeat(31), 'x'.repeat(33), `${'x'.repeat(31)}!`])(
    'that asks for %s costs nobody a question',
    async (path) => {
      expect((await send(`/sign-in/${path}`)).status).toBe(404)
      expect(calls).toEqual([])
    },
  )

  test('that asks too often has to wait, and no other one', async () => {
    const to = app()
    const statuses = []
    for (let count = 0; count < 121; count++) {
      statuses.push((await send('/', {}, { to })).status)
    }
    expect(statuses.slice(0, 120).every((status) => status === 404)).toBe(true)
    expect(statuses[120]).toBe(429)
    expect((await send('/', {}, { to, address: '192.0.2.9' })).status).toBe(404)
  })

  test('is told apart by what a proxy says where there is one, and by nothing else', async () => {
    const headers = { cookie, 'x-forwarded-for': '203.0.113.1, 203.0.113.2' }
    const url = '/sign-in/callback?code=a&state=b'
    reply = { kind: 'unknown' }
    await send(url, { headers })
    await send(url, { headers }, { to: app(true) })
    await send(url, { headers: { 'x-forwarded-for': '<script>' } }, { to: app(true) })
    await send(url, {}, { to: app(true) })
    expect(calls.map((one) => one.kind === 'answer' && one.address)).toEqual([
      '192.0.2.8',
      '203.0.113.2',
      '192.0.2.8',
      '192.0.2.8',
    ])
  })
})

describe('a form', () => {
  const good = `token=${formToken(secret, id)}`

  test.each([
    ['with its origin alone', {}],
    ['that the browser says is of the same origin', { 'sec-fetch-site': 'same-origin' }],
  ])('is taken %s', async (_, headers) => {
    reply = { kind: 'sent', id, url: `https://issuer.example/auth?a=1&b=';"<` }
    const response = await post('continue', headers)
    expect(response.status).toBe(200)
    expect(calls).toEqual([{ kind: 'take', id, browser }])
    const body = await response.text()
    const url = 'https://issuer.example/auth?a=1&amp;b=&#39;;&quot;&lt;'
    expect(body).toContain(`<meta http-equiv="refresh" content="0;url=${url}"`)
    expect(body).toContain(`<a href="${url}">Sign in at issuer.example</a>`)
  })

  test.each<[string, Headers, string]>([
    ['of another origin', { origin: 'https://evil.example' }, good],
    ['of another port', { origin: `${origin}:8443` }, good],
    ['of an origin that is hidden', { origin: 'null' }, good],
    ['of another site', { 'sec-fetch-site': 'cross-site' }, good],
    ['of the same site', { 'sec-fetch-site': 'same-site' }, good],
    ['typed in by hand', { 'sec-fetch-site': 'none' }, good],
    ['without a cookie', { cookie: '' }, good],
    ['of another browser', { cookie: `__Host-portcullis-browser=${'t'.repeat(43)}` }, good],
    ['without a token', {}, ''],
    ['with a token that is too short', {}, 'token=x'],
    ['with the token of another request', {}, `token=${formToken(secret, 'y'.repeat(32))}`],
    ['with two tokens, the last of them wrong', {}, `${good}&token=x`],
    [
      'as JSON',
      { 'content-type': 'application/json' },
      JSON.stringify({ token: formToken(secret, id) }),
    ],
    ['as text', { 'content-type': 'text/plain' }, good],
  ])('is not taken %s', async (_, headers, body) => {
    for (const action of ['continue', 'disown']) {
      expect((await post(action, headers, body)).status).toBe(403)
    }
    expect(calls).toEqual([])
  })

  test('of which the browser does not say whence it is, is not taken', async () => {
    const response = await send(`/sign-in/${id}/continue`, {
      method: 'POST',
      body: good,
      headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(response.status).toBe(403)
    expect(calls).toEqual([])
  })

  test('that is too long is not read', async () => {
    expect((await post('continue', {}, `${good}&x=${'x'.repeat(5_000)}`)).status).toBe(413)
    expect(calls).toEqual([])
  })

  test('is of no use where another browser has the request', async () => {
    reply = { kind: 'waiting', request, holder: 'another-browser' }
    const response = await post('continue')
    expect(response.status).toBe(409)
    expect(await response.text()).not.toContain('/continue')
  })

  test('may say that it was not them', async () => {
    const outcome = {
      kind: 'refused',
      reason: 'sign-in-disowned',
      fault: 'client',
      message: 'x',
    } as const
    reply = { kind: 'over', id, outcome }
    const response = await post('disown')
    expect(response.status).toBe(200)
    expect(calls).toEqual([{ kind: 'disown', id, browser }])
    expect(await response.text()).toContain('Nobody was let in')
  })
})

describe('an answer of the provider', () => {
  test('is passed on whole, and leaves the address bar', async () => {
    reply = { kind: 'over', id, outcome: { kind: 'gone' } }
    const response = await send('/sign-in/callback?code=a%20b&state=c&iss=d', {
      headers: { cookie },
    })
    expect(calls).toEqual([
      {
        kind: 'answer',
        state: 'c',
        query: '?code=a%20b&state=c&iss=d',
        browser,
        address: '192.0.2.8',
      },
    ])
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe(`/sign-in/${id}`)
  })

  test('without a cookie is nobody’s, and gives nobody one', async () => {
    reply = { kind: 'another-browser' }
    const response = await send('/sign-in/callback?code=a&state=b')
    expect(calls).toMatchObject([{ browser: undefined }])
    expect(response.status).toBe(403)
    expect(response.headers.get('set-cookie')).toBeNull()
    expect(await response.text()).toContain('another browser')
  })

  test.each(['?code=a', '?code=a&state=b&state=c', `?code=${'x'.repeat(9_000)}&state=b`])(
    'is none: %s',
    async (query) => {
      expect((await send(`/sign-in/callback${query}`)).status).toBe(400)
      expect(calls).toEqual([])
    },
  )
})

describe('what became of it', () => {
  const refused = { kind: 'refused', message: 'm', detail: 'd', hint: 'h' } as const

  test.each([
    [{ kind: 'unknown' }, 404, 'There is no such sign-in'],
    [{ kind: 'over', id, outcome: undefined }, 410, 'This sign-in is over'],
    [{ kind: 'over', id, outcome: { kind: 'gone' } }, 410, 'The client is gone'],
    [
      { kind: 'over', id, outcome: { kind: 'admitted', principal: 'alice', role: 'app' } },
      200,
      'You are signed in',
    ],
    [
      { kind: 'over', id, outcome: { ...refused, reason: 'role-not-allowed', fault: 'policy' } },
      403,
      'You are not signed in',
    ],
    [
      { kind: 'over', id, outcome: { ...refused, reason: 'sign-in-denied', fault: 'client' } },
      403,
      'You are not signed in',
    ],
    [
      { kind: 'over', id, outcome: { ...refused, reason: 'sign-in-timeout', fault: 'client' } },
      410,
      'You are not signed in',
    ],
    [
      { kind: 'over', id, outcome: { ...refused, reason: 'sign-in-failed', fault: 'issuer' } },
      503,
      'You are not signed in',
    ],
    [
      { kind: 'over', id, outcome: { ...refused, reason: 'draining', fault: 'proxy' } },
      503,
      'You are not signed in',
    ],
  ] as const)('is on the page: %j', async (its, status, title) => {
    reply = its
    const response = await send(`/sign-in/${id}`)
    expect(response.status).toBe(status)
    expect(await response.text()).toContain(`<h1>${title}</h1>`)
  })

  test('is not known where the session does not answer, and the page does not say why', async () => {
    const failing = app(false, async () => Promise.reject(new Error('worker 3 is gone')))
    const response = await send(`/sign-in/${id}`, {}, { to: failing })
    expect(response.status).toBe(503)
    expect(await response.text()).not.toContain('worker')
    expect(errors).toEqual([new Error('worker 3 is gone')])
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  test('is not asked by more than can wait', async () => {
    const to = app(false, async () => new Promise(() => {}))
    for (let count = 0; count < 128; count++) {
      void send(`/sign-in/${id}`, {}, { to, address: `192.0.2.${count}` })
    }
    expect((await send(`/sign-in/${id}`, {}, { to })).status).toBe(503)
  })
})

test('the pages and what waits fit each other', async () => {
  const signIns = new PendingSignIns()
  const pending = signIns.add(request, async () => Promise.reject(new Error('unused')))
  const to = app(false, async (call) => signIns.call(call))
  const response = await send(`/sign-in/${pending.id}`, {}, { to })
  expect(await response.text()).toContain('WDJB-MJHT')
})

describe('a browser that is signed in on the pages', () => {
  const issuer = 'https://auth.example.com'
  const catalog = catalogOf({
    integrations: [integration('main', { issuer, defaultGroup: 'readonly' })],
    groups: [group('readonly', 'app_readonly')],
    databases: [
      database('system', { integrations: ['main'], hasUpstream: false }),
      database('sandbox'),
    ],
  })
  const issued: unknown[] = []
  const tokens = {
    issue: async (asked: unknown) => {
      issued.push(asked)
      return Promise.resolve({ token: 'a session token', id: 'x', expiresAt: 0 })
    },
  } as unknown as WebServices['tokens']

  async function signedIn(replaced: Partial<WebServices> = {}): Promise<{
    readonly to: ReturnType<typeof createSignInApp>
    readonly headers: Headers
  }> {
    const services = webServices({
      nodeUrl: origin,
      tokens,
      rules: () => webRules({ catalog }),
      signIn: async (call) => {
        calls.push(call)
        return Promise.resolve(call.kind === 'approve' ? over : reply)
      },
      ...replaced,
    })
    const both = `${cookie}; ${await cookieOf(services, webSession())}`
    return { to: createSignInApp(services), headers: { cookie: both } }
  }

  const over: SignInReply = {
    kind: 'over',
    id,
    outcome: { kind: 'admitted', principal: 'alice', role: 'app' },
  }

  async function approve(
    { to, headers }: Awaited<ReturnType<typeof signedIn>>,
    more: Headers = {},
    body = `token=${formToken(secret, id)}`,
  ): Promise<Response> {
    const type = 'application/x-www-form-urlencoded'
    return send(
      `/sign-in/${id}/approve`,
      { method: 'POST', body, headers: { origin, 'content-type': type, ...headers, ...more } },
      { to },
    )
  }

  test('may approve as who that is, or sign in as before', async () => {
    const me = await signedIn()
    const text = await (await send(`/sign-in/${id}`, { headers: me.headers }, me)).text()
    expect(text).toContain('Approve as alice@example.com')
    expect(text).toContain('Continue to sign in')
    issued.length = 0
    const response = await approve(me)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('You are signed in')
    expect(issued).toMatchObject([{ bounds: { database: 'sandbox', pool: 'sso_pool' } }])
    expect(calls.at(-1)).toEqual({
      kind: 'approve',
      id,
      browser,
      token: 'a session token',
      address: '192.0.2.8',
    })
  })

  test.each<[string, Partial<WebServices>, Partial<typeof request>]>([
    ['where its client wants another integration', {}, { integration: 'other' }],
    ['where there are no session tokens', { tokens: undefined }, {}],
    ['where it is kept out', { isKeptOut: () => true }, {}],
  ])('may not %s', async (_, replaced, change) => {
    reply = { ...waiting, request: { ...request, ...change } }
    issued.length = 0
    const me = await signedIn(replaced)
    const text = await (await send(`/sign-in/${id}`, { headers: me.headers }, me)).text()
    expect(text).not.toContain('Approve as')
    expect(await (await approve(me)).text()).not.toContain('You are signed in')
    expect(calls.some(({ kind }) => kind === 'approve')).toBe(false)
    expect(issued).toEqual([])
  })

  test('approves by no form of others', async () => {
    const me = await signedIn()
    expect((await approve(me, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await approve(me, {}, `token=${formToken(secret, 'y'.repeat(32))}`)).status).toBe(403)
    expect(calls).toEqual([])
  })
})

test('a form is from the address under which its client was given out, and from no other of ours', async () => {
  const nodeUrl = 'https://gw1.example.com'
  const to = createSignInApp(webServices({ nodeUrl, signIn: async () => Promise.resolve(waiting) }))
  const from = async (source: string): Promise<number> => {
    const type = 'application/x-www-form-urlencoded'
    const headers = { cookie, origin: source, 'content-type': type }
    const init = { method: 'POST', body: `token=${formToken(secret, id)}`, headers }
    return (await send(`/sign-in/${id}/disown`, init, { to })).status
  }
  expect(await from(origin)).toBe(403)
  expect(await from(nodeUrl)).toBe(200)
})
