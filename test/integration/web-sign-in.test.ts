// People sign in on our pages, at a real provider.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send } from '../../demo/browser.ts'
import { freePort } from '../../demo/ports.ts'
import { addPages, alice, bob, clientOfPages } from '../support/pages.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WebBrowser } from '../support/web-browser.ts'

let stack: Stack
let publicUrl: string

beforeAll(async () => {
  const port = await freePort()
  const closedPort = await freePort()
  publicUrl = `https://localhost:${port}`
  stack = await Stack.start({
    clients: [clientOfPages(publicUrl)],
    configure: (config) => {
      config.workers = 2
      addPages(config, publicUrl, port)
      const pages = config.integrations['pages']!
      pages['button_text'] = 'Sign in at work'
      pages['shown_token'] = { host: 'db.example.com', port: 6432 }
      pages['backchannel_logout'] = true
      config.integrations['strict'] = { ...pages, default_group: undefined, shown_token: undefined }
      config.integrations['away'] = { ...pages, issuer: `https://localhost:${closedPort}` }
      const web = config['web'] as Record<string, unknown>
      web['integrations'] = ['pages', 'strict', 'away']
      web['step_up'] = { required_acr: ['gold'], max_age: '5m' }
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const host = 'localhost'
const sessionCookie = '__Host-portcullis-session'
const isCallback = ({ pathname }: URL): boolean => pathname === '/oidc/v1/callback'
const isAuthorization = ({ pathname }: URL): boolean => pathname === '/auth'

function browser(): WebBrowser {
  return new WebBrowser(stack.authority.certificate)
}

function loginUrl(more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams({ integration: 'pages', return_to: '/health', ...more })
  return `${publicUrl}/oidc/v1/login?${query.toString()}`
}

/** As far as the answer of the provider, which is not opened. */
async function almost(me: WebBrowser, who = alice, more = {}): Promise<URL> {
  await me.open(loginUrl(more), isCallback)
  if (me.leadsTo === undefined) await me.press(who, isCallback)
  return me.leadsTo!
}

async function signIn(who = alice, me = browser(), more = {}): Promise<WebBrowser> {
  await me.open(await almost(me, who, more))
  return me
}

function isSignedIn(me: WebBrowser): boolean {
  return me.cookies(host).has(sessionCookie)
}

const states = (me: WebBrowser): readonly string[] =>
  [...me.cookies(host).keys()].filter((name) => name.startsWith('__Host-portcullis-state-'))

/** Who the pages take the browser for. */
async function nameOf(me: WebBrowser): Promise<string | undefined> {
  await me.open(`${publicUrl}/login`)
  return /You are signed in as (\w+)/.exec(me.text)?.[1]
}

describe('somebody', () => {
  test('signs in and goes on to where they wanted to go', async () => {
    const me = browser()
    await me.open(await almost(me), ({ pathname }) => pathname === '/health')
    expect(me.status).toBe(307)
    expect(me.leadsTo?.href).toBe(`${publicUrl}/health`)
    const lines = me.page.headers['set-cookie'] ?? []
    const session = lines.find((line) => line.startsWith(sessionCookie)) ?? ''
    for (const attribute of ['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']) {
      expect(session).toContain(`; ${attribute}`)
    }
    expect(session).not.toContain('Domain')
    const [, age = ''] = /Max-Age=(\d+)/.exec(session) ?? []
    expect(Number(age)).toBeGreaterThan(60)
    expect(Number(age)).toBeLessThanOrEqual(8 * 3_600)
    expect(states(me)).toEqual([])
    expect(await nameOf(me)).toBe('alice')
  })

  test('goes on to no other site', async () => {
    const me = browser()
    const answer = await almost(me, alice, { return_to: '//evil.example/' })
    await me.open(answer, ({ pathname }) => pathname === '/')
    expect(me.leadsTo?.href).toBe(`${publicUrl}/`)
  })

  test('signs in in several tabs at once, of which the oldest are forgotten', async () => {
    const me = browser()
    const tabs: URL[] = []
    for (let tab = 0; tab < 5; tab++) {
      await me.open(loginUrl(), isAuthorization)
      tabs.push(new URL(me.leadsTo!))
    }
    expect(states(me)).toHaveLength(4)
    const answers: URL[] = []
    for (const tab of tabs) {
      await me.open(tab, isCallback)
      if (me.leadsTo === undefined) await me.press(alice, isCallback)
      answers.push(me.leadsTo!)
    }
    const statuses: number[] = []
    for (const answer of answers) {
      await me.open(answer, ({ pathname }) => pathname === '/health')
      statuses.push(me.status)
    }
    expect(statuses).toEqual([400, 307, 307, 307, 307])
    expect(states(me)).toEqual([])
  })

  test('has a button for each provider, and goes back to choose', async () => {
    const me = browser()
    await me.open(`${publicUrl}/login?return_to=/sessions`)
    expect(me.text.match(/Sign in at work/g)).toHaveLength(3)
    expect(me.page.body).toContain(
      'href="/oidc/v1/login?integration=strict&amp;return_to=%2Fsessions"',
    )
    await me.open(`${publicUrl}/oidc/v1/login?return_to=/sessions`)
    expect(me.page.url.pathname + me.page.url.search).toBe('/login?return_to=%2Fsessions')
  })

  test('is in log, audit and metrics, with no token', async () => {
    const before = await stack.metric('portcullis_web_sign_ins_total', {
      kind: 'sign-in',
      outcome: 'ok',
    })
    await signIn()
    expect(
      await stack.metric('portcullis_web_sign_ins_total', { kind: 'sign-in', outcome: 'ok' }),
    ).toBe(before + 1)
    const mine = async () =>
      (await stack.audit()).filter(({ unmapped: { portcullis: one } }) => one['way'] === 'pages')
    await until('the audit has it', async () => (await mine()).length > 0)
    const record = (await mine()).at(-1)
    expect(record).toMatchObject({
      activity_id: 1,
      status: 'Success',
      user: { name: 'alice' },
      session: { issuer: stack.provider.issuer },
      unmapped: { portcullis: { integration: 'pages', act: 'sign-in' } },
    })
    expect(JSON.stringify(await mine())).not.toContain('eyJ')
  })
})

describe('nobody is signed in', () => {
  test('who refuses at the provider', async () => {
    const me = browser()
    const answer = await almost(me)
    answer.searchParams.delete('code')
    answer.searchParams.set('error', 'access_denied')
    await me.open(answer)
    expect(me.status).toBe(403)
    expect(me.text).toContain('the sign-in was refused there')
    expect(isSignedIn(me)).toBe(false)
    expect(states(me)).toEqual([])
  })

  test('by an answer that comes again', async () => {
    const me = browser()
    const answer = await almost(me)
    await me.open(answer)
    expect(await nameOf(me)).toBe('alice')
    await me.open(answer)
    expect(me.status).toBe(400)
    expect(me.text).toContain('has completed it already')
    expect(await nameOf(me)).toBe('alice')
  })

  test.each<[string, (answer: URL) => void, number]>([
    [
      'another state',
      (url) => {
        const state = url.searchParams.get('state') ?? ''
        url.searchParams.set('state', `${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}`)
      },
      400,
    ],
    [
      'two states',
      (url) => {
        url.searchParams.append('state', 'x')
      },
      400,
    ],
    [
      'no state',
      (url) => {
        url.searchParams.delete('state')
      },
      400,
    ],
    [
      'another issuer',
      (url) => {
        url.searchParams.set('iss', 'https://evil.example')
      },
      502,
    ],
    [
      'no issuer',
      (url) => {
        url.searchParams.delete('iss')
      },
      502,
    ],
    [
      'a code that is none',
      (url) => {
        url.searchParams.set('code', 'x')
      },
      502,
    ],
  ])('by an answer with %s', async (_, change, status) => {
    const me = browser()
    const answer = await almost(me)
    change(answer)
    await me.open(answer)
    expect(me.status).toBe(status)
    expect(isSignedIn(me)).toBe(false)
  })

  test('by the answer of another browser: nobody is made to be somebody else', async () => {
    const answer = await almost(browser())
    const victim = browser()
    await victim.open(answer)
    expect(victim.status).toBe(400)
    expect(isSignedIn(victim)).toBe(false)
  })

  test('by the code of somebody else: it is bound to their verifier', async () => {
    const [mine, theirs] = [browser(), browser()]
    const answer = await almost(mine)
    const stolen = await almost(theirs, bob)
    answer.searchParams.set('code', stolen.searchParams.get('code') ?? '')
    await mine.open(answer)
    expect(mine.status).toBe(502)
    expect(isSignedIn(mine)).toBe(false)
  })

  test('by a state that was tampered with, or sealed for something else', async () => {
    const me = browser()
    const answer = await almost(me)
    const [name = ''] = states(me)
    const sealed = me.cookies(host).get(name) ?? ''
    const other = await signIn()
    const values = [
      `${sealed.slice(0, -2)}${sealed.endsWith('AA') ? 'BB' : 'AA'}`,
      other.cookies(host).get(sessionCookie) ?? '',
      '',
    ]
    for (const value of values) {
      me.setCookie(host, name, value)
      await me.open(answer)
      expect(me.status).toBe(400)
    }
    expect(isSignedIn(me)).toBe(false)
  })

  test('by a session that was tampered with, or by a state in place of one', async () => {
    const me = await signIn()
    const sealed = me.cookies(host).get(sessionCookie) ?? ''
    me.setCookie(host, sessionCookie, `${sealed.slice(0, -2)}xx`)
    expect(await nameOf(me)).toBeUndefined()
    await me.open(loginUrl(), isAuthorization)
    me.setCookie(host, sessionCookie, me.cookies(host).get(states(me)[0] ?? '') ?? '')
    expect(await nameOf(me)).toBeUndefined()
  })

  test('whom nobody knows here', async () => {
    const me = await signIn(bob, browser(), { integration: 'strict' })
    expect(me.status).toBe(403)
    expect(me.text).toContain('Nobody here knows you')
    expect(isSignedIn(me)).toBe(false)
    const again = await signIn(alice, browser(), { integration: 'strict' })
    expect(isSignedIn(again)).toBe(true)
  })

  test('at a provider that is down', async () => {
    const me = browser()
    await me.open(loginUrl({ integration: 'away' }))
    expect(me.status).toBe(503)
    expect(me.text).toContain('The identity provider does not answer')
    expect(states(me)).toEqual([])
  })

  test('at a provider that is not offered', async () => {
    for (const integration of ['people', 'machines', 'nobody', 'constructor']) {
      const me = browser()
      await me.open(loginUrl({ integration }))
      expect(me.status).toBe(400)
    }
  })
})

describe('whoever signs in again', () => {
  test('has another session, so that nobody has it from before', async () => {
    const me = await signIn()
    const before = me.cookies(host).get(sessionCookie)
    me.setCookie(host, sessionCookie, before ?? '')
    await signIn(alice, me)
    expect(me.cookies(host).get(sessionCookie)).not.toBe(before)
  })

  test('to change something is asked for a recent and strong sign-in, and refused without', async () => {
    const me = browser()
    await me.open(loginUrl({ step_up: '' }), isAuthorization)
    expect(me.leadsTo?.searchParams.get('max_age')).toBe('300')
    expect(me.leadsTo?.searchParams.get('acr_values')).toBe('gold')
    await me.open(await almost(me, alice, { step_up: '' }))
    expect(me.status).toBe(403)
    expect(me.text).toContain('not strong or not recent enough')
    expect(isSignedIn(me)).toBe(false)
  })
})

describe('whoever signs out', () => {
  async function logOut(
    me: WebBrowser,
    headers: Readonly<Record<string, string>>,
    fields: Readonly<Record<string, string>>,
  ): Promise<Awaited<ReturnType<typeof send>>> {
    const cookie = [...me.cookies(host)].map(([name, value]) => `${name}=${value}`).join('; ')
    const url = new URL(`${publicUrl}/logout`)
    return send(url, { ...headers, cookie }, fields, stack.authority.certificate)
  }

  const tokenOf = (me: WebBrowser): string =>
    /name="csrf" value="([^"]*)"/.exec(me.page.body)?.[1] ?? ''

  test('is signed out here, whoever has a copy, and at the provider', async () => {
    const me = await signIn()
    const copy = me.cookies(host).get(sessionCookie) ?? ''
    expect(await nameOf(me)).toBe('alice')
    await me.press('Sign out', ({ pathname }) => pathname === '/session/end')
    expect(me.leadsTo?.searchParams.get('client_id')).toBe('portcullis-web')
    expect(isSignedIn(me)).toBe(false)
    const thief = browser()
    thief.setCookie(host, sessionCookie, copy)
    expect(await nameOf(thief)).toBeUndefined()
    await me.open(me.leadsTo!)
    await me.press('Sign out')
    expect(me.page.url.href).toContain(`${publicUrl}/login`)
  })

  test('does so by a form of our own alone', async () => {
    const me = await signIn()
    await me.open(`${publicUrl}/login`)
    const csrf = tokenOf(me)
    expect(csrf).not.toBe('')
    const own = { origin: publicUrl, 'sec-fetch-site': 'same-origin' }
    const refused: readonly (readonly [Record<string, string>, Record<string, string>])[] = [
      [{ origin: 'https://evil.example' }, { csrf }],
      [{ origin: 'null' }, { csrf }],
      [{}, { csrf }],
      [{ ...own, 'sec-fetch-site': 'same-site' }, { csrf }],
      [own, {}],
      [own, { csrf: `${csrf}x` }],
      [own, { csrf: tokenOf(await signIn(bob)) }],
    ]
    for (const [headers, fields] of refused) {
      expect((await logOut(me, headers, fields)).status).toBe(403)
    }
    expect(await nameOf(me)).toBe('alice')
    expect((await logOut(me, own, { csrf })).status).toBe(200)
    expect(await nameOf(me)).toBeUndefined()
  })

  test('at the provider is signed out here, too', async () => {
    const me = await signIn(bob)
    expect(await nameOf(me)).toBe('bob')
    const nowSeconds = Math.floor(Date.now() / 1_000)
    const claims = {
      ...{ iss: stack.provider.issuer, aud: 'portcullis-web', sub: 'bob', jti: 'one' },
      ...{ iat: nowSeconds, exp: nowSeconds + 60 },
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    }
    const token = await stack.provider.sign(claims, { header: { typ: 'logout+jwt' } })
    const url = new URL(`${publicUrl}/oidc/v1/backchannel-logout`)
    const { status } = await send(url, {}, { logout_token: token }, stack.authority.certificate)
    expect(status).toBe(200)
    expect(await nameOf(me)).toBeUndefined()
  })
})

describe('a token to be used as a password', () => {
  test('is shown as a page, once', async () => {
    const me = await signIn(alice, browser(), { jwt: '' })
    expect(me.page.url.pathname).toBe('/oidc/v1/token')
    expect(me.text).toContain('db.example.com')
    const [token = ''] = /eyJ[\w.-]+/.exec(me.page.body) ?? []
    const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    expect(JSON.parse(claims)).toMatchObject({ sub: 'alice', aud: 'portcullis-web' })
    expect(isSignedIn(me)).toBe(false)
    await me.open(me.page.url)
    expect(me.status).toBe(400)
  })

  test('is JSON that no browser takes for a page', async () => {
    const me = browser()
    const answer = await almost(me, alice, { jwt: '' })
    await me.open(new URL(`/oidc/v1/jwt${answer.search}`, publicUrl))
    expect(me.status).toBe(200)
    expect(me.page.headers['content-security-policy']).toBe('sandbox')
    const said = JSON.parse(me.page.body) as Record<string, unknown>
    expect(said).toEqual({
      Usernames: [],
      Password: expect.stringMatching(/^eyJ/) as string,
      Host: 'db.example.com',
      Port: '6432',
      Expiry: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    })
  })

  test('is not to be had for a sign-in on the pages, nor where there is none', async () => {
    const me = browser()
    const answer = await almost(me)
    await me.open(new URL(`/oidc/v1/jwt${answer.search}`, publicUrl))
    expect(me.status).toBe(400)
    await me.open(loginUrl({ integration: 'strict', jwt: '' }))
    expect(me.status).toBe(400)
    expect(me.text).toContain('OIDC: generate JWT auth token disabled')
  })
})

describe('what a reload changes', () => {
  async function reloadWith(web: Readonly<Record<string, unknown>>): Promise<void> {
    const before = stack.config['web'] as Record<string, unknown>
    await stack.gateway.reload({ ...stack.config, web: { ...before, ...web } })
  }

  afterAll(async () => {
    await stack.gateway.reload(stack.config)
  })

  test('whoever opens the page is sent on, but not behind a logout or a failure', async () => {
    await reloadWith({ integrations: ['pages'], autologin: true })
    const me = browser()
    await me.open(`${publicUrl}/login?return_to=/health`, isAuthorization)
    expect(me.leadsTo?.pathname).toBe('/auth')
    const answer = await almost(me)
    answer.searchParams.delete('code')
    answer.searchParams.set('error', 'access_denied')
    await me.open(answer)
    expect(me.status).toBe(403)
    await me.open(`${publicUrl}/login`)
    expect(me.text).toContain('Sign in at work')
    await signIn(alice, me)
    await me.open(`${publicUrl}/login`)
    await me.press('Sign out', ({ pathname }) => pathname === '/session/end')
    await me.open(`${publicUrl}/login`)
    expect(me.text).toContain('Sign in at work')
  })

  test('nobody can sign in where nothing is set up for it', async () => {
    await reloadWith({ integrations: [] })
    for (const path of ['/login', '/oidc/v1/login', '/oidc/v1/login?jwt']) {
      const me = browser()
      await me.open(`${publicUrl}${path}`)
      expect(me.status).toBe(400)
      expect(me.text).toContain('OIDC: disabled')
    }
  })

  test('what has to be shown for changes is asked for and accepted', async () => {
    await reloadWith({ step_up: { max_age: '5m' } })
    const me = await signIn(alice, browser(), { step_up: '' })
    expect(isSignedIn(me)).toBe(true)
  })

  test('nobody stays signed in by an integration that is switched off', async () => {
    await reloadWith({})
    const me = await signIn()
    expect(await nameOf(me)).toBe('alice')
    await stack.gateway.reload({
      ...stack.config,
      integrations: {
        ...stack.config.integrations,
        pages: { ...stack.config.integrations['pages'], enabled: false },
      },
    })
    expect(await nameOf(me)).toBeUndefined()
  })
})
