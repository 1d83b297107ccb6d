// PgBouncer's commands at the console of a node of two workers with a real PostgreSQL.
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import pg from 'pg'
import { stringify } from 'yaml'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { hasPsql, psql } from '../support/psql.ts'
import { Console, consoleGroups } from '../support/console.ts'
import { type Session, Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, type ErrorFields, errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack
let console: Console

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config.limits = { max_paused_logins: 5 }
      config['console'] = consoleGroups
      const { upstream } = config.databases['sandbox'] as { upstream: object }
      config.databases['ready'] = {
        upstream: { ...upstream, database: 'sandbox', warm: { max_per_role: 2 } },
      }
    },
  })
  await stack.keysFetched()
  console = await Console.connect(stack)
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

afterEach(async () => {
  if (stack.gateway.process.exitCode !== null) return
  for (const text of ['RESUME', 'RESUME sandbox', 'ENABLE sandbox']) await console.say(text)
  // But for the console itself.
  await until('no sessions', async () => (await stack.metric('portcullis_sessions_open')) <= 1)
})

const done = async (text: string): Promise<string> => console.done(text)
const waiting = async (): Promise<number> => stack.metric('portcullis_logins_paused')

async function connect(database = 'sandbox'): Promise<pg.Client> {
  const client = new pg.Client({
    ...{ host: 'localhost', port: stack.gateway.port, database, user: 'app_readonly' },
    application_name: 'pause',
    password: await stack.token(),
    ssl: { ca: stack.authority.certificate },
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Comes as far as its credential, and says nothing more. */
async function beginLogin(): Promise<WireClient> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  client.startup({ user: 'app_readonly', database: 'sandbox' })
  await client.read()
  client.password(await stack.token())
  return client
}

async function firstError(client: WireClient): Promise<ErrorFields> {
  const first = await client.read()
  client.destroy()
  return errorFields(first)
}

/** A client that asks for something all the time, and connects again when its session ends. */
class Application {
  answers = 0
  readonly refusals: unknown[] = []
  #isOver = false
  readonly #running = this.#run()

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isOver) await this.#work(await connect())
    } catch (error) {
      this.refusals.push(error)
    }
  }

  async #work(client: pg.Client): Promise<void> {
    try {
      while (!this.#isOver) {
        await client.query('begin')
        await client.query('select count(*) from pg_catalog.pg_class')
        await client.query('commit')
        this.answers++
      }
    } catch {
      // PostgreSQL was stopped.
    }
    await client.end().catch(() => {})
  }
}

test('PostgreSQL is restarted under load while it is paused, and no login is refused', async () => {
  const applications = Array.from({ length: 4 }, () => new Application())
  await until('all to work', () => applications.every(({ answers }) => answers > 2))
  await done('PAUSE')
  expect(await stack.activeStatements()).toBe(0)
  const before = applications.map(({ answers }) => answers)
  await stack.postgres.restart('fast')
  await until('their next logins to wait', async () => (await waiting()) === 4)
  expect(applications.map(({ answers }) => answers)).toEqual(before)
  await done('RESUME')
  await until('all to work again', () =>
    applications.every(({ answers }, index) => answers > (before[index] ?? 0) + 2),
  )
  await Promise.all(applications.map(async (one) => one.stop()))
  expect(applications.flatMap(({ refusals: all }) => all)).toEqual([])
})

test('sessions that are held go on where they were, on every worker', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, async () => connect()))
  await Promise.all(clients.map(async (client) => client.query("set work_mem = '5MB'")))
  await done('PAUSE sandbox')
  const answers = clients.map(async (client) => client.query<{ work_mem: string }>('show work_mem'))
  let isAnswered = false
  void Promise.race(answers).then(() => (isAnswered = true))
  const login = await beginLogin()
  await until('the login to wait', async () => (await waiting()) === 1)
  expect(isAnswered).toBe(false)
  expect(await stack.activeStatements()).toBe(0)
  await done('RESUME sandbox')
  for (const answer of await Promise.all(answers)) expect(answer.rows[0]?.work_mem).toBe('5MB')
  await login.readUntil('Z')
  login.destroy()
  await Promise.all(clients.map(async (client) => client.end()))
})

test('SHOW says what is paused and disabled', async () => {
  const shown = async () => ({
    state: (await console.rows('SHOW STATE')).find(({ value }) => value === 'yes')?.['key'],
    databases: (await console.rows('SHOW DATABASES')).map(({ name, paused, disabled }) => ({
      ...{ name, paused, disabled },
    })),
  })
  const open = { paused: 0, disabled: 0 }
  const ready = { name: 'ready', ...open }
  expect(await shown()).toEqual({
    state: 'active',
    databases: [{ name: 'sandbox', ...open }, ready],
  })
  await done('DISABLE sandbox')
  await done('PAUSE sandbox')
  expect(await shown()).toMatchObject({
    state: 'active',
    databases: [{ name: 'sandbox', paused: 1, disabled: 1 }, ready],
  })
  await done('PAUSE')
  expect(await shown()).toMatchObject({ state: 'paused' })
})

test('PAUSE waits for the transaction that is open', async () => {
  const client = await connect()
  await client.query('begin')
  let isDone = false
  const paused = done('PAUSE sandbox').then(() => (isDone = true))
  // It answers within a transaction.
  await client.query('select 1')
  expect(isDone).toBe(false)
  await client.query('commit')
  await paused
  await done('RESUME sandbox')
  await client.end()
})

test('DISABLE lets nobody in, and those who are in be', async () => {
  const inside = await connect()
  await done('DISABLE sandbox')
  const refused = await firstError(await beginLogin())
  expect(refused).toMatchObject({ sqlstate: '57P03', message: 'database "sandbox" is disabled' })
  await inside.query('select 1')
  await inside.end()
  await done('ENABLE sandbox')
  await (await connect()).end()
})

test('KILL ends sessions and whoever waits, and who comes then waits', async () => {
  const inside = await connect()
  const ended = new Promise((resolve) => inside.once('error', resolve))
  await done('PAUSE sandbox')
  const login = await beginLogin()
  await until('it to wait', async () => (await waiting()) === 1)
  await done('KILL sandbox')
  expect(await firstError(login)).toMatchObject({ sqlstate: '57P01' })
  expect(await ended).toMatchObject({ code: '57P01' })
  const next = await beginLogin()
  await until('the next to wait', async () => (await waiting()) === 1)
  await done('RESUME sandbox')
  await next.readUntil('Z')
  next.destroy()
})

test('RELOAD takes over the file, and tells every problem of one that is broken', async () => {
  await writeFile(
    stack.gateway.configFile,
    stringify({ ...stack.config, nods: 1, timeouts: { pause: 'x' } }),
  )
  const { code, detail } = await console.fault('RELOAD')
  expect(code).toBe('F0000')
  expect(detail).toContain('nods')
  expect(detail).toContain('timeouts.pause')
  await writeFile(stack.gateway.configFile, stringify(stack.config))
  expect(await done('RELOAD')).toBe('RELOAD')
})

test('RECONNECT and WAIT_CLOSE wait for the sessions that were open', async () => {
  const old = await connect()
  await done('RECONNECT sandbox')
  const young = await connect()
  let isDone = false
  const closed = done('WAIT_CLOSE sandbox').then(() => (isDone = true))
  await old.query('select 1')
  expect(isDone).toBe(false)
  await old.end()
  await closed
  await young.query('select 1')
  await young.end()
})

test('SUSPEND holds within a transaction, on every worker', async () => {
  const clients = await Promise.all(Array.from({ length: 6 }, async () => connect()))
  for (const client of clients) await client.query('begin')
  await done('SUSPEND')
  const answers = clients.map(async (client) => client.query('select 1'))
  let isAnswered = false
  void Promise.race(answers).then(() => (isAnswered = true))
  const login = await beginLogin()
  await until('it to wait', async () => (await waiting()) === 1)
  expect(isAnswered).toBe(false)
  await done('RESUME')
  await Promise.all(answers)
  await login.readUntil('Z')
  login.destroy()
  await Promise.all(clients.map(async (client) => client.end()))
})

test('sessions that are ready are closed while their database is paused, and none are opened', async () => {
  const ready = async (): Promise<readonly unknown[]> => {
    const rows = await stack.postgres.sql(
      "select pid from pg_stat_activity where application_name = 'portcullis (warm)'",
    )
    return rows.map(({ pid }) => pid)
  }
  const logIn = async (): Promise<void> => {
    await (await connect('ready')).end()
  }
  for (let count = 0; count < 4; count++) await logIn()
  await until('some to be ready', async () => (await ready()).length > 0)
  await done('PAUSE ready')
  await until('none to be ready', async () => (await ready()).length === 0)
  await done('RESUME ready')
  for (let count = 0; count < 4; count++) await logIn()
  await until('some to be ready again', async () => (await ready()).length > 0)
  const before = await ready()
  await done('RECONNECT ready')
  await until('all of them to be closed', async () =>
    (await ready()).every((pid) => !before.includes(pid)),
  )
})

describe.skipIf(!hasPsql())('psql', () => {
  const environment = async (): Promise<NodeJS.ProcessEnv> => ({
    ...stack.environment(await stack.token({ [groupsClaim]: ['readwrite-role'] })),
    ...{ PGDATABASE: 'pgbouncer', PGUSER: 'alice' },
  })

  test('follows the runbook of a restart', async () => {
    const { stdout, code } = await psql(await environment(), 'PAUSE sandbox', 'RESUME sandbox')
    expect({ stdout, code }).toEqual({ stdout: 'PAUSE\nRESUME\n', code: 0 })
  })

  test('is told of a database that there is not', async () => {
    const { stderr } = await psql(await environment(), 'PAUSE sandbx')
    expect(stderr).toMatch(/no such database: sandbx\n(.*\n)*HINT:  Perhaps you meant sandbox\./)
  })
})

test('a PAUSE that is cancelled while it waits is taken back', async () => {
  const inside = await connect()
  await inside.query('begin')
  const { client, processId, secretKey } = await sitDown()
  client.query('PAUSE sandbox')
  const login = await beginLogin()
  await until('it to be paused', async () => (await waiting()) === 1)
  const canceller = await WireClient.connect(stack.gateway.port)
  canceller.send(cancelRequest(processId, secretKey))
  expect(await client.readUntilError()).toMatchObject({ sqlstate: '57014' })
  await login.readUntil('Z')
  for (const one of [client, login, canceller]) one.destroy()
  await inside.query('commit')
  await inside.end()
})

test('SHUTDOWN WAIT_FOR_CLIENTS lets sessions be and nobody in, and ends with the last', async () => {
  const client = await connect()
  const ended = once(stack.gateway.process, 'exit')
  expect(await done('SHUTDOWN WAIT_FOR_CLIENTS')).toBe('SHUTDOWN')
  await until('nobody to be let in', async () =>
    connect().then(
      async (another) => another.end().then(() => false),
      () => true,
    ),
  )
  await client.query('select 1')
  await client.end()
  expect(await ended).toEqual([0, null])
})

test('SHUTDOWN ends every session at once, and says so first', async () => {
  await stack.restartGateway()
  console = await Console.connect(stack)
  const client = await connect()
  await client.query('begin')
  const lost = new Promise((resolve) => client.once('error', resolve))
  const ended = once(stack.gateway.process, 'exit')
  expect(await done('SHUTDOWN')).toBe('SHUTDOWN')
  expect(await lost).toMatchObject({ code: '57P01' })
  expect(await ended).toEqual([0, null])
})

/** The console, byte by byte. */
async function sitDown(): Promise<Session> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const token = await stack.token({ [groupsClaim]: ['readwrite-role'] })
  await client.logIn({ user: 'alice', database: 'pgbouncer' }, token)
  const { body } = await client.readUntil('K')
  await client.readUntil('Z')
  return { client, processId: body.readInt32BE(0), secretKey: body.subarray(4) }
}
