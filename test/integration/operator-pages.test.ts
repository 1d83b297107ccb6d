// Operators look at real sessions on our pages, live, and end them, whichever of two workers they are on.
import type { ChildProcess } from 'node:child_process'
import type { ClientRequest } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { addPages, alice, bob, clientOfPages } from '../support/pages.ts'
import { hasPsql, psql, startPsql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WebBrowser } from '../support/web-browser.ts'

let stack: Stack
let publicUrl: string
let operator: WebBrowser
let looker: WebBrowser
const followed: ClientRequest[] = []

beforeAll(async () => {
  const port = await freePort()
  publicUrl = `https://localhost:${port}`
  stack = await Stack.start({
    clients: [clientOfPages(publicUrl)],
    configure: (config) => {
      config.workers = 2
      addPages(config, publicUrl, port)
      config['console'] = { admin_groups: ['readwrite'], stats_groups: ['readonly'] }
      config.integrations['pages']!['default_group'] = 'readonly'
    },
  })
  await stack.keysFetched()
  ;[operator, looker] = [await signIn(alice), await signIn(bob)]
})

afterAll(async () => {
  for (const one of followed) one.destroy()
  await stack[Symbol.asyncDispose]()
})

async function signIn(who: string): Promise<WebBrowser> {
  const me = new WebBrowser(stack.authority.certificate)
  await me.open(`${publicUrl}/oidc/v1/login?return_to=/sessions`)
  await me.press(who)
  return me
}

/** Events as they come. */
class Events {
  text = ''
  isOver = false
  readonly #status = Promise.withResolvers<number>()
  headers: Readonly<Record<string, unknown>> = {}

  constructor(me: WebBrowser, path: string) {
    const cookie = [...me.cookies('localhost')].map((pair) => pair.join('=')).join('; ')
    const { certificate: ca } = stack.authority
    const asked = request(`${publicUrl}${path}`, { headers: { cookie }, ca }, (response) => {
      this.headers = response.headers
      this.#status.resolve(response.statusCode ?? 0)
      response.setEncoding('utf8').on('data', (data: string) => (this.text += data))
      response.on('close', () => (this.isOver = true)).on('error', () => {})
    })
    asked.on('error', this.#status.reject).end()
    followed.push(asked)
  }

  async status(): Promise<number> {
    return this.#status.promise
  }

  async saying(what: string, test: (all: string) => boolean): Promise<void> {
    await until(what, async () => Promise.resolve(test(this.text)))
  }
}

async function connected(
  sub: string,
): Promise<{ readonly client: ChildProcess; readonly said: Promise<string> }> {
  const environment = stack.environment(await stack.token({ sub }))
  const client = startPsql({ ...environment, PGAPPNAME: `of <b>${sub}</b>` }, 'select pg_sleep(60)')
  return { client, said: text(client.stderr!) }
}

async function sessionOf(sub: string): Promise<string> {
  let found: string | undefined
  await until(`the session of ${sub}`, async () => {
    await operator.open(`${publicUrl}/sessions?person=${sub}`)
    found = /href="\/sessions\/([\w-]+)"/.exec(operator.page.body)?.[1]
    return found !== undefined
  })
  return found!
}

describe.skipIf(!hasPsql())('operators', () => {
  test('see a session come, end it, and see it go, and its client reads why', async () => {
    const events = new Events(operator, '/events?topics=sessions')
    expect(await events.status()).toBe(200)
    expect(events.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    await events.saying('that nobody is connected', (all) => all.includes('Nobody is connected.'))
    const { said } = await connected('dave')
    await events.saying('the session', (all) => all.includes('of &lt;b&gt;dave&lt;/b&gt;'))
    expect(events.text).not.toContain('<b>')
    const id = await sessionOf('dave')
    await operator.open(`${publicUrl}/sessions/${id}`)
    events.text = ''
    await operator.press('End this session')
    expect(operator.text).toContain('1 session was ended')
    expect(await said).toContain('terminating connection due to administrator command')
    await events.saying('that it is gone', (all) => all.includes('Nobody is connected.'))
  })

  test('end all sessions of a person, on whichever worker, and let nobody in until they say so', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, async () => connected('erin')))
    await until('four sessions', async () => (await stack.metric('portcullis_sessions_open')) === 4)
    const id = await sessionOf('erin')
    await operator.open(`${publicUrl}/sessions/${id}`)
    expect(operator.text).toContain('That is 4 sessions now.')
    await operator.press('End all and keep out')
    expect(operator.text).toContain('Kept out; 4 sessions were ended')
    await Promise.all(clients.map(async ({ said }) => said))
    // Not one that is remembered: of that nothing is checked again.
    const environment = stack.environment(await stack.token({ sub: 'erin', jti: 'another' }))
    const refused = await psql(environment, 'select 1')
    expect(refused.code).not.toBe(0)

    const denied = (): string | undefined =>
      stack.gateway
        .log()
        .split('\n')
        .findLast((line) => line.includes('"denied"'))
    await expect.poll(denied).toBeDefined()
    const [reference = ''] = /[\da-f]{8}-[\da-f-]{27}/.exec(denied() ?? '') ?? []
    await looker.open(`${publicUrl}/refusals/${reference}`)
    expect(looker.text).toContain('Refused: denied')
    // As `portcullis explain` has them.
    for (const check of ['pool', 'credential', 'signature', 'audience', 'denial']) {
      expect(looker.page.body).toContain(`<td class="text">${check}</td>`)
    }
    expect(looker.page.body).not.toContain(environment['PGPASSWORD'])
    expect(looker.page.body).not.toContain(environment['PGPASSWORD']!.split('.')[1])

    await operator.open(`${publicUrl}/sessions`)
    await operator.press('Let in again')
    expect(operator.text).toContain('Logins are possible again')
    expect((await psql(environment, 'select 1')).stdout).toBe('1\n')
  })

  test('who may only look cannot act, and sees nothing to act by', async () => {
    const { client, said } = await connected('frank')
    const id = await sessionOf('frank')
    await looker.open(`${publicUrl}/sessions/${id}`)
    expect(looker.text).toContain('Session of frank')
    expect(looker.text).not.toContain('End this session')
    const csrf = /name="csrf" value="([^"]+)"/.exec(looker.page.body)?.[1] ?? ''
    expect(await post(looker, '/sessions/end', { csrf, session: id }, publicUrl)).toBe(403)
    await operator.open(`${publicUrl}/sessions/${id}`)
    const own = /name="csrf" value="([^"]+)"/.exec(operator.page.body)?.[1] ?? ''
    const foreign = 'https://evil.example.com'
    expect(await post(operator, '/sessions/end', { csrf: own, session: id }, foreign)).toBe(403)
    expect(await post(operator, '/sessions/end', { csrf: own, session: id }, undefined)).toBe(403)
    expect(await post(operator, '/sessions/end', { csrf, session: id }, publicUrl)).toBe(403)
    expect(client.exitCode).toBeNull()
    expect(await post(operator, '/sessions/end', { csrf: own, session: id }, publicUrl)).toBe(200)
    await said
  })

  test('leave in the audit who did what, and from where', async () => {
    const acts = (await stack.audit()) as unknown as readonly {
      api?: { operation: string }
      unmapped: { portcullis: Readonly<Record<string, unknown>> }
    }[]
    const kills = acts.filter(({ api }) => api?.operation === 'kill')
    expect(kills.length).toBeGreaterThan(0)
    expect(JSON.stringify(kills)).toContain('alice')
    expect(JSON.stringify(kills)).toContain('"way":"web"')
  })

  test.each(['/integrations', '/pools', '/catalog', '/catalog/changes?from=1&to=1', '/statistics'])(
    'look at %s, which weighs little',
    async (path) => {
      await looker.open(`${publicUrl}${path}`)
      expect(looker.status).toBe(200)
      expect(looker.page.body.length).toBeLessThan(75_000)
      expect(looker.page.body).not.toContain('a secret of')
    },
  )

  test('see that the providers of both workers have keys', async () => {
    await operator.open(`${publicUrl}/integrations`)
    expect(operator.text).toContain('works')
    expect(operator.text).not.toContain('did not answer')
  })

  test('are cut off when they sign out, and all are at once when the service ends', async () => {
    const events = new Events(operator, '/events?topics=statistics,pools')
    expect(await events.status()).toBe(200)
    await events.saying('something', (all) => all.includes('event: pools'))
    const others = new Events(looker, '/events?topics=catalog')
    expect(await others.status()).toBe(200)
    await looker.open(`${publicUrl}/sessions`)
    await looker.press('Sign out', ({ origin }) => origin !== publicUrl)
    await until('the end for who has signed out', async () => Promise.resolve(others.isOver))
    expect(events.isOver).toBe(false)
    const before = performance.now()
    await stack.gateway.stop()
    await until('the end of the events', async () => Promise.resolve(events.isOver))
    expect(performance.now() - before).toBeLessThan(5_000)
  })
})

async function post(
  me: WebBrowser,
  path: string,
  fields: Readonly<Record<string, string>>,
  origin: string | undefined,
): Promise<number> {
  const cookie = [...me.cookies('localhost')].map((pair) => pair.join('=')).join('; ')
  const headers = {
    cookie,
    'content-type': 'application/x-www-form-urlencoded',
    ...(origin !== undefined && { origin }),
  }
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const { certificate: ca } = stack.authority
  request(`${publicUrl}${path}`, { method: 'POST', headers, ca }, (response) => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
    .on('error', reject)
    .end(new URLSearchParams(fields).toString())
  return promise
}
