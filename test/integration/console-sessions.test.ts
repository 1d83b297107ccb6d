// Looking at sessions and governing them at the SQL console, whichever of two workers they are on.
import { Client, type QueryResult } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

let stack: Stack
const open: Client[] = []

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['console'] = { admin_groups: ['readwrite'], stats_groups: ['readonly'] }
    },
  })
  await stack.keysFetched()
})

afterEach(async () => {
  await Promise.all(open.splice(0).map(async (client) => client.end().catch(() => {})))
  await until('no sessions', async () => (await stack.metric('portcullis_sessions_open')) === 0)
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function connect(
  user: string,
  database: string,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<Client> {
  const client = new Client({
    host: 'localhost',
    port: stack.gateway.port,
    database,
    user,
    password: await stack.token(claims),
    ssl: { ca: stack.authority.certificate },
  })
  // That it is ended is what is tested.
  client.on('error', () => {})
  await client.connect()
  open.push(client)
  return client
}

async function console(right: 'admin' | 'stats' = 'admin'): Promise<Client> {
  const groups = right === 'admin' ? ['readwrite-role'] : []
  return connect('id_token', 'pgbouncer', { sub: 'carol', [groupsClaim]: groups })
}

async function sessionsOf(sub: string, count: number): Promise<readonly Client[]> {
  return Promise.all(
    Array.from({ length: count }, async () => connect('app_readonly', 'sandbox', { sub })),
  )
}

async function isOver(client: Client): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  client.on('error', (error: Error & { code?: string }) => {
    resolve(error.code)
  })
  client.once('end', () => {
    resolve(undefined)
  })
  return promise
}

type Shown = Readonly<Record<string, unknown>>

async function rows(admin: Client, statement: string): Promise<readonly Shown[]> {
  return (await admin.query<Shown>(statement)).rows
}

async function rowOf(admin: Client, topic: string, of: Shown): Promise<Shown> {
  const all = await rows(admin, `SHOW ${topic}`)
  const [name, value] = Object.entries(of)[0]!
  const found = all.find((row) => row[name] === value)
  if (found === undefined) throw new Error(`${topic} has no ${name} ${String(value)}`)
  return found
}

const tagOf = ({ command, rowCount }: QueryResult) => [command, rowCount]

describe('SHOW', () => {
  test('counts the sessions and the statements of both workers', async () => {
    const admin = await console()
    const before = async (): Promise<number> => {
      const stats = await rows(admin, 'SHOW STATS')
      return Number(
        stats.find(({ database }) => database === 'sandbox')?.['total_query_count'] ?? 0,
      )
    }
    const queries = await before()
    const clients = await sessionsOf('alice', 6)
    for (const client of clients) {
      await client.query('begin')
      await client.query('select 1')
      await client.query('commit')
    }
    expect(await before()).toBe(queries + 18)
    expect(await rowOf(admin, 'POOLS', { database: 'sandbox' })).toMatchObject({
      ...{ user: 'app_readonly', cl_active: 6, sv_active: 6, pool_mode: 'session' },
    })
    expect(await rowOf(admin, 'DATABASES', { name: 'sandbox' })).toMatchObject({
      current_connections: 6,
    })
    expect(await rowOf(admin, 'LISTS', { list: 'used_servers' })).toMatchObject({ items: 6 })
    const servers = await rows(admin, 'SHOW SERVERS')
    expect(servers).toHaveLength(6)
    const { rows: pids } = await clients[0]!.query<{ pid: number }>('select pg_backend_pid() pid')
    expect(servers.map((row) => row['remote_pid'])).toContain(pids[0]?.pid)
    // What has ended stays counted.
    await Promise.all(clients.map(async (client) => client.end()))
    await until('the ends', async () => (await rows(admin, 'SHOW SERVERS')).length === 0)
    expect(await before()).toBe(queries + 19)
  })

  test('says who has sessions, with types', async () => {
    const admin = await console('stats')
    await sessionsOf('alice', 2)
    const identity = await rowOf(admin, 'IDENTITIES', { subject: 'alice' })
    expect(identity).toMatchObject({
      ...{ issuer: stack.provider.issuer, sessions: 2, roles: ['app_readonly'] },
      first: expect.any(Date) as unknown,
    })
    expect(await rowOf(admin, 'SESSIONS', { subject: 'alice' })).toMatchObject({
      ...{ role: 'app_readonly', database: 'sandbox', pool: 'sso_pool', state: 'idle' },
    })
    const [key] = await rows(admin, 'SHOW KEYS')
    expect(key).toMatchObject({ issuer: stack.provider.issuer, kid: expect.any(String) as unknown })
  })

  test('keeps why a login was refused', async () => {
    const admin = await console()
    await expect(connect('postgres', 'sandbox', { sub: 'mallory' })).rejects.toThrow()
    expect(await rowOf(admin, 'DENIALS', { subject: 'mallory' })).toMatchObject({
      ...{ user: 'postgres', database: 'sandbox', address: '127.0.0.1' },
    })
  })

  test.each(['CONFIG', 'VERSION', 'STATE', 'MEM', 'FDS', 'SOCKETS', 'TOTALS', 'USERS'])(
    '%s answers by both protocols',
    async (topic) => {
      const admin = await console()
      const simple = await admin.query(`SHOW ${topic}`)
      const extended = await admin.query({ text: `SHOW ${topic}`, name: topic, values: [] })
      expect(simple.fields.map(({ name }) => name)).toEqual(extended.fields.map(({ name }) => name))
      expect(simple.command).toBe('SHOW')
    },
  )
})

describe('KILL', () => {
  test('ends the sessions of a subject on both workers, and no other', async () => {
    const admin = await console()
    const [alices, bobs] = [await sessionsOf('alice', 5), await sessionsOf('bob', 1)]
    const over = alices.map(isOver)
    const killed = await admin.query("KILL SUBJECT 'alice'")
    expect(tagOf(killed)).toEqual(['KILL', 5])
    expect(await Promise.all(over)).toEqual(Array.from({ length: 5 }, () => '57P01'))
    await bobs[0]!.query('select 1')
    await until('the record', async () => {
      const acts = (await stack.audit()) as unknown as readonly { api?: { operation: string } }[]
      return acts.some(({ api }) => api?.operation === 'kill')
    })
  })

  test('ends one session by its number', async () => {
    const admin = await console()
    const [one] = await sessionsOf('alice', 1)
    const over = isOver(one!)
    const { id } = await rowOf(admin, 'CLIENTS', { user: 'app_readonly' })
    await admin.query(`KILL_CLIENT ${String(id)}`)
    expect(await over).toBe('57P01')
  })

  test('of oneself is answered first', async () => {
    const admin = await console()
    const over = isOver(admin)
    expect(tagOf(await admin.query("KILL SUBJECT 'carol'"))).toEqual(['KILL', 1])
    expect(await over).toBe('57P01')
    const another = await console()
    const second = isOver(another)
    const killed = await another.query({ text: 'KILL SUBJECT $1', values: ['carol'] })
    expect(tagOf(killed)).toEqual(['KILL', 1])
    expect(await second).toBe('57P01')
  })

  test('is not for who may only look', async () => {
    const [one] = await sessionsOf('alice', 1)
    const viewer = await console('stats')
    const { id } = await rowOf(viewer, 'CLIENTS', { user: 'app_readonly' })
    for (const statement of [
      "KILL SUBJECT 'alice'",
      `KILL_CLIENT ${String(id)}`,
      "REVOKE SUBJECT 'alice' UNTIL '2030-01-01'",
      "RESTORE SUBJECT 'alice'",
      `EXPLAIN LOGIN CLAIMS '{"sub": "alice"}'`,
    ]) {
      await expect(viewer.query(statement)).rejects.toMatchObject({ code: '42501' })
    }
    await one!.query('select 1')
  })
})

describe('REVOKE', () => {
  test('keeps somebody out of both workers until RESTORE', async () => {
    const admin = await console()
    const alices = await sessionsOf('alice', 3)
    const over = alices.map(isOver)
    const aDay = new Date(Date.now() + 86_400_000).toISOString()
    const revoked = await admin.query(`REVOKE SUBJECT 'alice' UNTIL '${aDay}'`)
    expect(tagOf(revoked)).toEqual(['REVOKE', 3])
    await Promise.all(over)
    for (let i = 0; i < 6; i++) {
      await expect(sessionsOf('alice', 1)).rejects.toMatchObject({ code: '28000' })
    }
    expect(await rows(admin, 'SHOW REVOCATIONS')).toMatchObject([
      { source: 'revoked', criteria: "SUBJECT 'alice'", by: 'carol' },
    ])
    const token = await stack.token({ sub: 'alice' })
    const denied = await admin.query<Shown>({
      text: 'EXPLAIN LOGIN TOKEN $1 USER app_readonly DATABASE sandbox',
      values: [token],
    })
    expect(denied.rows).toContainEqual(
      expect.objectContaining({ check: 'reason', compared: 'denied' }),
    )
    expect(tagOf(await admin.query("RESTORE SUBJECT 'alice'"))).toEqual(['RESTORE', 1])
    await sessionsOf('alice', 6)
  })

  test('of one worker that dies holds in the one that takes its place', async () => {
    const admin = await console()
    await admin.query("REVOKE SUBJECT 'alice' UNTIL '2030-01-01'")
    const pids = stack.workers()
    const [killed] = pids
    process.kill(killed!, 'SIGKILL')
    await until('another worker', () => {
      const now = stack.workers()
      return now.length === 2 && !now.includes(killed!)
    })
    for (let i = 0; i < 6; i++) {
      await expect(sessionsOf('alice', 1)).rejects.toThrow()
    }
    const again = await console()
    expect(tagOf(await again.query("RESTORE SUBJECT 'alice'"))).toEqual(['RESTORE', 1])
    await sessionsOf('alice', 2)
  })
})

test('EXPLAIN LOGIN says what a token and what claims would open', async () => {
  const admin = await console()
  const token = await stack.token({ sub: 'alice' })
  const explained = await admin.query<Shown>({
    text: 'EXPLAIN LOGIN TOKEN $1 USER app_readonly DATABASE sandbox',
    values: [token],
  })
  expect(explained.rows).toContainEqual(
    expect.objectContaining({ check: 'outcome', compared: 'granted', passed: true }),
  )
  const hypothetical = await rows(
    admin,
    `EXPLAIN LOGIN CLAIMS '{"sub": "zoe"}' USER app_readonly DATABASE sandbox`,
  )
  expect(hypothetical).toContainEqual(
    expect.objectContaining({ check: 'role', compared: 'app_readonly', verified: false }),
  )
  const signature = token.split('.')[2]!
  const said = JSON.stringify([explained.rows, await stack.audit()]) + stack.gateway.log()
  expect(said).not.toContain(signature)
})
