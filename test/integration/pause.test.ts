// PgBouncer's commands at a node of two workers with a real PostgreSQL, given to the process that has them.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { OwnService } from '../support/own-service.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { type ErrorFields, errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack
let service: OwnService

beforeAll(async () => {
  stack = await Stack.start()
  const { databases } = stack.config
  const { upstream } = databases['sandbox'] as { upstream: object }
  service = await OwnService.start(stack, 'pause', {
    workers: 2,
    limits: { max_paused_logins: 5 },
    databases: {
      ...databases,
      ready: { upstream: { ...upstream, database: 'sandbox', warm: { max_per_role: 2 } } },
    },
  })
})

afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

afterEach(async () => {
  for (const text of ['RESUME', 'RESUME sandbox', 'ENABLE sandbox']) await service.say(text)
  await until('no sessions', async () => (await service.metric('portcullis_sessions_open')) === 0)
})

const done = async (text: string): Promise<unknown> => service.done(text)
const waiting = async (): Promise<number> => service.metric('portcullis_logins_paused')

async function connect(database = 'sandbox'): Promise<pg.Client> {
  const client = new pg.Client({
    ...{ host: 'localhost', port: service.port, database, user: 'app_readonly' },
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
  const client = await WireClient.connectSecurely(service.port, stack.authority.certificate)
  client.startup({ user: 'app_readonly', database: 'sandbox' })
  await client.read()
  client.password(await stack.token())
  return client
}

async function refused(client: WireClient): Promise<ErrorFields> {
  const first = await client.read()
  client.destroy()
  return errorFields(first)
}

async function refusals(): Promise<readonly (string | undefined)[]> {
  const text = await readFile(join(stack.folder, 'pause.jsonl'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { status: string; status_detail?: string })
    .filter(({ status }) => status === 'Failure')
    .map((record) => record.status_detail)
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

describe('whoever is kept out is told so', () => {
  test('where the database is disabled', async () => {
    const inside = await connect()
    await done('DISABLE sandbox')
    expect(await refused(await beginLogin())).toMatchObject({
      sqlstate: '57P03',
      message: 'database "sandbox" is disabled',
      hint: expect.stringContaining('later') as unknown,
    })
    await inside.query('select 1')
    await inside.end()
    await done('ENABLE sandbox')
    await (await connect()).end()
  })

  test('where its sessions are killed, and waits from then on', async () => {
    const inside = await connect()
    const ended = new Promise((resolve) => inside.once('error', resolve))
    await done('PAUSE sandbox')
    const login = await beginLogin()
    await until('it to wait', async () => (await waiting()) === 1)
    await done('KILL sandbox')
    expect(await refused(login)).toMatchObject({ sqlstate: '57P01' })
    expect(await ended).toMatchObject({ code: '57P01' })
    const next = await beginLogin()
    await until('the next to wait', async () => (await waiting()) === 1)
    await done('RESUME sandbox')
    await next.readUntil('Z')
    next.destroy()
  })

  test('where too many wait', async () => {
    await done('PAUSE sandbox')
    // Five for each worker.
    const logins = await Promise.all(Array.from({ length: 11 }, beginLogin))
    const first = await Promise.race(logins.map(async (login) => login.readError()))
    expect(first).toMatchObject({ sqlstate: '53300' })
    for (const login of logins) login.destroy()
    await until('nobody to wait', async () => (await waiting()) === 0)
  })

  test('where it waits for longer than a configuration allows that was reloaded', async () => {
    await service.write({ timeouts: { pause: '1s' } })
    expect(await done('RELOAD')).toMatchObject({ tag: 'RELOAD' })
    await done('PAUSE sandbox')
    expect(await refused(await beginLogin())).toMatchObject({
      sqlstate: '57P03',
      message: 'database "sandbox" is paused, and was not resumed within 1 seconds',
    })
  })

  test('and each is in the audit, by its reason', async () => {
    await until('the records', async () => new Set(await refusals()).size === 4)
    expect([...new Set(await refusals())].sort()).toEqual([
      'database-disabled',
      'database-killed',
      'pause-timeout',
      'too-many-waiting',
    ])
  })
})

test('a broken configuration is told to whoever reloads, whole', async () => {
  await service.write({ nods: 1, timeouts: { pause: 'x' } })
  const { sqlstate, detail } = await service.fault('RELOAD')
  expect(sqlstate).toBe('F0000')
  expect(detail).toContain('nods')
  expect(detail).toContain('timeouts.pause')
  await service.write({})
  await done('RELOAD')
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

test('SHUTDOWN WAIT_FOR_CLIENTS lets sessions be, SHUTDOWN ends them', async () => {
  await using one = await OwnService.start(stack, 'shutdown', { workers: 1 })
  const { port } = one
  const client = new pg.Client({
    ...{ host: 'localhost', port, database: 'sandbox', user: 'app_readonly' },
    password: await stack.token(),
    ssl: { ca: stack.authority.certificate },
  })
  const ended = new Promise((resolve) => client.once('error', resolve))
  await client.connect()
  await one.done('PAUSE')
  await one.done('RESUME')
  await one.done('SHUTDOWN WAIT_FOR_CLIENTS')
  await until('nobody to be let in', async () => {
    const readiness = await fetch(`${one.httpAddress}/readiness`)
    return readiness.status === 503
  })
  await client.query('select 1')
  expect((await one.fault('SHUTDOWN WAIT_FOR_SERVERS')).message).toBe('already shutting down')
  await one.done('SHUTDOWN')
  expect(await ended).toMatchObject({ code: '57P01' })
  await one.stopped
})
