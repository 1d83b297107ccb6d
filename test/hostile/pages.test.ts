// What somebody may try against the pages: every route that there is, by its method.
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { IncomingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SignInState } from '../../src/web/people/sign-in-state.ts'
import { sessionCookie, sessionPurpose } from '../../src/web/people/visit.ts'
import { placesFor } from '../../src/web/layout/places.ts'
import { createSealer } from '../../src/web/sealer.ts'
import type { WebSession } from '../../src/web/visitor.ts'
import { createWebApp } from '../../src/web/web-app.ts'
import { alice, secretOfPages, type StackWithPages, startWithPages } from '../support/pages.ts'
import { WebBrowser } from '../support/web-browser.ts'
import { webServices, webSession } from '../support/web-services.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
  readonly from?: string | undefined
}

const sealer = createSealer([secretOfPages], () => new Date())
const routes = createWebApp(webServices()).routes.filter(({ path }) => path !== '/*')
/** Tools call these with tokens, and no browser is known there by its cookie. */
const isForTools = (path: string): boolean => /^\/(v1|\.well-known|oidc)\//.test(path)
const pathsOf = (method: string): readonly string[] => [
  ...new Set(routes.filter((route) => route.method === method).map(({ path }) => path)),
]
const forms = pathsOf('POST').filter((path) => !isForTools(path))
const pages = pathsOf('GET')

let stack: StackWithPages
let publicUrl: string

beforeAll(async () => {
  stack = await startWithPages()
  publicUrl = stack.publicUrl
})

afterAll(async () => stack[Symbol.asyncDispose]())

let sends = 0

/** Each from another address, where a machine has several by itself: one alone may not ask so often. */
function anotherAddress(): string | undefined {
  sends += 1
  return process.platform === 'linux' ? `127.0.1.${1 + (sends % 250)}` : undefined
}

async function send(
  path: string,
  { method = 'GET', headers, form, from = anotherAddress() }: Sent = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  // Something that is there and is nobody's, in place of each parameter.
  const url = new URL(path.replaceAll(/:\w+(\{[^}]*\})?/g, '1'), publicUrl)
  const type = form && { 'content-type': 'application/x-www-form-urlencoded' }
  const sent = request(url, {
    method,
    ca: stack.authority.certificate,
    agent: false,
    ...(from !== undefined && { localAddress: from }),
    servername: 'localhost',
    signal: AbortSignal.timeout(10_000),
    headers: { ...type, ...headers },
  })
  sent.once('error', reject)
  sent.once('response', (response) => {
    const { statusCode: status = 0, headers: received } = response
    // A stream of events has no end.
    if (received['content-type']?.startsWith('text/event-stream') === true) {
      response.destroy()
      resolve({ status, headers: received, body: '' })
      return
    }
    text(response).then((body) => {
      resolve({ status, headers: received, body })
    }, reject)
  })
  sent.end(form && new URLSearchParams(form).toString())
  return promise
}

/** alice, who administers, as somebody who has signed in on the pages. */
function session(changes: Partial<WebSession> = {}): WebSession {
  const usual = webSession()
  const identity = {
    ...usual.identity,
    integration: 'pages',
    issuer: stack.provider.issuer,
    names: ['alice'],
    groups: ['readwrite-role'],
  }
  return { ...usual, identity, ...changes }
}

/** bob, who has a login and nothing else. */
function bobs(): WebSession {
  const { identity } = session()
  return session({ id: 'of-bob', identity: { ...identity, names: ['bob'], groups: [] } })
}

async function cookie(one: WebSession = session(), purpose = sessionPurpose): Promise<string> {
  return `${sessionCookie}=${await sealer.seal(purpose, one, Date.now() + 3_600_000)}`
}

/** The form token that the pages give to whoever has the cookie. */
async function tokenFor(own: string): Promise<string> {
  const { body } = await send('/', { headers: { cookie: own } })
  const [, token = ''] = /name="csrf" value="([^"]+)"/.exec(body) ?? []
  expect(token).not.toBe('')
  return token
}

test('there are forms and pages to be tried', () => {
  expect(forms).toContain('/logout')
  expect(pages).toContain('/sessions')
})

describe('a form', () => {
  let own: string
  let csrf: string

  beforeAll(async () => {
    own = await cookie()
    csrf = await tokenFor(own)
  })

  test.each(forms)('for %s is not taken from another origin', async (path) => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${publicUrl}.evil.example` },
      { origin: publicUrl.replace('https', 'http') },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { origin: publicUrl, 'sec-fetch-site': 'cross-site' },
      {},
    ] as Record<string, string>[]) {
      const answer = await send(path, {
        method: 'POST',
        headers: { ...headers, cookie: own },
        form: { csrf },
      })
      expect(answer.status, JSON.stringify(headers)).toBe(403)
    }
  })

  test.each(forms)(
    'for %s is not taken without its token, or with that of somebody else',
    async (path) => {
      const ofAnother = await tokenFor(await cookie(session({ id: 'another' })))
      for (const form of [{}, { csrf: '' }, { csrf: ofAnother }, { csrf: `${csrf}x` }] as Record<
        string,
        string
      >[]) {
        const answer = await send(path, {
          method: 'POST',
          headers: { origin: publicUrl, cookie: own },
          form,
        })
        expect(answer.status, JSON.stringify(form)).toBe(403)
      }
    },
  )

  test.each(forms)('for %s is not taken as anything but a form', async (path) => {
    for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x']) {
      const answer = await send(path, {
        method: 'POST',
        headers: { origin: publicUrl, cookie: own, 'content-type': type },
        form: { csrf },
      })
      expect(answer.status, type).toBe(403)
    }
  })

  test.each(forms)('for %s changes nothing as an address', async (path) => {
    const { status } = await send(`${path}?csrf=${csrf}`, { headers: { cookie: own } })
    // Some have a page that asks first.
    if (!pages.includes(path)) expect([404, 405]).toContain(status)
  })
})

test('a sign-in that was begun too long ago is not completed, and the page says so', async () => {
  const state = 'a'.repeat(43)
  const begun: SignInState = {
    ...{ state, nonce: 'nonce', verifier: 'verifier', integration: 'pages', mode: 'session' },
    ...{ redirectUri: `${publicUrl}/oidc/v1/callback`, returnTo: '/', isStepUp: false },
    expiresAt: Date.now() - 1,
  }
  const sealed = await sealer.seal('sign-in', begun, Date.now() + 60_000)
  const headers = { cookie: `__Host-portcullis-state-${state.slice(0, 16)}=${sealed}` }
  const answer = await send(`/oidc/v1/callback?code=code&state=${state}`, { headers })
  expect(answer.status).toBe(410)
  expect(answer.body).toContain('Signing in took too long')
  expect(JSON.stringify(answer.headers['set-cookie'] ?? [])).not.toContain(sessionCookie)
})

describe('the cookie of a session', () => {
  const isIn = async (headers: Readonly<Record<string, string>>): Promise<boolean> => {
    const { status, body } = await send('/sessions', { headers })
    return status === 200 && body.includes('Sign out')
  }

  test('is who one is', async () => {
    expect(await isIn({ cookie: await cookie() })).toBe(true)
  })

  test.each([
    ['that has expired', async () => cookie(session({ expiresAt: Date.now() - 1 }))],
    ['that was sealed for something else', async () => cookie(session(), 'sign-in')],
    [
      'of another gate',
      async () => {
        const other = createSealer(['another secret of thirty-two characters'], () => new Date())
        const sealed = await other.seal(sessionPurpose, session(), Date.now() + 60_000)
        return `${sessionCookie}=${sealed}`
      },
    ],
    ['with another ending', async () => (await cookie()).slice(0, -1)],
    [
      'with a changed middle',
      async () => {
        const own = await cookie()
        const [at, from] = [own.length - 60, own.charAt(own.length - 60)]
        return own.slice(0, at) + (from === 'A' ? 'B' : 'A') + own.slice(at + 1)
      },
    ],
    ['that nobody sealed', async () => Promise.resolve(`${sessionCookie}=${'x'.repeat(400)}`)],
    ['under a name that other hosts can set', async () => (await cookie()).replace('__Host-', '')],
  ])('%s is nobody', async (_, made) => {
    expect(await isIn({ cookie: await made() })).toBe(false)
  })

  test('is not taken from anywhere else', async () => {
    const value = (await cookie()).slice(sessionCookie.length + 1)
    expect(await isIn({ authorization: `Bearer ${value}` })).toBe(false)
    const { body } = await send(`/sessions?${sessionCookie}=${value}`)
    expect(body).not.toContain('Sign out')
  })
})

describe('the cookies of a sign-in', () => {
  const lasting =
    /^__Host-portcullis-[\w-]+=[\w.~-]+; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/
  const isCallback = ({ pathname }: URL): boolean => pathname === '/oidc/v1/callback'

  test('are of this host alone, of no script, of no request that others make, and end', async () => {
    const begun = await send('/oidc/v1/login')
    const me = new WebBrowser(stack.authority.certificate)
    await me.open(`${publicUrl}/oidc/v1/login`)
    await me.press(alice, isCallback)
    const { pathname, search } = me.leadsTo!
    const own = [...me.cookies('localhost')].map(([name, value]) => `${name}=${value}`).join('; ')
    const done = await send(pathname + search, { headers: { cookie: own } })
    const given = (done.headers['set-cookie'] ?? []).filter((one) => !one.includes('Max-Age=0;'))
    expect(given.some((one) => one.startsWith(`${sessionCookie}=`))).toBe(true)
    expect(begun.headers['set-cookie']).toHaveLength(1)
    for (const one of [...given, ...(begun.headers['set-cookie'] ?? [])])
      expect(one).toMatch(lasting)
  })

  test('say nothing of what is in them', async () => {
    const [sealed = ''] = [(await cookie()).split('=')[1]]
    for (const part of sealed.split('.').slice(1)) {
      expect(Buffer.from(part, 'base64url').toString('latin1')).not.toMatch(/alice|pages|readwrite/)
    }
  })
})

describe('whoever may not', () => {
  const isOpen = (path: string): boolean =>
    isForTools(path) || path.startsWith('/assets/') || path === '/login'

  test.each(pages.filter((path) => !isOpen(path)))(
    'sees nothing at %s without a sign-in',
    async (path) => {
      const { status, headers, body } = await send(path)
      expect([302, 303, 401, 403, 404]).toContain(status)
      expect(body).not.toContain('Sign out')
      if (status < 400) expect(headers.location).toMatch(/^\/(login|connect)\b/)
    },
  )

  test.each(placesFor('admin').filter(({ needs }) => needs !== undefined))(
    'sees nothing at $path without the right to it',
    async ({ path }) => {
      const { status } = await send(path, { headers: { cookie: await cookie(bobs()) } })
      expect(status).toBe(403)
    },
  )

  test.each(forms.filter((path) => /^\/(sessions|catalog)\//.test(path)))(
    'does nothing by %s',
    async (path) => {
      const own = await cookie(bobs())
      const headers = { origin: publicUrl, cookie: own }
      const answer = await send(path, {
        method: 'POST',
        headers,
        form: { csrf: await tokenFor(own) },
      })
      expect(answer.status).toBe(403)
    },
  )
})

test.runIf(process.platform === 'linux')(
  'an address that asks too often has to wait, and no other one',
  async () => {
    const from = '127.0.2.1'
    const statuses: number[] = []
    while (statuses.at(-1) !== 429 && statuses.length < 400) {
      const batch = Array.from({ length: 20 }, async () => send('/login', { from }))
      statuses.push(...(await Promise.all(batch)).map(({ status }) => status))
    }
    const { status, headers } = await send('/login', { from })
    expect(status).toBe(429)
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    expect((await send('/login')).status).toBe(200)
  },
)

describe('every page', () => {
  test.each(pages)('%s tells the browser what it may not do', async (path) => {
    for (const headers of [{}, { cookie: await cookie() }] as Record<string, string>[]) {
      const answer = await send(path, { headers })
      const policy = answer.headers['content-security-policy'] ?? ''
      expect(answer.status, path).toBeLessThan(500)
      expect(policy).not.toContain('unsafe')
      expect(policy).toMatch(/default-src 'none'|sandbox/)
      if (!policy.includes('sandbox')) expect(policy).toContain("frame-ancestors 'none'")
      expect(answer.headers).toMatchObject({
        'strict-transport-security': expect.stringMatching(/^max-age=\d{8,}/) as string,
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
      })
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
      expect(answer.headers['server']).toBeUndefined()
      expect(answer.headers['x-powered-by']).toBeUndefined()
    }
  })

  test.each(pages)('%s has no script or style within, and nothing from elsewhere', async (path) => {
    const { body, headers } = await send(path, { headers: { cookie: await cookie() } })
    if (headers['content-type']?.startsWith('text/html') !== true) return
    expect(body).not.toMatch(/<script(?![^>]* src=)/)
    expect(body).not.toMatch(/<style|\sstyle=|\son\w+=/)
    const loaded = [...body.matchAll(/<(?:script|link|img)[^>]*(?:src|href)="([^"]*)"/g)]
    for (const [, address = ''] of loaded) expect(address).toMatch(/^\/[^/]/)
  })

  test.each(pages)('%s does not stay in a cache once somebody is signed in', async (path) => {
    const { headers } = await send(path, { headers: { cookie: await cookie() } })
    const isOfEverybody = /^\/(assets|\.well-known)\//.test(path)
    if (!isOfEverybody) expect(headers['cache-control']).toContain('no-store')
  })

  test.each(pages)('%s is as it is whatever host the request names', async (path) => {
    const { body, headers } = await send(path, {
      headers: {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        forwarded: 'host=evil.example',
      },
    })
    expect(body).not.toContain('evil.example')
    expect(JSON.stringify(headers)).not.toContain('evil.example')
  })
})

test('what is sent is limited, in the body and in the head', async () => {
  const long = await send('/logout', {
    method: 'POST',
    headers: { origin: publicUrl },
    form: { csrf: 'x'.repeat(70_000) },
  })
  expect(long.status).toBe(413)
  const head = await send('/', { headers: { cookie: 'x'.repeat(20_000) } })
  expect(head.status).toBe(431)
})

test.each(['TRACE', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])(
  '%s is no way to ask for anything',
  async (method) => {
    const { status, headers } = await send('/', { method, headers: { cookie: await cookie() } })
    expect([404, 405]).toContain(status)
    expect(headers['access-control-allow-methods']).toBeUndefined()
  },
)
