import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtempDisposable, symlink } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { isOnPath } from '../../demo/tour/shell.ts'
import { approve } from '../fresh-machine/person.ts'
import { Demo, endDeadlineMs, lastWords, startDeadlineMs, stillRunning } from '../support/demo.ts'
import { until } from '../support/until.ts'
import { WebBrowser } from '../support/web-browser.ts'

const preferredPorts = [6432, 8432, 8443, 9443]

vi.setConfig({
  testTimeout: startDeadlineMs + endDeadlineMs,
  hookTimeout: startDeadlineMs + endDeadlineMs,
})

describe('the demo', () => {
  const busy: Server[] = []
  let demo: Demo
  let hasPsql: boolean

  beforeAll(async () => {
    hasPsql = await isOnPath('psql')
    for (const port of preferredPorts) {
      const server = createServer()
      server.on('error', () => {})
      server.listen(port, '127.0.0.1')
      busy.push(server)
      // Where somebody else has the port, it is as busy as it should be.
      await Promise.race([once(server, 'listening'), once(server, 'error')]).catch(() => {})
    }
    demo = new Demo()
    await demo.untilPrinted(lastWords)
  })

  afterAll(async () => {
    await demo[Symbol.asyncDispose]()
    for (const server of busy) server.close()
  })

  test('steps around ports that are in use', () => {
    expect(demo.output).toMatch(/OpenID provider on https:\/\/localhost:\d+ \(9443 is in use\)/)
    expect(demo.output).toMatch(/Portcullis on localhost:\d+ \(6432, 8432 or 8443 is in use\)/)
    expect(demo.output).not.toMatch(/localhost:(6432|8443|9443)\b/)
    expect(demo.output).not.toContain(':8432')
  })

  test('is ready once its last line is there', () => {
    expect(demo.output.trimEnd().split('\n').at(-1)).toMatch(/^Press Ctrl-C to stop /)
  })

  test('prints neither colours nor movement into a pipe, and no line that is too long', () => {
    expect(demo.output).not.toMatch(/[\x1b\r]/)
    const ownLines = demo.output.split('\n').filter((line) => !line.includes(demo.folder))
    const long = ownLines.filter((line) => line.length > 100)
    expect(long).toEqual([])
  })

  test('prints neither a token nor a password', () => {
    expect(demo.output).not.toContain('eyJ')
    for (const name of ['app_readonly', 'app_readwrite', 'm2m', 'portcullis-web', 'web']) {
      const secret = readFileSync(`${demo.folder}/secrets/${name}`, 'utf8').trim()
      expect(secret).not.toBe('')
      expect(demo.output).not.toContain(secret)
      expect(readFileSync(`${demo.folder}/portcullis.yaml`, 'utf8')).not.toContain(secret)
    }
  })

  test('logs alice in and shows her the orders', () => {
    const story = demo.output.slice(0, demo.output.indexOf('== A machine logs in'))
    expect(story).toContain('app_readwrite')
    expect(story).toContain('drawbridge plank')
  })

  test('logs a machine in', () => {
    expect(demo.output).toContain('current_user is: app_readonly\n')
  })

  test.each([
    [
      'an expired token',
      1,
      'password authentication failed for user "app_readwrite"',
      'expired at',
    ],
    [
      'a token for somebody else',
      2,
      'password authentication failed for user "app_readwrite"',
      'issued for an alternate audience: "https://billing.example.com"',
    ],
    [
      'a group that nobody has mapped',
      3,
      'identity "carol" may not use pool "sso_pool"',
      'map one of your groups, or to set a default group',
    ],
    ['a password', 4, 'This connectivity pool requires SSO authentication', 'Get a fresh token'],
  ])('is refused with %s', (_, number, message, explanation) => {
    const from = demo.output.indexOf(`\n${number}. `)
    const text = demo.output.slice(from, demo.output.indexOf('\n\n', from)).replaceAll(/\s+/g, ' ')
    expect(text).toContain(message)
    expect(text).toContain(explanation)
  })

  test('records those refusals with their reasons', () => {
    const reasons = readFileSync(`${demo.folder}/audit.jsonl`, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { status: string; status_detail: string })
      .filter(({ status }) => status === 'Failure')
      .map(({ status_detail }) => status_detail)
    expect(reasons.slice(0, 4)).toEqual([
      'token-expired',
      'token-audience',
      'no-group',
      'sso-required',
    ])
  })

  test('prints a login for psql that works as it is', async (context) => {
    if (!hasPsql) {
      // eslint-disable-next-line no-console -- nobody may take this for a success
      console.warn('SKIPPED: there is no psql on PATH, so the command for it was not run')
      context.skip()
    }
    const login = demo.block('psql "', 'user=app_readwrite')
    const { output } = await demo.paste(
      demo.block('export PGPASSWORD='),
      `${login} -At <<'END'\nselect current_user, count(*) from orders\nEND`,
    )
    expect(output).toBe('app_readwrite|4\n')
  })

  test('prints a command for the console that works as it is', async (context) => {
    if (!hasPsql) context.skip()
    const { output } = await demo.paste(
      demo.block('export PGPASSWORD='),
      demo.block("psql -c 'SHOW SESSIONS'"),
    )
    expect(output).toMatch(/principal.*\n.*\n.*alice/)
  })

  test('prints how to sign in by the command of clients, which has a token from then on', async (context) => {
    if (!hasPsql) context.skip()
    const [login = '', psql = ''] = demo.block('sh ', 'portcullis login').split(/\n(?=sh )/)
    const signingIn = demo.begin(`CI= ${login} --no-browser`)
    const shown = /open (https:\S+\/device) in|: (https:\S+\/device)\n/
    await until('the code', () => /enter the code: \S+/.test(signingIn.heard()))
    const code = /enter the code: (\S+)/.exec(signingIn.heard())?.[1] ?? ''
    const address = shown.exec(signingIn.heard())?.slice(1).find(Boolean) ?? ''
    await approve(address, code, readFileSync(`${demo.folder}/ca.crt`, 'utf8'))
    expect(await signingIn.ended).toBe(0)
    expect(signingIn.heard()).toContain('Signed in as alice')
    const { output } = await demo.paste(`${psql} -At -c 'select count(*) from orders'`)
    expect(output).toBe('4\n')
  })

  test('prints a login for psql that waits until somebody has signed in on its page', async (context) => {
    if (!hasPsql) context.skip()
    const psql = demo.begin(`${demo.block('psql "', 'user=sso')} -At -c 'select 1'`)
    await until('the notice', () => psql.heard().includes('HINT'))
    const me = new WebBrowser(readFileSync(`${demo.folder}/ca.crt`, 'utf8'))
    await me.open(/sign in at (\S+) /.exec(psql.heard())?.[1] ?? '')
    await me.press('Continue to sign in')
    await me.press('Bob Builder (bob@example.com)')
    expect(me.text).toContain('“app_readonly”')
    expect(await psql.ended).toBe(0)
    expect(psql.heard()).toMatch(/\n1\n$/)
  })

  test('prints a program for Node that works as it is', async () => {
    const { code, output } = await demo.paste(demo.block('export PGPASSWORD='), demo.block('cd '))
    expect(output).toContain('gatehouse lantern')
    expect(code).toBe(0)
  })

  test('prints a program for Python that works as it is, where psycopg is installed', async (context) => {
    if ((await demo.paste('python3 -c "import psycopg"')).code !== 0) {
      // eslint-disable-next-line no-console -- nobody may take this for a success
      console.warn('SKIPPED: psycopg is not installed, so the program for Python was not run')
      context.skip()
    }
    const { code, output } = await demo.paste(
      demo.block('export PGPASSWORD='),
      demo.block('python3 -c'),
    )
    expect(output).toContain('gatehouse lantern')
    expect(code).toBe(0)
  })

  test.each([
    ['alice', 'portcullis-cli'],
    ['m2m', 'https://db.example.com'],
  ])('gives a fresh token of %s and prints nothing else', async (who, audience) => {
    const command = demo.block('export PGPASSWORD=').replace(/.*\$\((.*) alice\)/, `$1 ${who}`)
    const { output } = await demo.paste(command)
    expect(output).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    const claims: unknown = JSON.parse(Buffer.from(output.split('.')[1]!, 'base64url').toString())
    expect(claims).toMatchObject({ aud: audience })
  })

  test('says whose tokens there are to somebody who asks for another', async () => {
    const command = demo.block('export PGPASSWORD=').replace(/.*\$\((.*) alice\)/, '$1 mallory')
    const { code, output } = await demo.paste(command)
    expect(output).toBe('token: whose? One of alice, bob, carol, m2m\n')
    expect(code).toBe(64)
  })

  test('prints addresses where it can be asked for readiness and metrics', async () => {
    const [readiness, metrics] = await Promise.all(
      ['readiness', 'metrics'].map(async (path) =>
        fetch(demo.matchOf(new RegExp(String.raw`curl (http://\S+/${path})\n`))),
      ),
    )
    expect(await readiness!.json()).toEqual({ status: 'ok' })
    expect(await metrics!.text()).toContain('portcullis_')
  })

  test('is gone without a trace after Ctrl-C, also where it arrives twice', async () => {
    const { folder } = demo
    const family = await demo.family()
    const data = family.map(({ command }) => /-D (\S+)\/data/.exec(command)?.[1]).find(Boolean)
    expect(existsSync(folder)).toBe(true)
    expect(existsSync(data!)).toBe(true)
    expect(family.some(({ command }) => command.includes('portcullis.yaml'))).toBe(true)

    expect(await demo.end('SIGINT', 'SIGINT')).toBe(0)

    expect(await stillRunning(family)).toEqual([])
    expect(existsSync(folder)).toBe(false)
    expect(existsSync(data!)).toBe(false)
  })
})

describe('a demo that ends otherwise', () => {
  test('leaves nothing when it is told to stop while it starts', async () => {
    await using demo = new Demo()
    await demo.untilPrinted('Started PostgreSQL')
    const family = await demo.family()
    expect(await demo.end('SIGTERM', 'SIGHUP')).toBe(0)
    expect(await stillRunning(family)).toEqual([])
    expect(demo.output).toContain('everything that the demo made is removed')
  })

  test('says so and cleans up when Portcullis dies', async () => {
    await using demo = await new Demo().untilPrinted(lastWords)
    const { folder } = demo
    const family = await demo.family()
    process.kill(Number(demo.matchOf(/kill -HUP (\d+)/)), 'SIGKILL')
    expect(await demo.end()).toBe(1)
    expect(demo.output).toContain('Portcullis has ended by itself')
    expect(await stillRunning(family)).toEqual([])
    expect(existsSync(folder)).toBe(false)
  })

  test('uses pg and says so where there is no psql', async () => {
    await using bin = await mkdtempDisposable(join(tmpdir(), 'portcullis-test-bin-'))
    // What PostgreSQL's janitor and the search for its user need.
    for (const name of ['id', 'rm', 'sleep']) {
      const folder = ['/usr/bin', '/bin'].find((one) => existsSync(join(one, name)))!
      await symlink(join(folder, name), join(bin.path, name))
    }
    await symlink(process.execPath, join(bin.path, 'node'))
    const PATH = bin.path
    await using demo = new Demo({ ...process.env, PATH })
    await demo.untilPrinted(lastWords)
    expect(demo.output).toContain('the npm package pg (there is no psql on this machine)')
    expect(demo.output).toContain('error: This connectivity pool requires SSO authentication')
    expect(demo.output).toContain('drawbridge plank')
  })
})
