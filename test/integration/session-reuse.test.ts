// One client after the other in the same session of PostgreSQL: nothing of the first is left for the second,
// and what was not left as it should be is nobody's again.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, errorFields, message, WireClient } from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: ({ databases }) => {
      const upstream = databases['sandbox']!['upstream'] as object
      const warm = { max_per_role: 2, reuse: 'reset' }
      databases['sandbox'] = { upstream: { ...upstream, warm } }
    },
  })
  await stack.postgres.sql('grant temporary on database sandbox to app_readonly')
  await stack.postgres.sql('grant pg_monitor to app_readonly')
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

interface Login {
  readonly client: WireClient
  readonly processId: number
  readonly secretKey: Buffer
  readonly statuses: Readonly<Record<string, string>>
}

const usual = { user: 'app_readonly', database: 'sandbox', DateStyle: 'German' }

async function logIn(name: string): Promise<Login> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const first = await client.logIn({ ...usual, application_name: name }, await stack.token())
  if (first.type === 'E') throw new Error(errorFields(first).sqlstate)
  const statuses: [string, string][] = []
  let processId = 0
  let secretKey = Buffer.alloc(0)
  for (;;) {
    const { type, body } = await client.read()
    if (type === 'S') {
      const [key = '', value = ''] = body.toString().split('\0')
      statuses.push([key, value])
    }
    if (type === 'K') {
      processId = body.readInt32BE(0)
      secretKey = Buffer.from(body.subarray(4))
    }
    if (type === 'Z') break
  }
  return { client, processId, secretKey, statuses: Object.fromEntries(statuses) }
}

async function ask({ client }: Login, sql: string): Promise<string> {
  client.query(sql)
  const { body } = await client.readUntil('D')
  await client.readUntil('Z')
  return body.readInt32BE(2) === -1 ? 'null' : body.toString('utf8', 6)
}

async function run({ client }: Login, sql: string): Promise<void> {
  client.query(sql)
  await client.readUntil('Z')
}

const terminate = message('X', Buffer.alloc(0))
const extended = (type: string, body: string): Buffer => message(type, Buffer.from(body))

async function nameOf(processId: number): Promise<unknown> {
  const rows = await stack.postgres.sql(
    'select application_name as name from pg_stat_activity where pid = $1',
    { values: [processId] },
  )
  return rows[0]?.['name']
}

async function untilWaiting(processId: number): Promise<void> {
  await until('the session to wait', async () => {
    const name = await nameOf(processId)
    if (name === undefined) throw new Error('it was closed')
    return name === 'portcullis (warm)'
  })
}

async function untilGone(processId: number): Promise<void> {
  // One that waits for another client would be there for minutes.
  await until('the session to be closed', async () => (await nameOf(processId)) === undefined)
}

async function waiting(): Promise<number> {
  const rows = await stack.postgres.sql(
    `select from pg_stat_activity where application_name = 'portcullis (warm)'`,
  )
  return rows.length
}

/** Somebody who has got a session that may come back. */
async function warmLogin(name = 'first'): Promise<Login> {
  for (let count = 0; count < 2; count++) (await logIn('before')).client.destroy()
  // By the gateway's own count: PostgreSQL knows of a session before it is among those that wait.
  await until(
    'sessions to wait',
    async () => (await stack.metric('portcullis_warm_sessions_open')) === 2,
  )
  return logIn(name)
}

/** They stay until the test is over: a session that they gave back would take the place of another one. */
const others: Login[] = []

/** A client that has got that session: it is one of several that wait. */
async function logInTo(processId: number, name: string): Promise<Login> {
  for (let count = 0; count < 4; count++) {
    const login = await logIn(name)
    if (login.processId === processId) return login
    others.push(login)
  }
  throw new Error('no client has got the session')
}

afterEach(() => {
  for (const { client } of others.splice(0)) client.destroy()
})

beforeEach(async () => {
  await stack.renewUpstreams()
  await until('nobody to wait', async () => (await waiting()) === 0)
})

test('the next client gets the session of the last one, and finds nothing of it', async () => {
  const first = await warmLogin()
  for (const sql of [
    `set work_mem = '7MB'`,
    `set TimeZone = 'Asia/Tokyo'`,
    `set DateStyle = 'SQL'`,
    `set application_name = 'renamed'`,
    `set my.setting = 'secret'`,
    `set session characteristics as transaction read only`,
    `begin read write`,
    `create temporary table mine (x int)`,
    `create function pg_temp.mine() returns int language sql as 'select 1'`,
    `commit`,
    `prepare mine as select 1`,
    `declare mine cursor with hold for select 1`,
    `listen mine`,
    `select pg_advisory_lock(1)`,
    `select setseed(0.5)`,
    `set role pg_monitor`,
  ]) {
    await run(first, sql)
  }
  first.client.send(extended('P', '\0select 42\0\0\0'))
  first.client.send(extended('S', ''))
  await first.client.readUntil('Z')
  first.client.send(terminate)
  await first.client.closed()
  await untilWaiting(first.processId)
  expect(await stack.metric('portcullis_warm_sessions_returned_total')).toBeGreaterThan(0)

  const second = await logInTo(first.processId, 'second')
  expect(second.secretKey).not.toEqual(first.secretKey)
  expect(second.statuses).toEqual({ ...first.statuses, application_name: 'second' })
  // Whoever knows what it was begun by would know what comes.
  await run(second, 'create temporary table numbers as select random() as x')
  expect(await ask(second, 'select count(*) from numbers where x = 0.9851677175347999')).toBe('0')
  for (const [sql, value] of [
    ['select session_user', 'app_readonly'],
    ['select current_user', 'app_readonly'],
    ['show application_name', 'second'],
    [
      'show TimeZone',
      await ask(second, `select reset_val from pg_settings where name = 'TimeZone'`),
    ],
    ['show DateStyle', 'German, DMY'],
    ['show my.setting', ''],
    ['show default_transaction_read_only', 'off'],
    [
      `select count(*) from pg_settings where source = 'session' and name <> 'application_name'`,
      '0',
    ],
    [`select to_regclass('pg_temp.mine')`, 'null'],
    [`select count(*) from pg_proc where pronamespace = pg_my_temp_schema()`, '0'],
    ['select count(*) from pg_prepared_statements', '0'],
    ['select count(*) from pg_cursors', '0'],
    ['select count(*) from pg_listening_channels()', '0'],
    [`select count(*) from pg_locks where locktype = 'advisory'`, '0'],
  ] as const) {
    expect([sql, await ask(second, sql)]).toEqual([sql, value])
  }
  second.client.send(terminate)
  await untilWaiting(first.processId)

  const third = await logInTo(first.processId, 'third')
  third.client.send(extended('D', 'S\0'))
  third.client.send(extended('S', ''))
  expect((await third.client.readUntilError()).sqlstate).toBe('26000')
  third.client.destroy()
})

test('a cancel request by the key of the last client is nothing to the next one', async () => {
  const first = await warmLogin()
  first.client.send(terminate)
  await first.client.closed()
  await untilWaiting(first.processId)
  const second = await logInTo(first.processId, 'second')
  second.client.query('select pg_sleep(0.3)')
  const other = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  other.send(cancelRequest(first.processId, first.secretKey))
  await other.closed()
  await second.client.readUntil('Z')
  second.client.destroy()
})

test('a client that closes its connection without a word leaves its session to the next one', async () => {
  const first = await warmLogin()
  first.client.end()
  await untilWaiting(first.processId)
})

describe('a session is closed with its client', () => {
  test.each<[string, (login: Login) => Promise<void> | void]>([
    ['in a transaction', async (one) => run(one, 'begin')],
    [
      'in a failed transaction',
      async (one) => {
        one.client.query('begin; select 1/0')
        await one.client.readUntilError()
        await one.client.readUntil('Z')
      },
    ],
    [
      'while a statement runs',
      ({ client }) => {
        client.query('select pg_sleep(0.2)')
      },
    ],
    [
      'with a statement in the same breath',
      ({ client }) => {
        client.send(Buffer.concat([extended('Q', 'select 1\0'), terminate]))
      },
    ],
    [
      'before the end of a message',
      ({ client }) => {
        client.send(extended('Q', 'select 1\0').subarray(0, 9))
      },
    ],
    [
      'behind statements without an end',
      ({ client }) => {
        client.send(extended('P', '\0select 1\0\0\0'))
      },
    ],
    [
      'with more behind its farewell',
      ({ client }) => {
        client.send(Buffer.concat([terminate, extended('Q', 'select 1\0')]))
      },
    ],
    [
      'after COPY',
      async ({ client }) => {
        client.query('create temporary table mine (x int); copy mine from stdin')
        await client.readUntil('G')
        client.send(Buffer.concat([extended('d', '1\n'), extended('c', '')]))
        await client.readUntil('Z')
      },
    ],
    [
      'after a cancel request',
      async ({ client, processId, secretKey }) => {
        const { port } = stack.gateway
        const other = await WireClient.connectSecurely(port, stack.authority.certificate)
        other.send(cancelRequest(processId, secretKey))
        await other.closed()
        client.query('select 1')
        await client.readUntil('Z')
      },
    ],
    [
      'when its role is another by now',
      async () => {
        await stack.postgres.sql(`alter role app_readonly set work_mem = '5MB'`)
      },
    ],
  ])('that left it %s', async (_, leave) => {
    const first = await warmLogin()
    try {
      await leave(first)
      if (!first.client.socket.writableEnded) first.client.send(terminate)
      first.client.end()
      await untilGone(first.processId)
    } finally {
      await stack.postgres.sql('alter role app_readonly reset work_mem')
    }
  })
})

test('what comes back with the end is closed', async () => {
  const first = await warmLogin()
  await stack.gateway.stop()
  await untilGone(first.processId)
})
