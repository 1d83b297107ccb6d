// Sessions that are ended from outside, on whatever worker they are, and who is not let in any more.
import { execFile } from 'node:child_process'
import { rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const run = promisify(execFile)

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    prepare: async (folder) => {
      await writeFile(join(folder, 'deny.yaml'), '[]')
    },
    configure: (config) => {
      config.workers = 2
      config['control_socket'] = 'control.sock'
      config['deny_file'] = 'deny.yaml'
    },
  })
  await stack.keysFetched()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function connect(claims: Readonly<Record<string, unknown>>, user = 'app_readonly') {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const first = await client.logIn({ user, database: 'sandbox' }, await stack.token(claims))
  return { client, first }
}

async function logIn(
  claims: Readonly<Record<string, unknown>>,
  user?: string,
): Promise<WireClient> {
  const { client, first } = await connect(claims, user)
  if (first.type === 'E') throw new Error(errorFields(first).message)
  await client.readUntil('Z')
  return client
}

async function refused(claims: Readonly<Record<string, unknown>>) {
  const { client, first } = await connect(claims)
  client.destroy()
  return first.type === 'E' ? errorFields(first) : undefined
}

async function several(
  count: number,
  claims: Readonly<Record<string, unknown>>,
  user?: string,
): Promise<readonly WireClient[]> {
  return Promise.all(Array.from({ length: count }, async () => logIn(claims, user)))
}

async function sessions(...options: readonly string[]): Promise<string> {
  const config = ['--config', stack.gateway.configFile]
  const { stdout } = await run(process.execPath, [program, 'sessions', ...options, ...config])
  return stdout
}

async function nobodyIsIn(): Promise<void> {
  await until('no sessions', async () => (await stack.metric('portcullis_sessions_open')) === 0)
}

async function goesOn(client: WireClient): Promise<void> {
  client.query('select 1')
  await client.readUntil('Z')
}

const told = (message: string) => ({ severity: 'FATAL', sqlstate: '57P01', message })
const killed = told('terminating connection due to administrator command')
const revoked = told('terminating connection: access was revoked')

describe('portcullis sessions', () => {
  test('kill ends exactly the sessions of a person, on every worker, also those that are busy', async () => {
    const alice = await several(8, { sub: 'alice' })
    const bob = await several(4, { sub: 'bob' })
    alice[0]!.query('begin; select pg_sleep(60)')
    await until('the statement runs', async () => (await stack.activeStatements()) === 1)
    const output = await sessions('kill', '--issuer', stack.provider.issuer, '--subject', 'alice')
    expect(output).toBe('8 sessions ended\n')
    for (const client of alice) expect(await client.readUntilError()).toMatchObject(killed)
    await Promise.all(bob.map(goesOn))
    await until('only backends of bob', async () => (await stack.backends()) === 4)
    await until(
      'the ends are counted',
      async () =>
        (await stack.metric('portcullis_sessions_ended_total', { reason: 'killed' })) === 8,
    )
    for (const client of bob) client.destroy()
    await nobodyIsIn()
  })

  test('kill ends by role, by group and by token, and the audit says why', async () => {
    const reader = await logIn({ sub: 'r', jti: 'first' })
    const other = await logIn({ sub: 'r', jti: 'second' })
    const writer = await logIn({ sub: 'w' }, 'app_readwrite')
    expect(await sessions('kill', '--token-id', 'first')).toBe('1 session ended\n')
    expect(await reader.readError()).toMatchObject(killed)
    await goesOn(other)
    expect(await sessions('kill', '--role', 'app_readwrite')).toBe('1 session ended\n')
    expect(await writer.readError()).toMatchObject(killed)
    expect(await sessions('kill', '--group', 'readonly')).toBe('1 session ended\n')
    expect(await other.readError()).toMatchObject(killed)
    const ends = async () =>
      (await stack.audit()).filter(({ status_detail: why }) => why === 'killed')
    await until('the audit of the ends', async () => (await ends()).length === 11)
    await nobodyIsIn()
  })

  test('list shows who is in and where, on every worker, and nothing of the token', async () => {
    const alice = await several(4, { sub: 'alice', jti: 'secret id' })
    const list = JSON.parse(await sessions('list', '-o', 'json')) as {
      sessions: Record<string, unknown>[]
      total: number
    }
    expect(list.total).toBe(4)
    expect(list.sessions[0]).toMatchObject({
      issuer: stack.provider.issuer,
      subject: 'alice',
      principal: 'alice',
      groups: ['readwrite', 'readonly'],
      role: 'app_readonly',
      database: 'sandbox',
      pool: 'sso_pool',
      address: '127.0.0.1',
    })
    expect(JSON.stringify(list)).not.toContain('secret id')
    const [id] = list.sessions.map(({ session }) => String(session))
    const text = await sessions('list', '--session', id!)
    expect(text).toMatch(/^session +principal +role +database +pool +address +since +until\n/)
    expect(text).toMatch(/\n1 session\n$/)
    for (const client of alice) client.destroy()
    await nobodyIsIn()
    expect(await sessions('list')).toBe('0 sessions\n')
  })

  test('kill without a criterion ends nothing and says so', async () => {
    const client = await logIn({})
    await expect(sessions('kill')).rejects.toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/say which sessions/) as string,
    })
    await goesOn(client)
    client.destroy()
  })

  test('speaks by a socket that its owner alone may open', async () => {
    const { mode } = await stat(join(stack.folder, 'control.sock'))
    expect(mode & 0o777).toBe(0o600)
  })
})

describe('the deny file', () => {
  const file = () => join(stack.folder, 'deny.yaml')

  /** As a file should be replaced: whole. Every worker reads it for itself. */
  async function deny(content: string, outcome = 'deny file read'): Promise<void> {
    const from = stack.gateway.log().length
    await writeFile(`${file()}.new`, content)
    await rename(`${file()}.new`, file())
    await until('every worker to have read it', () => {
      const lines = stack.gateway.log().slice(from).split('\n')
      const told = lines.filter((line) => line.includes(`"${outcome}`))
      return new Set(told.map((line) => /"pid":\d+/.exec(line)?.[0])).size === 2
    })
  }

  test('ends sessions within the poll time, refuses the next login, and lets in again', async () => {
    const mallory = await several(6, { sub: 'mallory' })
    const alice = await logIn({ sub: 'alice' })
    const deniedAt = performance.now()
    const denied = deny(`- { issuer: "${stack.provider.issuer}", subject: mallory, reason: left }`)
    for (const client of mallory) expect(await client.readError()).toMatchObject(revoked)
    expect(performance.now() - deniedAt).toBeLessThan(3_000)
    await goesOn(alice)
    await denied
    expect(await refused({ sub: 'mallory' })).toMatchObject({
      sqlstate: '28000',
      message: 'access is denied',
    })
    await until('the log says which entry', () =>
      stack.gateway.log().includes('entry 1 of the deny file: left'),
    )
    await deny('[]')
    expect(await refused({ sub: 'mallory' })).toBeUndefined()
    alice.destroy()
  })

  test('counts an entry until its time', async () => {
    await deny('- { subject: trudy, until: 2020-01-01T00:00:00Z }\n- { subject: eve }')
    expect(await refused({ sub: 'eve' })).toMatchObject({ sqlstate: '28000' })
    expect(await refused({ sub: 'trudy' })).toBeUndefined()
  })

  test('that is broken leaves the last good one in use, and a metric says so', async () => {
    await deny('- { subject: eve }')
    await deny('- { subjekt: eve }', 'deny file not read')
    expect(await stack.metric('portcullis_deny_file_broken')).toBeGreaterThan(0)
    expect(await refused({ sub: 'eve' })).toMatchObject({ sqlstate: '28000' })
    await deny('[]')
    expect(await stack.metric('portcullis_deny_file_broken')).toBe(0)
  })
})
