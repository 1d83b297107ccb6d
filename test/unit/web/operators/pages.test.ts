// What the pages for operators say, to whom, and what they do.
import { describe, expect, test } from 'vitest'
import type { ConsoleOrder } from '../../../../src/admin/order.ts'
import type { ConsoleRight } from '../../../../src/policy/catalog.ts'
import { composeCatalog } from '../../../../src/compose-rules.ts'
import { listSessions } from '../../../../src/session/session-summary.ts'
import type { ExplainedDenial } from '../../../../src/session/denied-login.ts'
import type { KeyCacheState } from '../../../../src/identity/key-cache.ts'
import type { Interval } from '../../../../src/web/history.ts'
import type { WebServices } from '../../../../src/web/services.ts'
import type { WebSession } from '../../../../src/web/visitor.ts'
import { createWebApp } from '../../../../src/web/web-app.ts'
import {
  cookieOf,
  publicUrl,
  webRules,
  webServices,
  webSession,
} from '../../../support/web-services.ts'
import { emptyInstallation, MemoryCatalog } from '../../../support/memory-catalog.ts'
import { fleetOf, id, session } from '../../admin/fleet.ts'
import { verified } from '../../telemetry/facts.ts'

const issuer = 'https://auth.example.com'

const tree = {
  ...emptyInstallation,
  console: { admin_groups: ['dba'], stats_groups: ['monitoring'] },
  integrations: {
    main: {
      issuer,
      client_id: 'portcullis',
      client_secret: 'hunter22-hunter22',
      groups_claim_mappings: {
        'dba-role': 'dba',
        'monitoring-role': 'monitoring',
        'reader-role': 'reader',
      },
    },
  },
  groups: { dba: {}, monitoring: {}, reader: {} },
  databases: {
    system: { integrations: ['main'] },
    sandbox: { upstream: { host: '10.0.0.5', auth: { method: 'trust' } } },
  },
  connectivity_pools: {
    sso_pool: {
      require_sso: true,
      login_hours: [{ days: ['mon'], from: '08:00', to: '09:00', time_zone: 'UTC' }],
      participants: [
        {
          node: 'gw0',
          listen_address: '10.0.0.9',
          listen_port: 6432,
          advertised_address: 'db.example.com',
        },
      ],
    },
  },
} as const

type Replaced = Partial<WebServices> & {
  readonly right?: ConsoleRight | 'none'
  readonly name?: string
}

const groupOf = { admin: 'dba-role', stats: 'monitoring-role', none: 'reader-role' } as const

async function browser(
  { right = 'admin', name = 'alice', ...replaced }: Replaced = {},
  more: Partial<WebSession> = {},
) {
  const home = new MemoryCatalog(tree)
  const orders: ConsoleOrder[] = []
  const rules = webRules({ catalog: composeCatalog(home.loaded.config) })
  const services = webServices({
    rules: () => rules,
    fleet: fleetOf(),
    catalog: home,
    execute: async (order) => {
      orders.push(order)
      return Promise.resolve({ kind: 'answer', answer: { tag: 'KILL 1' } })
    },
    ...replaced,
  })
  const app = createWebApp(services)
  const usual = webSession(more)
  const groups = [groupOf[right]]
  const identity = { ...usual.identity, names: [name], groups }
  const cookie = await cookieOf(services, { ...usual, identity })
  const env = { incoming: { socket: { remoteAddress: '192.0.2.9' } } }
  const get = async (path: string) => app.request(path, { headers: { cookie } }, env)
  const tokenOf = async (path = '/sessions/abc') =>
    /name="csrf" value="([^"]+)"/.exec(await (await get(path)).text())?.[1] ?? ''
  return {
    orders,
    app,
    env,
    cookie,
    get,
    text: async (path: string) => (await get(path)).text(),
    post: async (path: string, fields: Readonly<Record<string, string>>, origin = publicUrl) => {
      const body = new URLSearchParams({ csrf: await tokenOf(), ...fields }).toString()
      const headers = { cookie, origin, 'content-type': 'application/x-www-form-urlencoded' }
      return app.request(path, { method: 'POST', headers, body }, env)
    },
  }
}

const paths = [
  '/sessions',
  '/refusals',
  '/integrations',
  '/pools',
  '/catalog',
  '/catalog/changes?from=1&to=1',
  '/statistics',
]

describe('the pages for operators', () => {
  test.each(paths)('show %s to whoever may look', async (path) => {
    for (const right of ['admin', 'stats'] as const) {
      const response = await (await browser({ right })).get(path)
      expect(response.status).toBe(200)
      expect(await response.text()).toContain('aria-current="page"')
    }
  })

  test.each(paths)('say of %s which group is needed to whoever may not', async (path) => {
    const response = await (await browser({ right: 'none' })).get(path)
    expect(response.status).toBe(403)
    expect(await response.text()).toContain('dba, monitoring')
  })

  test.each(paths)('send on from %s to sign in whoever has not', async (path) => {
    const { app, env } = await browser()
    const response = await app.request(path, {}, env)
    expect(response.status).toBe(302)
    const location = new URL(response.headers.get('location') ?? '', publicUrl)
    expect(location.pathname).toBe('/login')
    expect(location.searchParams.get('return_to')).toBe(path)
  })

  test('have no live events for whoever may not look', async () => {
    const { app, env } = await browser()
    expect((await app.request('/events?topics=sessions', {}, env)).status).toBe(401)
    const other = await browser({ right: 'none' })
    expect((await other.get('/events?topics=sessions')).status).toBe(403)
    expect((await (await browser()).get('/events?topics=nothing')).status).toBe(404)
    expect((await (await browser()).get('/events?topics=constructor')).status).toBe(404)
  })

  test('escape what strangers call themselves', async () => {
    const evil = '<img src=x onerror=alert(1)>\u202e"\n'
    const facts = {
      ...verified,
      requested: { user: evil, database: evil, applicationName: evil },
      identity: { ...verified.identity!, principal: evil, subject: evil },
    }
    const denied = refused({ user: evil, application: evil, principal: evil, why: evil })
    const fleet = fleetOf({
      sessions: async (query) => Promise.resolve(listSessions([{ ...session, facts }], query)),
      ask: async () => Promise.resolve({ answers: [[denied]] as never, unanswered: 0 }),
      refusal: async () => Promise.resolve({ answers: [denied], unanswered: 0 }),
    })
    const { text } = await browser({ fleet, name: evil })
    for (const path of ['/sessions', `/sessions/${id}`, '/refusals', '/refusals/abc']) {
      const page = await text(path)
      expect(page).toContain('&lt;img')
      expect(page).not.toContain('<img')
      expect(page).not.toContain('\u202e')
    }
  })
})

describe('sessions', () => {
  test('are shown with who, where and since when', async () => {
    const page = await (await browser()).text('/sessions')
    for (const one of ['alice', 'sandbox', 'sso_pool', '192.0.2.7', 'psql'])
      expect(page).toContain(one)
    expect(page).toContain('data-live="/events?topics=sessions"')
    expect(page).toMatch(/<time datetime="[^"]+Z">/)
  })

  test('are found by what is in the address, which forms write', async () => {
    const queries: unknown[] = []
    const fleet = fleetOf({
      sessions: async (query) => {
        queries.push(query.selector)
        return Promise.resolve({ sessions: [], total: 0, unanswered: 0 })
      },
    })
    const { text } = await browser({ fleet })
    const page = await text('/sessions?person=alice&role=+app+&address=10.0.0.0/8&pool=')
    expect(queries).toEqual([{ principal: 'alice', role: 'app', address: '10.0.0.0/8' }])
    expect(page).toContain('There are no such sessions.')
    expect(page).toContain(
      'data-live="/events?topics=sessions&amp;person=alice&amp;role=app&amp;address=10.0.0.0%2F8"',
    )
  })

  test('are of no address that is none', async () => {
    const response = await (await browser()).get('/sessions?address=nowhere')
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('It is an address')
  })

  test('that are too many, and workers that are silent, are told of', async () => {
    const fleet = fleetOf({
      sessions: async (query) =>
        Promise.resolve({ ...listSessions([session], query), total: 12_000, unanswered: 1 }),
    })
    const page = await (await browser({ fleet })).text('/sessions')
    expect(page).toContain('1 of 12,000 are shown.')
    expect(page).toContain('did not answer in time')
  })

  test('are asked for once, however many look', async () => {
    let asked = 0
    const fleet = fleetOf({
      sessions: async (query) => {
        asked++
        return Promise.resolve(listSessions([session], query))
      },
    })
    const { get } = await browser({ fleet })
    await Promise.all(Array.from({ length: 10 }, async () => get('/sessions')))
    expect(asked).toBe(1)
  })

  test('have nothing to end them by for whoever may only look', async () => {
    const page = await (await browser({ right: 'stats' })).text(`/sessions/${id}`)
    expect(page).toContain('Session of alice')
    expect(page).not.toContain('End this session')
  })

  test.each([
    ['/sessions/end', { session: 'abc' }, 'KILL SESSION $1', ['abc']],
    [
      '/sessions/end-all',
      { subject: "a'; KILL ROLE x", issuer },
      'KILL SUBJECT $1 ISSUER $2',
      ["a'; KILL ROLE x", issuer],
    ],
    [
      '/sessions/keep-out',
      { subject: 'alice', issuer, for: '8h' },
      'REVOKE SUBJECT $1 ISSUER $2 UNTIL $3',
      ['alice', issuer, '2026-01-02T11:04:05Z'],
    ],
    [
      '/sessions/keep-out',
      { subject: 'alice', issuer, for: '__proto__' },
      'REVOKE SUBJECT $1 ISSUER $2 UNTIL $3',
      ['alice', issuer, '2026-01-02T04:04:05Z'],
    ],
    [
      '/sessions/restore',
      { subject: 'alice', issuer },
      'RESTORE SUBJECT $1 ISSUER $2',
      ['alice', issuer],
    ],
    ['/catalog/rollback', { version: '7' }, 'ROLLBACK CATALOG TO $1', ['7']],
    ['/catalog/rollback', { version: '7; DROP' }, 'ROLLBACK CATALOG TO $1', ['0']],
  ])('%s gives an order with its values beside it', async (path, fields, text, parameters) => {
    const now = () => new Date('2026-01-02T03:04:05.678Z')
    const { post, orders } = await browserAt(now)
    const response = await post(path, fields)
    expect(response.status).toBe(200)
    expect(orders).toEqual([
      {
        text,
        index: 0,
        parameters,
        user: {
          ...{ name: 'alice', right: 'admin', by: 'web', issuer, subject: 'alice' },
          ...{ address: '192.0.2.9', session: 'web-session', database: 'system' },
        },
      },
    ])
  })

  test.each([
    ['another origin', { origin: 'https://evil.example' }, {}],
    ['a wrong form token', {}, { csrf: 'x' }],
  ])(
    'are not ended by a form from %s',
    async (_, { origin = publicUrl }: { origin?: string }, more) => {
      const { post, orders } = await browser()
      expect((await post('/sessions/end', { session: 'abc', ...more }, origin)).status).toBe(403)
      expect(orders).toEqual([])
    },
  )

  test('are not ended by whoever may only look', async () => {
    const looker = await browser({ right: 'stats' })
    const csrf = /name="csrf" value="([^"]+)"/.exec(await looker.text('/sessions'))?.[1] ?? ''
    const response = await looker.post('/sessions/end', { session: 'abc', csrf })
    expect(response.status).toBe(403)
    expect(await response.text()).toContain('one of these groups: dba')
    expect(looker.orders).toEqual([])
  })

  test('are not ended by whoever has not shown enough', async () => {
    const home = new MemoryCatalog(tree)
    const rules = webRules({
      catalog: composeCatalog(home.loaded.config),
      stepUp: { requiredAcr: ['mfa'], maxAgeMs: undefined },
    })
    const { post, orders } = await browser({ rules: () => rules })
    const response = await post('/sessions/end', { session: 'abc' })
    expect(response.status).toBe(403)
    expect(await response.text()).toContain('Sign in again')
    expect(orders).toEqual([])
  })

  test('that were not ended are told of with the reason', async () => {
    const { post } = await browser({
      execute: async () =>
        Promise.resolve({
          kind: 'fault',
          fault: { sqlstate: '58030', message: 'audit records cannot be written' },
        }),
    })
    const response = await post('/sessions/end', { session: 'abc' })
    expect(response.status).toBe(409)
    expect(await response.text()).toContain('Audit records cannot be written.')
  })

  test('say what came of it, and which workers were silent', async () => {
    const { post } = await browser({
      execute: async () =>
        Promise.resolve({
          kind: 'answer',
          answer: {
            tag: 'KILL 2',
            notices: [{ severity: 'WARNING', message: '1 worker process did not answer in time' }],
          },
        }),
    })
    const page = await (await post('/sessions/end-all', { subject: 'a', issuer })).text()
    expect(page).toContain('2 sessions were ended')
    expect(page).toContain('1 worker process did not answer in time.')
  })

  test('of whoever is kept out can be allowed again', async () => {
    const order = { end: 'revoked', refusedUntilMs: Date.now() + 60_000, by: 'carol' } as const
    const fleet = fleetOf({
      standingOrders: () => [
        { ...order, selectors: [{ subject: 'mallory', issuer }] },
        { ...order, selectors: [{ role: 'app' }] },
      ],
    })
    const page = await (await browser({ fleet })).text('/sessions')
    expect(page).toContain('Let mallory in again')
    expect(page).toContain('at the console')
    expect(await (await browser({ fleet, right: 'stats' })).text('/sessions')).not.toContain(
      'Let mallory',
    )
  })
})

function refused(more: Partial<ExplainedDenial> = {}): ExplainedDenial {
  return {
    ...{ atMs: Date.parse('2026-01-02T03:04:05Z'), reason: 'role-not-allowed', sqlstate: '28000' },
    ...{ count: 3, address: '192.0.2.7', user: 'app', database: 'sandbox', application: 'psql' },
    ...{ pool: 'sso_pool', integration: 'main', issuer, subject: 'alice', principal: 'alice' },
    session: 'abc',
    steps: [
      { check: 'pool', compared: '192.0.2.7 in sso_pool', passed: true },
      { check: 'role', compared: 'app among app_readonly', passed: false },
    ],
    told: { sqlstate: '28000', message: 'no such role', detail: undefined, hint: 'Connect as x.' },
    why: 'role: app',
    ...more,
  }
}

describe('refusals', () => {
  const fleet = fleetOf({
    ask: async (name) =>
      Promise.resolve({
        answers: (name === 'denials'
          ? [[refused(), refused({ reason: 'token-expired', session: 'def', count: 1 })]]
          : []) as never,
        unanswered: 0,
      }),
    refusal: async (reference) =>
      Promise.resolve({ answers: reference === 'abc' ? [refused()] : [], unanswered: 0 }),
  })

  test('are counted by reason, and each leads to its own page', async () => {
    const page = await (await browser({ fleet })).text('/refusals')
    expect(page).toContain('href="/refusals/abc"')
    expect(page).toContain('href="/refusals?reason=token-expired"')
    expect(page).toContain('2 refused logins')
  })

  test('are shown for one reason alone', async () => {
    const page = await (await browser({ fleet })).text('/refusals?reason=token-expired')
    expect(page).not.toContain('href="/refusals/abc"')
    expect(page).toContain('href="/refusals/def"')
  })

  test('say step by step what was compared, what the client read, and what to do', async () => {
    const page = await (await browser({ fleet })).text('/refusals/abc')
    for (const one of [
      ...['app among app_readonly', 'failed', 'no such role', 'Connect as x.', 'role: app'],
      ...['What it means', 'What to do', 'Portcullis&#39; administrator'],
    ]) {
      expect(page).toContain(one)
    }
  })

  test('are found by the reference that the client was given', async () => {
    const response = await (await browser({ fleet })).get('/refusals?reference=+abc+')
    expect(response.headers.get('location')).toBe('/refusals/abc')
    const none = await (await browser({ fleet })).get('/refusals/unknown')
    expect(none.status).toBe(404)
    const wrong = await (await browser({ fleet })).text('/refusals?reference=%2F%2Fevil')
    expect(wrong).toContain('letters, digits and hyphens')
  })
})

describe('integrations', () => {
  const state: KeyCacheState = {
    ...{ issuer: `${issuer}/`, ageMs: 1_000, believedForMs: 1, triedMs: 1_000 },
    keys: [{ kid: 'k1', kty: 'EC', alg: 'ES256', use: 'sig' }],
    failure: undefined,
    clockAheadMs: 90_000,
  }
  const none = { ...state, ageMs: undefined, keys: [], failure: 'connect ECONNREFUSED' }
  const asking = (...answers: readonly (readonly KeyCacheState[])[]) =>
    fleetOf({ ask: async () => Promise.resolve({ answers: answers as never, unanswered: 0 }) })

  test('show their keys, the clock of the provider and who depends on them', async () => {
    const page = await (await browser({ fleet: asking([state]) })).text('/integrations')
    for (const one of ['works', 'k1', 'ES256', '90 seconds ahead of ours', 'system', 'sso_pool']) {
      expect(page).toContain(one)
    }
    expect(page).not.toContain('hunter22')
  })

  test('whose provider is away say so, and why', async () => {
    const page = await (await browser({ fleet: asking([none], [none]) })).text('/integrations')
    expect(page).toContain('no keys: nobody can log in by it')
    expect(page).toContain('connect ECONNREFUSED')
    const partly = await (await browser({ fleet: asking([state], [none]) })).text('/integrations')
    expect(partly).toContain('1 of 2 workers have no keys')
    const kept = { ...state, failure: 'timeout' }
    const earlier = await (await browser({ fleet: asking([kept]) })).text('/integrations')
    expect(earlier).toContain('earlier keys are used')
  })
})

describe('pools', () => {
  test('show who is in, their listeners, and whether they are open now', async () => {
    const fleet = fleetOf({
      ask: async () =>
        Promise.resolve({
          answers: [new Map([['sso_pool', 3]]), new Map([['sso_pool', 1]])] as never,
          unanswered: 0,
        }),
    })
    const { text } = await browserAt(() => new Date('2026-01-02T03:04:05Z'), { fleet })
    const page = await text('/pools')
    expect(page).toContain('4 sessions')
    expect(page).toContain('href="/sessions?pool=sso_pool"')
    expect(page).toContain('closed now')
    expect(page).toContain('Monday 2026-01-05 08:00 UTC')
  })
})

describe('the catalog', () => {
  async function changed() {
    const catalog = new MemoryCatalog(tree)
    const author = { name: 'carol', by: 'console' } as const
    await catalog.change(author, 'CREATE GROUP x', () => [
      { kind: 'set', path: ['groups', 'x'], value: {} },
    ])
    return browser({ catalog })
  }

  test('shows its versions, and for an administrator the way back', async () => {
    const { text } = await changed()
    const page = await text('/catalog')
    expect(page).toContain('2 (in use)')
    expect(page).toContain('CREATE GROUP x')
    expect(page).toContain('href="/catalog/rollback?version=1"')
    expect(page).toContain('href="/catalog/changes?from=1&amp;to=2"')
  })

  test('shows what changed from one version to another, in words', async () => {
    const { text } = await changed()
    const page = await text('/catalog/changes?from=1&to=2')
    expect(page).toContain('1 line was added')
    expect(page).toMatch(/added\s*<\/th>/)
    expect(page).not.toContain('hunter22')
  })

  test('says of a version that is not kept that it is not there', async () => {
    const { text } = await changed()
    expect(await text('/catalog/changes?from=9&to=2')).toContain('Version 9 is not there.')
    expect(await text('/catalog/changes')).toContain('Version 0 is not there.')
  })

  test('asks before it goes back, and not whoever may only look', async () => {
    const { text } = await changed()
    expect(await text('/catalog/rollback?version=1')).toContain('Go back to version 1')
    const looker = await browser({ right: 'stats' })
    expect((await looker.get('/catalog/rollback?version=1')).status).toBe(403)
    expect(await looker.text('/catalog')).not.toContain('/catalog/rollback')
  })
})

describe('statistics', () => {
  test('are drawn, and told as a table', async () => {
    const now = Date.parse('2026-01-02T03:04:05Z')
    const interval: Interval = {
      ...{ at: now - 60_000, admitted: 7, abandoned: 1, sessions: 5 },
      refused: { 'token-expired': 2 },
      durations: [
        [0.01, 0],
        [0.02, 7],
        [Infinity, 7],
      ],
    }
    const history = () => ({ intervalMs: 10_000, intervals: [interval] })
    const { text } = await browserAt(() => new Date(now), { history })
    const page = await text('/statistics')
    expect(page).toContain('7 were let in, 2 refused, 1 given up by the client.')
    expect(page).toContain('token-expired 2')
    expect(page).toContain('50 % within 15 ms')
    expect(page.match(/<svg[^>]*role="img"/g)).toHaveLength(4)
    expect(page).toContain('The same as a table')
    expect(page).not.toMatch(/style="|<script>|onclick/)
  })

  test('say that there are none yet', async () => {
    expect(await (await browser()).text('/statistics')).toContain('There are no values yet.')
  })
})

async function browserAt(now: () => Date, more: Replaced = {}) {
  const started = now().getTime()
  const session = { startedAt: started, authenticatedAt: started, expiresAt: started + 3_600_000 }
  const identity = { ...webSession().identity, expiresAt: session.expiresAt, issuedAt: started }
  return browser({ now, ...more }, { ...session, identity })
}
