// What people do who are signed in on our pages: they copy a way to connect, and let in clients that wait.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { addPages, alice, bob, clientOfPages } from '../support/pages.ts'
import { hasPsql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WebBrowser } from '../support/web-browser.ts'

let stack: Stack
let publicUrl: string
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-connect-'))
  const [port, databasePort] = [await freePort(), await freePort()]
  publicUrl = `https://localhost:${port}`
  stack = await Stack.start({
    clients: [clientOfPages(publicUrl)],
    configure: (config) => {
      config.workers = 2
      addPages(config, publicUrl, port)
      config.connectivity_pools['sso_pool']!['participants'] = [
        {
          node: 'gw0',
          listen_address: '127.0.0.1',
          listen_port: databasePort,
          advertised_address: 'localhost',
        },
      ]
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function signIn(who: string, returnTo = '/'): Promise<WebBrowser> {
  const me = new WebBrowser(stack.authority.certificate)
  await me.open(`${publicUrl}/oidc/v1/login?return_to=${encodeURIComponent(returnTo)}`)
  await me.press(who)
  return me
}

const entities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
}

/** What the button beside it copies. */
function copied({ page: { body } }: WebBrowser, id: string): string {
  const [, html = ''] = new RegExp(`<code id="${id}"[^>]*>(.*?)</code>`, 's').exec(body) ?? []
  return html
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity)
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs it, and returns what it printed; it is told nothing but by its arguments and its input. */
async function run(
  program: string,
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const child = spawn(program, args, {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: folder, ...env },
  })
  child.stdin.end(input)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return `${stdout}${stderr}`
}

const ask = ['-X', '-At', '-c', 'select session_user']
const says = ask.map((word) => `'${word}'`).join(' ')

/** The page with what there is to copy, for the database of the test and its authority. */
async function connecting(who: string): Promise<WebBrowser> {
  const me = await signIn(who)
  await me.press('Connect')
  await me.press('Make another token', undefined, { authority: stack.caFile })
  expect(me.status).toBe(200)
  return me
}

function hasPsycopg(): boolean {
  try {
    execFileSync('python3', ['-c', 'import psycopg'], { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write('SKIPPED: psycopg is not installed, its snippet is not run\n')
    return false
  }
}

describe('Connect', () => {
  test('is the first page, and says who one is and what is open', async () => {
    const me = await signIn(alice)
    expect(me.page.url.pathname).toBe('/')
    expect(me.text).toContain('You are alice')
    expect(me.text).toContain('readwrite')
    expect(me.text).toContain('sandbox')
    expect(me.page.body).toContain('<option value="app_readwrite">')
    expect(me.page.body.length).toBeLessThan(60_000)
  })

  test('is there for nobody who is not signed in, who comes back to it', async () => {
    const me = new WebBrowser(stack.authority.certificate)
    for (const path of ['/', '/connect', '/device?code=WDJB-MJHT']) {
      await me.open(`${publicUrl}${path}`)
      expect(me.page.url.pathname).toBe('/login')
      expect(me.page.url.searchParams.get('return_to')).toBe(path)
    }
  })

  test('gives a token that is in no address and kept by no browser', async () => {
    const me = await connecting(alice)
    const token = copied(me, 'token')
    expect(token.split('.')).toHaveLength(3)
    expect(token.length).toBeLessThan(500)
    expect(me.page.url.href).toBe(`${publicUrl}/connect/token`)
    expect(me.page.headers['cache-control']).toBe('no-store')
    expect(me.page.body.length).toBeLessThan(60_000)
    await me.open(`${publicUrl}/connect/token`)
    expect(me.page.url.pathname).toBe('/connect')
  })

  test.runIf(hasPsql())('what it gives to copy connects, as it is printed', async () => {
    const me = await connecting(alice)
    const passfile = join(folder, '.pgpass')
    await writeFile(passfile, `${copied(me, 'way-pgpass')}\n`, { mode: 0o600 })
    const { port } = stack.gateway
    const without = `host=localhost port=${port} dbname=sandbox user=app_readwrite sslmode=verify-full sslrootcert=${stack.caFile}`
    const [line, url, byPassfile, byNode] = await Promise.all([
      run('sh', [], { input: `${copied(me, 'way-psql')} ${says}\n` }),
      run('psql', [copied(me, 'way-url'), ...ask]),
      run('psql', [without, '-w', ...ask]),
      run(process.execPath, ['--input-type=module'], { input: copied(me, 'way-node') }),
    ])
    expect([line, url, byPassfile]).toEqual(Array(3).fill('app_readwrite\n'))
    expect(byNode).toContain("session_user: 'app_readwrite'")
  })

  test.runIf(hasPsycopg())('the program of Python connects, as it is printed', async () => {
    const me = await connecting(alice)
    expect(await run('python3', ['-'], { input: copied(me, 'way-python') })).toContain(
      "('app_readwrite',)",
    )
  })

  test.runIf(hasPsql())('a token is for the role and the database that were chosen', async () => {
    const me = await connecting(alice)
    const as = copied(me, 'way-url').replace('app_readwrite', 'app_readonly')
    expect(await run('psql', [as, ...ask])).toContain('not good for user "app_readonly"')
    await me.press('Make another token', undefined, {
      authority: stack.caFile,
      bind_database: 'yes',
      bind_user: 'yes',
      settings: 'yes',
      role: 'app_readonly',
    })
    expect(await run('psql', [copied(me, 'way-url'), ...ask])).toBe('app_readonly\n')
  })

  test('opens nothing that is not open', async () => {
    const me = await signIn(bob)
    expect(me.page.body).not.toContain('app_readwrite')
    for (const wrong of [{ role: 'app_readwrite' }, { database: 'other' }, { place: 'x' }]) {
      await me.open(`${publicUrl}/connect`)
      await me.press('Connect', undefined, wrong)
      expect(me.status).toBe(403)
      expect(copied(me, 'token')).toBe('')
    }
  })

  test('takes no form that it did not give to this browser', async () => {
    const me = await signIn(alice)
    await me.press('Connect', undefined, { csrf: 'x'.repeat(43) })
    expect(me.status).toBe(403)
    expect(me.page.body).not.toContain('<code id="token"')
  })
})

interface Waiting {
  readonly ended: Promise<unknown>
  readonly heard: () => string
  readonly address: string
  readonly code: string
  readonly output: Promise<string>
}

/** psql, as far as the notice. */
async function begin(settings: Readonly<Record<string, string>> = {}): Promise<Waiting> {
  const psql = spawn('psql', ask, {
    env: { ...stack.environment(''), PGCONNECT_TIMEOUT: '30', PGUSER: 'sso', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let heard = ''
  psql.stderr.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk))
  const [output, ended] = [text(psql.stdout), once(psql, 'close')]
  await until('the notice', () => heard.includes('HINT'))
  const [, address = '', code = ''] = /sign in at (\S+) and .* code (\S+)\n/.exec(heard) ?? []
  return { ended, heard: () => heard, address, code, output }
}

describe.runIf(hasPsql())('Device', () => {
  test('lets a client in as whoever is signed in, who sees what it is', async () => {
    const waiting = await begin({ PGAPPNAME: 'my <b>laptop</b>' })
    expect(waiting.heard()).toContain(`The code can also be entered at ${publicUrl}/device.`)
    const me = await signIn(alice, '/device')
    expect(me.page.url.pathname).toBe('/device')
    await me.open(`${publicUrl}/device?code=${waiting.code.toLowerCase().replace('-', '+')}`)
    expect(me.status).toBe(200)
    for (const part of [
      waiting.code,
      '“my <b>laptop</b>”',
      '“127.0.0.1”',
      '“sandbox”',
      'sso_pool',
    ]) {
      expect(me.text).toContain(part)
    }
    expect(me.page.body).not.toContain('<b>')
    await me.press('Approve as alice')
    expect(me.text).toContain('Your client goes on as the role “app_readwrite”')
    expect(await waiting.output).toBe('app_readwrite\n')
    const records = await stack.audit()
    expect(records.at(-1)?.unmapped.portcullis).toMatchObject({ credential: 'session-token' })
  })

  test('refuses a client, which is told so', async () => {
    const waiting = await begin()
    const me = await signIn(bob, `/device?code=${waiting.code}`)
    await me.press('Refuse')
    expect(me.text).toContain('Nobody was let in')
    await waiting.ended
    expect(waiting.heard()).toContain('refused by somebody who did not begin it')
  })

  test('lets nobody be more than they may be', async () => {
    const waiting = await begin({
      PGUSER: 'app_readwrite',
      PGOPTIONS: '-c handshake=SSO -c ssoOAuthFlow=authorizationCode',
    })
    const me = await signIn(bob, `/device?code=${waiting.code}`)
    await me.press('Approve as bob')
    expect(me.status).toBe(403)
    expect(me.text).toContain('may not log in as user "app_readwrite"')
    await waiting.ended
    expect(waiting.heard()).toContain('may not log in as user "app_readwrite"')
  })

  test('knows no code that nobody shows, and lets nobody try many', async () => {
    const me = await signIn(bob, '/device')
    const statuses = []
    for (let count = 0; count < 20; count++) {
      await me.open(`${publicUrl}/device?code=BBBB-BBB${'BCDFGHJKLMNPQRSTVWXZ'.charAt(count)}`)
      statuses.push(me.status)
    }
    expect(new Set(statuses.slice(0, 10))).toEqual(new Set([404]))
    expect(statuses.at(-1)).toBe(429)
    await me.open(`${publicUrl}/device?code=short`)
    expect(me.status).toBe(422)
  })

  test('cannot finish what another browser has begun, and can end it', async () => {
    const waiting = await begin()
    const other = new WebBrowser(stack.authority.certificate)
    await other.open(waiting.address)
    await other.press('Continue to sign in', ({ pathname }) => pathname === '/auth')
    const me = await signIn(alice, `/device?code=${waiting.code}`)
    expect(me.status).toBe(409)
    expect(me.text).not.toContain('Approve as')
    await me.press('Refuse')
    await waiting.ended
    expect(waiting.heard()).toContain('refused by somebody who did not begin it')
  })

  test('need not be opened where the address of the client is, in a browser that is signed in', async () => {
    const waiting = await begin()
    const me = await signIn(alice)
    await me.open(waiting.address)
    expect(me.text).toContain('Continue to sign in')
    await me.press('Approve as alice')
    expect(me.text).toContain('You are signed in')
    expect(await waiting.output).toBe('app_readwrite\n')
  })
})
