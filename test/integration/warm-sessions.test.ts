// Sessions that are ready before anybody asks, at a real PostgreSQL: whose they are, what a client gets of
// them, and what makes them worthless.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: ({ databases }) => {
      const upstream = databases['sandbox']!['upstream'] as object
      databases['sandbox'] = { upstream: { ...upstream, warm: { max_per_role: 2 } } }
      databases['cold'] = { upstream: { ...upstream, database: 'sandbox' } }
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

interface Login {
  readonly client: WireClient
  readonly processId: number
  readonly statuses: Readonly<Record<string, string>>
}

const usual = { user: 'app_readonly', application_name: 'the app', DateStyle: 'German' }

async function logIn(changes: Readonly<Record<string, string>> = {}): Promise<Login> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const parameters = { ...usual, database: 'sandbox', ...changes }
  const first = await client.logIn(parameters, await stack.token())
  if (first.type === 'E') throw new Error(errorFields(first).sqlstate)
  const statuses: [string, string][] = []
  let processId = 0
  for (;;) {
    const { type, body } = await client.read()
    if (type === 'S') {
      const [name = '', value = ''] = body.toString().split('\0')
      statuses.push([name, value])
    }
    if (type === 'K') processId = body.readInt32BE(0)
    if (type === 'Z') break
  }
  // Each once, as PostgreSQL has it.
  expect(new Set(statuses.map(([name]) => name)).size).toBe(statuses.length)
  return { client, processId, statuses: Object.fromEntries(statuses) }
}

async function ask({ client }: Login, sql: string): Promise<string> {
  client.query(sql)
  const { body } = await client.readUntil('D')
  await client.readUntil('Z')
  return body.toString('utf8', 6)
}

async function run({ client }: Login, sql: string): Promise<void> {
  client.query(sql)
  await client.readUntil('Z')
}

/** The process ids of the sessions that wait. */
async function waiting(): Promise<readonly number[]> {
  const rows = await stack.postgres.sql(
    `select pid from pg_stat_activity
     where application_name = 'portcullis (warm)' and state = 'idle' and usename = 'app_readonly'`,
  )
  return rows.map(({ pid }) => Number(pid))
}

async function untilWaiting(count: number): Promise<readonly number[]> {
  await until(
    `${count} sessions to wait`,
    // PostgreSQL knows of one before it is among those that the gateway has ready.
    async () =>
      (await waiting()).length === count &&
      (count === 0 || (await stack.metric('portcullis_warm_sessions_open')) === count),
  )
  return waiting()
}

/** Two logins that end at once, behind which two sessions wait. */
async function warmUp(changes: Readonly<Record<string, string>> = {}): Promise<readonly number[]> {
  for (let count = 0; count < 2; count++) (await logIn(changes)).client.destroy()
  return untilWaiting(2)
}

async function forget(): Promise<void> {
  await stack.renewUpstreams()
  await until('nobody to wait', async () => (await waiting()).length === 0)
}

describe('a login', () => {
  beforeEach(async () => {
    await forget()
  })

  test('gets a session that is ready, which is as a new one in everything that its client sees', async () => {
    const cold = await logIn({ database: 'cold' })
    const ready = await warmUp()
    const warm = await logIn({ application_name: 'another app' })
    expect(ready).toContain(warm.processId)
    expect(warm.statuses).toEqual({ ...cold.statuses, application_name: 'another app' })
    expect(await ask(warm, 'show application_name')).toBe('another app')
    expect(await ask(warm, 'select session_user')).toBe('app_readonly')
    await run(warm, 'set DateStyle = ISO; reset all')
    expect(await ask(warm, 'show DateStyle')).toBe('German, DMY')
    expect(await stack.metric('portcullis_warm_logins_total', { outcome: 'ready' })).toBe(1)
    for (const { client } of [cold, warm]) client.destroy()
  })

  test('gets one that nobody had before, and nobody has after it', async () => {
    await warmUp()
    const seen = new Set<number>()
    for (let count = 0; count < 4; count++) {
      const one = await logIn()
      expect(seen.has(one.processId)).toBe(false)
      seen.add(one.processId)
      await run(one, 'create temporary table mine (x int)')
      one.client.destroy()
      await untilWaiting(2)
    }
    for (const pid of await waiting()) expect(seen.has(pid)).toBe(false)
  })

  test.each([
    ['other parameters', { DateStyle: 'ISO' }],
    ['options', { options: '-c statement_timeout=5s' }],
    ['another role', { user: 'app_readwrite' }],
  ])('with %s gets none that waits for others', async (_, changes) => {
    const ready = await warmUp()
    const one = await logIn(changes)
    expect(ready).not.toContain(one.processId)
    expect(one.statuses['session_authorization']).toBe({ ...usual, ...changes }.user)
    one.client.destroy()
  })

  test('does not fail because the server has closed all that waited', async () => {
    const ready = await warmUp()
    await stack.postgres.sql(`select pg_terminate_backend(pid) from unnest($1::int[]) as pid`, {
      values: [ready],
    })
    const one = await logIn()
    expect(ready).not.toContain(one.processId)
    one.client.destroy()
  })

  test('is refused by PostgreSQL when its role may not log in any more', async () => {
    await warmUp()
    await stack.postgres.sql('alter role app_readonly nologin')
    try {
      await expect(logIn()).rejects.toThrow('08001')
    } finally {
      await stack.postgres.sql('alter role app_readonly login')
    }
    await untilWaiting(0)
  })

  test.each([
    ['is a superuser', 'superuser', 'nosuperuser', '28000'],
    [
      'has a password that is out of its time',
      "valid until '2020-01-01'",
      "valid until 'infinity'",
      '08001',
    ],
    ['has other settings', "set work_mem = '5MB'", 'reset work_mem', undefined],
  ])('gets none that waited when its role %s by now', async (_, change, back, sqlstate) => {
    const ready = await warmUp()
    await stack.postgres.sql(`alter role app_readonly ${change}`)
    try {
      if (sqlstate !== undefined) {
        await expect(logIn()).rejects.toThrow(sqlstate)
        return
      }
      const one = await logIn()
      expect(ready).not.toContain(one.processId)
      expect(await ask(one, 'show work_mem')).toBe('5MB')
      one.client.destroy()
    } finally {
      await stack.postgres.sql(`alter role app_readonly ${back}`)
    }
  })

  test('gets none of a role that was dropped, though another has its name', async () => {
    const { postgres } = stack
    const ready = await warmUp()
    await postgres.sql('alter role app_readonly rename to former')
    const password = stack.passwords['app_readonly']!
    await postgres.sql(`create role app_readonly login password '${password}'`)
    try {
      const one = await logIn()
      expect(ready).not.toContain(one.processId)
      one.client.destroy()
    } finally {
      await forget()
      await postgres.sql('drop role app_readonly')
      await postgres.sql('alter role former rename to app_readonly')
      await postgres.sql(`alter role app_readonly password '${password}'`)
    }
  })

  test('leaves no more behind than are allowed for its role, whatever its parameters', async () => {
    for (const style of ['ISO', 'SQL', 'German']) {
      for (let count = 0; count < 2; count++) (await logIn({ DateStyle: style })).client.destroy()
    }
    await untilWaiting(2)
    expect(await stack.metric('portcullis_warm_sessions_open')).toBe(2)
  })

  test('finds a place though all are taken by sessions that wait', async () => {
    await warmUp()
    const { postgres } = stack
    await postgres.sql('alter role app_readonly connection limit 2')
    try {
      const one = await logIn({ DateStyle: 'SQL' })
      one.client.destroy()
    } finally {
      await postgres.sql('alter role app_readonly connection limit -1')
    }
  })
})

test('nothing waits for those who come by way of a database without the setting', async () => {
  await forget()
  for (let count = 0; count < 3; count++) (await logIn({ database: 'cold' })).client.destroy()
  expect(await waiting()).toEqual([])
})

test('what waits is gone with another upstream, and with the end', async () => {
  const waited = await warmUp()
  await stack.gateway.reload(stack.config)
  expect(await waiting()).toEqual(waited)
  await stack.renewUpstreams()
  await untilWaiting(0)
  await warmUp()
  await stack.gateway.stop()
  await untilWaiting(0)
})
