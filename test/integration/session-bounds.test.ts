// The end of a session by its token, its age or its idleness, and what PostgreSQL has of it then.
import { describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, message, WireClient } from '../support/wire-client.ts'

type Limits = Readonly<Record<string, string>>

const lifeSeconds = 5

async function start(limits: Limits): Promise<Stack> {
  return Stack.start({
    configure: (config) => {
      Object.assign(config.connectivity_pools['sso_pool']!, limits)
    },
  })
}

/** A session by a token that expires in five seconds, and when that is. */
async function begin(stack: Stack): Promise<{ client: WireClient; expiresAt: number }> {
  const exp = Math.floor(Date.now() / 1_000) + lifeSeconds
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const first = await client.logIn(
    { user: 'app_readonly', database: 'sandbox' },
    await stack.token({ exp }),
  )
  if (first.type === 'E') throw new Error(errorFields(first).message)
  await client.readUntil('Z')
  return { client, expiresAt: exp * 1_000 }
}

async function leftBehind(stack: Stack): Promise<void> {
  await until('no backend', async () => (await stack.backends()) === 0, 5_000)
}

async function endsOf(stack: Stack): Promise<readonly (string | undefined)[]> {
  const count = async () => (await stack.audit()).filter((record) => record.activity_id === 2)
  await until('the audit of the end', async () => (await count()).length > 0)
  return (await count()).map((record) => record.status_detail)
}

const expired = {
  severity: 'FATAL',
  sqlstate: '57P01',
  message: 'terminating connection: token expired',
  hint: 'Connect again with a new token.',
}

// They wait most of the time, each for a stack of its own.
describe.concurrent('the expiry of a token of five seconds', () => {
  test('ends an idle session at once', async () => {
    await using stack = await start({ session_expiry: 'idle' })
    const { client, expiresAt } = await begin(stack)
    expect(await client.readError()).toMatchObject(expired)
    const lateMs = Date.now() - expiresAt
    expect(lateMs).toBeGreaterThanOrEqual(0)
    expect(lateMs).toBeLessThan(2_000)
    await client.closed()
    await leftBehind(stack)
    expect(await endsOf(stack)).toEqual(['token-expired'])
    const reason = 'token-expired'
    expect(await stack.metric('portcullis_sessions_ended_total', { reason })).toBe(1)
  })

  test('ends a statement that runs after the grace', async () => {
    await using stack = await start({ session_expiry: 'hard', session_grace: '2s' })
    const { client, expiresAt } = await begin(stack)
    client.query('select pg_sleep(60)')
    expect(await client.readUntilError()).toMatchObject(expired)
    expect(Date.now() - expiresAt).toBeGreaterThanOrEqual(2_000)
    await client.closed()
    await leftBehind(stack)
  })

  test('ends a pipeline of statements after the grace, with all that is in it', async () => {
    await using stack = await start({ session_expiry: 'hard', session_grace: '1s' })
    const { client } = await begin(stack)
    const sleep = message('Q', Buffer.from('select pg_sleep(60)\0'))
    client.send(Buffer.concat([sleep, sleep, sleep, sleep]))
    expect(await client.readUntilError()).toMatchObject(expired)
    await client.closed()
    await leftBehind(stack)
  })

  test('ends a pipeline that has no Sync after the grace', async () => {
    await using stack = await start({ session_expiry: 'hard', session_grace: '1s' })
    const { client } = await begin(stack)
    const parse = message('P', Buffer.from('\0select pg_sleep(60)\0\0\0'))
    const bind = message('B', Buffer.alloc(8))
    const execute = message('E', Buffer.alloc(5))
    client.send(Buffer.concat([parse, bind, execute, bind, execute]))
    expect(await client.readUntilError()).toMatchObject(expired)
    await client.closed()
    await leftBehind(stack)
  })

  test('ends a client that copies in after the grace, and nothing of it is kept', async () => {
    await using stack = await start({ session_expiry: 'hard', session_grace: '1s' })
    const { client } = await begin(stack)
    client.query('create temporary table t (n int); copy t from stdin')
    await client.readUntil('G')
    client.send(message('d', Buffer.from('1\n')))
    expect(await client.readUntilError()).toMatchObject(expired)
    await client.closed()
    await leftBehind(stack)
  })

  test('lets a transaction go to its end with idle', async () => {
    await using stack = await start({ session_expiry: 'idle' })
    const { client, expiresAt } = await begin(stack)
    client.query('begin')
    await client.readUntil('Z')
    await until('the expiry', async () => Promise.resolve(Date.now() > expiresAt + 1_000))
    client.query('select 42')
    expect((await client.readUntil('D')).body.toString()).toContain('42')
    await client.readUntil('Z')
    client.query('commit')
    await client.readUntil('Z')
    expect(await client.readError()).toMatchObject(expired)
    await client.closed()
    await leftBehind(stack)
  })

  test('is nothing to a session by default, and to one that began before a reload', async () => {
    await using stack = await start({})
    const { client, expiresAt } = await begin(stack)
    stack.config.connectivity_pools['sso_pool']!['session_expiry'] = 'hard'
    await stack.gateway.reload(stack.config)
    const { client: other } = await begin(stack)
    expect(await other.readError()).toMatchObject(expired)
    expect(Date.now()).toBeGreaterThan(expiresAt)
    client.query('select 42')
    expect((await client.readUntil('D')).body.toString()).toContain('42')
    await client.readUntil('Z')
    client.end()
    await leftBehind(stack)
  })
})

describe.concurrent('a session that', () => {
  test.each([
    ['is idle for long', { idle_timeout: '1s' }, undefined, '57P05', 'idle'],
    [
      'is idle in a transaction for long',
      { idle_in_transaction_timeout: '1s' },
      'begin',
      '25P03',
      'idle-in-transaction',
    ],
    ['lasts for long', { max_session_lifetime: '1s' }, undefined, '57P01', 'session-lifetime'],
  ])('%s is ended, and gone at PostgreSQL', async (_, limits, statement, sqlstate, reason) => {
    await using stack = await start(limits)
    const { client } = await stack.logIn()
    if (statement !== undefined) {
      client.query(statement)
      await client.readUntil('Z')
    }
    expect(await client.readError()).toMatchObject({ severity: 'FATAL', sqlstate })
    await client.closed()
    await leftBehind(stack)
    expect(await endsOf(stack)).toEqual([reason])
  })
})
