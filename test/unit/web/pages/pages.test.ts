// Connect and Device, as they are shown to one who is signed in.
import { describe, expect, test } from 'vitest'
import { type SessionTokens, UnfitForSessionToken } from '../../../../src/identity/session-token.ts'
import type { Catalog } from '../../../../src/policy/catalog.ts'
import type { SignInCall, SignInReply } from '../../../../src/session/pending-sign-ins.ts'
import { browserDigest } from '../../../../src/web/browser-cookie.ts'
import { tokenPage } from '../../../../src/web/pages/connect-page.ts'
import { devicePage } from '../../../../src/web/pages/device-page.ts'
import type { WebServices } from '../../../../src/web/services.ts'
import type { Visitor } from '../../../../src/web/visitor.ts'
import { createWebApp } from '../../../../src/web/web-app.ts'
import {
  cookieOf,
  publicUrl,
  webRules,
  webServices,
  webSession,
} from '../../../support/web-services.ts'
import { catalogOf, database, group, integration, pool } from '../../policy/catalogs.ts'

const hostile = `<script>alert(1)</script>"'&<img src=x onerror=alert(1)>`
const endpoint = { pool: 'sso_pool', host: 'db.example.com', port: 6432, integrations: undefined }
const token = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl'
const expiresAt = Date.now() + 3_600_000

const main = integration('main', {
  issuer: 'https://auth.example.com',
  mappings: { writers: 'readwrite' },
  defaultGroup: 'readonly',
})

function catalog(parts: Partial<Parameters<typeof catalogOf>[0]> = {}): Catalog {
  return catalogOf({
    pools: [pool('sso_pool', ['0.0.0.0/0'])],
    integrations: [main],
    groups: [group('readonly', 'app_readonly'), group('readwrite', 'app_readwrite', 10)],
    databases: [
      database('system', { integrations: ['main'], hasUpstream: false }),
      database('sandbox'),
    ],
    ...parts,
  })
}

const issued: Parameters<SessionTokens['issue']>[0][] = []
const tokens = {
  issue: async (request: Parameters<SessionTokens['issue']>[0]) => {
    issued.push(request)
    return Promise.resolve({ token, id: 'x', expiresAt })
  },
} as unknown as SessionTokens

interface Browser {
  readonly services: WebServices
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>
  readonly post: (
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Response>
}

const browserSecret = 's'.repeat(43)

async function browser(
  replaced: Partial<WebServices> & { readonly rules?: WebServices['rules'] } = {},
  groups: readonly string[] = [],
): Promise<Browser> {
  const services = webServices({
    tokens,
    rules: () => webRules({ catalog: catalog(), endpoints: [endpoint] }),
    ...replaced,
  })
  const { identity } = webSession()
  const session = webSession({ identity: { ...identity, names: ['alice'], groups } })
  const cookie = `${await cookieOf(services, session)}; __Host-portcullis-browser=${browserSecret}`
  const app = createWebApp(services)
  const env = { incoming: { socket: { remoteAddress: '192.0.2.8' } } }
  const get: Browser['get'] = async (path, headers) =>
    app.request(`${publicUrl}${path}`, { headers: { cookie, ...headers } }, env)
  return {
    services,
    get,
    post: async (path, fields, headers) => {
      const page = await (await get('/connect')).text()
      const [, csrf = ''] = /name="csrf" value="([^"]*)"/.exec(page) ?? []
      return app.request(
        `${publicUrl}${path}`,
        {
          method: 'POST',
          body: new URLSearchParams({ csrf, ...fields }).toString(),
          headers: {
            cookie,
            origin: publicUrl,
            'content-type': 'application/x-www-form-urlencoded',
            ...headers,
          },
        },
        env,
      )
    },
  }
}

const asked = { place: 'sso_pool db.example.com 6432', database: 'sandbox', role: 'app_readonly' }

describe('Connect', () => {
  test('shows where one may connect, and as whom', async () => {
    const page = await (await (await browser({}, ['writers'])).get('/')).text()
    for (const part of ['alice', 'main', 'readwrite, readonly', 'db.example.com:6432', 'sandbox']) {
      expect(page).toContain(part)
    }
    expect(page.indexOf('value="app_readwrite"')).toBeLessThan(page.indexOf('value="app_readonly"'))
  })

  test('says so where nothing is open', async () => {
    const rules = (): ReturnType<WebServices['rules']> => webRules({ catalog: catalog() })
    const page = await (await (await browser({ rules })).get('/connect')).text()
    expect(page).toContain('No database is open to you.')
  })

  test('leaves out what is at pools that take other integrations', async () => {
    const endpoints = [{ ...endpoint, integrations: new Set(['other']) }]
    const rules = (): ReturnType<WebServices['rules']> =>
      webRules({ catalog: catalog(), endpoints })
    const page = await (await (await browser({ rules })).get('/connect')).text()
    expect(page).toContain('No database is open to you.')
  })

  test('shows several nodes at one address once', async () => {
    const rules = (): ReturnType<WebServices['rules']> =>
      webRules({ catalog: catalog(), endpoints: [endpoint, { ...endpoint }] })
    const page = await (await (await browser({ rules })).get('/connect')).text()
    expect(page.match(/<h3>/g)).toHaveLength(1)
  })

  test('makes a token for that database and role alone, unless one says otherwise', async () => {
    issued.length = 0
    const { post } = await browser()
    const response = await post('/connect/token', asked)
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.text()).toContain(`<span class="secret">${token}</span>`)
    await post('/connect/token', { ...asked, settings: 'yes', bind_user: 'yes' })
    await post('/connect/token', { ...asked, settings: 'yes' })
    expect(issued.map(({ bounds }) => bounds)).toEqual([
      { database: 'sandbox', user: 'app_readonly' },
      { user: 'app_readonly' },
      {},
    ])
    expect(issued[0]?.identity).toMatchObject({ subject: 'alice', integration: 'main' })
  })

  test('is recorded before it is shown, and without a record there is none', async () => {
    const told: unknown[] = []
    const tell: WebServices['tell'] = async (event) => {
      told.push(event)
      return Promise.resolve()
    }
    await (await browser({ tell })).post('/connect/token', asked)
    expect(told).toMatchObject([
      { kind: 'token', reason: undefined, address: '192.0.2.8', identity: { subject: 'alice' } },
    ])
    expect(JSON.stringify(told)).not.toContain(token)
    const failing = async (): Promise<never> => Promise.reject(new Error('disk full'))
    const { post } = await browser({ tell: failing, onError: () => {} })
    const response = await post('/connect/token', asked)
    expect(response.status).toBe(503)
    expect(await response.text()).not.toContain(token)
  })

  test.each<[string, Readonly<Record<string, string>>, number]>([
    ['for a role that is not open', { role: 'app_readwrite' }, 403],
    ['for no role', { role: '' }, 403],
    ['for a database that is not there', { database: 'other' }, 403],
    ['for the console, which is not open', { database: 'portcullis' }, 403],
    ['at an address that is not ours', { place: 'sso_pool evil.example 6432' }, 403],
    ['with a file that holds a line end', { authority: 'ca.crt\nx' }, 422],
    ['without the token of the form', { csrf: 'x' }, 403],
  ])('makes none %s', async (_, wrong, status) => {
    issued.length = 0
    const { post } = await browser()
    const response = await post('/connect/token', { ...asked, ...wrong })
    expect(response.status).toBe(status)
    expect(await response.text()).not.toContain(token)
    expect(issued).toEqual([])
  })

  test('makes none for a form of another origin', async () => {
    issued.length = 0
    const { post } = await browser()
    const headers = { origin: 'https://evil.example' }
    expect((await post('/connect/token', asked, headers)).status).toBe(403)
    expect(issued).toEqual([])
  })

  test('says how else where there are no session tokens', async () => {
    const { post } = await browser({ tokens: undefined })
    const page = await (await post('/connect/token', asked)).text()
    expect(page).toContain('There are no session tokens here')
    expect(page).toContain('PGPASSWORD=TOKEN psql')
  })

  test('says how else where a database wants the token of the provider', async () => {
    const databases = [
      database('system', { integrations: ['main'], hasUpstream: false }),
      database('sandbox', { wantsProviderToken: true }),
    ]
    const rules = (): ReturnType<WebServices['rules']> =>
      webRules({ catalog: catalog({ databases }), endpoints: [endpoint] })
    const page = await (await (await browser({ rules })).post('/connect/token', asked)).text()
    expect(page).toContain('takes no session token')
    expect(page).not.toContain(token)
  })

  test('says why there is no session token for somebody', async () => {
    const unfit = {
      issue: async () => Promise.reject(new UnfitForSessionToken(`too long ${hostile}`)),
    } as unknown as SessionTokens
    const response = await (await browser({ tokens: unfit })).post('/connect/token', asked)
    expect(response.status).toBe(422)
    expect(await response.text()).toContain('too long &lt;script&gt;')
  })

  test('leads administrators to the console', async () => {
    issued.length = 0
    const rules = (): ReturnType<WebServices['rules']> =>
      webRules({ catalog: catalog({ adminGroups: ['readwrite'] }), endpoints: [endpoint] })
    const { get, post } = await browser({ rules }, ['writers'])
    expect(await (await get('/connect')).text()).toContain('Connect to the SQL console')
    const form = { ...asked, database: 'portcullis', role: 'alice' }
    expect((await post('/connect/token', form)).status).toBe(200)
    expect(issued.at(-1)?.bounds).toEqual({ database: 'portcullis', user: 'alice' })
  })

  test('shows hostile names as text, wherever they are', async () => {
    const name = hostile.slice(0, 60)
    const rules = (): ReturnType<WebServices['rules']> =>
      webRules({
        catalog: catalog({
          groups: [group('readonly', name)],
          databases: [
            database('system', { integrations: ['main'], hasUpstream: false }),
            database(name),
          ],
        }),
        endpoints: [{ ...endpoint, host: name }],
      })
    const { get, post } = await browser({ rules })
    const pages = [
      await get('/connect'),
      await post('/connect/token', { place: `sso_pool ${name} 6432`, database: name, role: name }),
    ]
    for (const page of pages) {
      expect(page.status).toBe(200)
      const text = await page.text()
      expect(text).toContain('&lt;script&gt;')
      expect(text).not.toMatch(/<script>|<img/)
    }
  })
})

const visitor: Visitor = {
  session: webSession(),
  name: hostile,
  right: undefined,
  formToken: 'f',
}

test('a token is in the page of its own alone, masked wherever it is, and not in an attribute', async () => {
  const page = (
    await tokenPage({
      visitor,
      pool: 'sso_pool',
      place: asked.place,
      target: {
        host: 'db.example.com',
        port: 6432,
        database: hostile,
        user: hostile,
        password: token,
        authority: hostile,
        gateway: hostile,
        pool: hostile,
      },
      isBoundToDatabase: true,
      isBoundToUser: true,
      expiresAt,
      wantsProviderToken: false,
      now: Date.now(),
    })
  ).toString()
  const shown = page.split(token).length - 1
  expect(shown).toBe(9)
  expect(page.match(new RegExp(`<span class="secret">${token}</span>`, 'g'))).toHaveLength(shown)
  expect(page).not.toMatch(/<script>|<img/)
  expect(page.length).toBeLessThan(60_000)
})

describe('Device', () => {
  const id = 'x'.repeat(32)
  const request = {
    application: 'psql',
    address: '192.0.2.7',
    role: undefined,
    database: 'sandbox',
    pool: 'sso_pool',
    integration: 'main',
    code: 'WDJB-MJHT',
    askedAt: Date.now() - 5_000,
    expiresAt: Date.now() + 300_000,
  }
  const found: SignInReply = { kind: 'found', id, request, holder: 'nobody' }
  const waiting: SignInReply = { kind: 'waiting', request, holder: 'nobody' }
  const admitted = { kind: 'admitted', principal: 'alice', role: 'app_readonly' } as const

  async function device(
    replies: Partial<Record<SignInCall['kind'], SignInReply>>,
    replaced: Partial<WebServices> = {},
  ): Promise<Browser & { readonly calls: readonly SignInCall[] }> {
    const calls: SignInCall[] = []
    const signIn = async (call: SignInCall): Promise<SignInReply> => {
      calls.push(call)
      return Promise.resolve(replies[call.kind] ?? { kind: 'unknown' })
    }
    return { ...(await browser({ signIn, ...replaced })), calls }
  }

  test.each(['WDJB-MJHT', 'wdjbmjht', ' wdjb mjht ', 'W-D-J-B-M-J-H-T'])(
    'finds the client by %s',
    async (code) => {
      const { get, calls } = await device({ find: found })
      const response = await get(`/device?code=${encodeURIComponent(code)}`)
      expect(response.status).toBe(200)
      const text = await response.text()
      for (const part of ['WDJB-MJHT', '“psql”', '“192.0.2.7”', '“192.0.2.8”', '“sandbox”']) {
        expect(text).toContain(part)
      }
      expect(text).toContain('Approve as alice')
      const digest = browserDigest(browserSecret)
      expect(calls).toEqual([{ kind: 'find', code: 'WDJB-MJHT', browser: digest }])
    },
  )

  test.each(['short', 'WDJB-MJH', 'WDJB-MJHTX', 'WDJB-MJH1', '%00', '<script>', 'x'.repeat(5_000)])(
    'asks nobody for what can be no code: %s',
    async (code) => {
      const { get, calls } = await device({ find: found })
      const response = await get(`/device?code=${encodeURIComponent(code)}`)
      expect(response.status).toBe(422)
      expect(await response.text()).not.toContain('<script>')
      expect(calls).toEqual([])
    },
  )

  test('lets somebody try a few codes a minute, wherever they come from', async () => {
    const { get } = await device({})
    const statuses = []
    for (let count = 0; count < 16; count++) {
      statuses.push((await get('/device?code=WDJB-MJHT')).status)
    }
    expect(statuses.slice(0, 15)).toEqual(Array(15).fill(404))
    expect(statuses[15]).toBe(429)
  })

  test('approves by a token for that client alone, which no page has', async () => {
    issued.length = 0
    const over: SignInReply = { kind: 'over', id, outcome: admitted }
    const { post, calls } = await device({ look: waiting, approve: over })
    const response = await post('/device/approve', { id })
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(text).toContain('You are signed in')
    expect(text).not.toContain(token)
    expect(issued).toMatchObject([{ bounds: { database: 'sandbox', pool: 'sso_pool' } }])
    const digest = browserDigest(browserSecret)
    expect(calls).toEqual([
      { kind: 'look', id, browser: digest },
      { kind: 'approve', id, browser: digest, token, address: '192.0.2.8' },
    ])
  })

  test.each<[string, Partial<WebServices>, Partial<typeof request>, string]>([
    ['by an identity of another integration', {}, { integration: 'other' }, 'goes on waiting'],
    ['where there are no session tokens', { tokens: undefined }, {}, 'switched off'],
  ])('approves nothing %s, and the client goes on waiting', async (_, replaced, change, says) => {
    issued.length = 0
    const changed = { ...request, ...change }
    const { get, post, calls } = await device(
      { find: { ...found, request: changed }, look: { ...waiting, request: changed } },
      replaced,
    )
    const page = await (await get('/device?code=WDJB-MJHT')).text()
    expect(page).toContain(says)
    expect(page).not.toContain('Approve as')
    const response = await post('/device/approve', { id })
    expect(response.status).toBe(403)
    expect(await response.text()).toContain(says)
    expect(issued).toEqual([])
    expect(calls.map(({ kind }) => kind)).toEqual(['find', 'look'])
  })

  test('approves nothing that another browser has begun', async () => {
    const theirs: SignInReply = { ...waiting, holder: 'another-browser' }
    const { get, post } = await device({
      find: { ...found, holder: 'another-browser' },
      look: theirs,
      approve: theirs,
    })
    const page = await get('/device?code=WDJB-MJHT')
    expect(page.status).toBe(409)
    expect(await page.text()).not.toContain('Approve as')
    expect((await post('/device/approve', { id })).status).toBe(409)
  })

  test.each(['/device/approve', '/device/refuse'])('%s takes no form of others', async (path) => {
    const { post, calls } = await device({ look: waiting })
    for (const [fields, headers] of [
      [{ id, csrf: 'x' }, {}],
      [{ id: 'short' }, {}],
      [{}, {}],
      [{ id }, { origin: 'https://evil.example' }],
      [{ id }, { 'sec-fetch-site': 'cross-site' }],
      [{ id }, { 'content-type': 'text/plain' }],
    ] as const) {
      expect((await post(path, fields, headers)).status).toBe(403)
    }
    expect((await post(path, { id }, { cookie: '' })).status).toBe(303)
    expect(calls).toEqual([])
  })

  test('refuses a client', async () => {
    const outcome = {
      kind: 'refused',
      reason: 'sign-in-disowned',
      fault: 'client',
      message: 'x',
    } as const
    const { post, calls } = await device({ disown: { kind: 'over', id, outcome } })
    const response = await post('/device/refuse', { id })
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('Nobody was let in')
    expect(calls).toMatchObject([{ kind: 'disown', id }])
  })

  test('says so where the client is gone', async () => {
    const { post } = await device({})
    expect((await post('/device/approve', { id })).status).toBe(410)
    expect((await post('/device/refuse', { id })).status).toBe(410)
  })

  test('shows a hostile client as text', async () => {
    const names = { application: hostile, address: hostile, database: hostile, pool: hostile }
    const text = (
      await devicePage({
        visitor,
        id: hostile,
        request: { ...request, ...names, role: hostile, integration: hostile },
        holder: 'nobody',
        hindrance: { kind: 'other-integration', wanted: hostile, own: hostile },
        address: hostile,
        now: Date.now(),
      })
    ).toString()
    expect(text).not.toMatch(/<script>|<img/)
  })
})
