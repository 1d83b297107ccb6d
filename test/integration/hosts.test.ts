// A primary and its standby behind one database: failover, promotion and the way back, at real servers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PostgresServer } from '../../demo/postgres.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack
let standby: PostgresServer

beforeAll(async () => {
  stack = await Stack.start()
  await stack.postgres.stop()
  standby = await stack.postgres.standby()
  await stack.postgres.startAgain()
  await configure()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
  await standby[Symbol.asyncDispose]()
})

/** The same two servers, asked for in several ways. */
async function configure(): Promise<void> {
  const sandbox = stack.config.databases['sandbox']!['upstream'] as object
  const upstream = { ...sandbox, host: undefined }
  const hosts = [stack.postgres, standby].map(({ port }) => ({ host: 'localhost', port }))
  const database = (changes: object): Record<string, unknown> => ({
    upstream: { ...upstream, hosts, database: 'sandbox', connect_timeout: '5s', ...changes },
  })
  await stack.gateway.reload({
    ...stack.config,
    databases: {
      ...stack.config.databases,
      any: database({}),
      writing: database({ target_session_attrs: 'read-write' }),
      reading: database({ target_session_attrs: 'prefer-standby' }),
      patient: database({ hosts: [hosts[0]], connect_retries: 30 }),
    },
  })
}

interface Login {
  readonly client: WireClient
  readonly processId: number
  readonly secretKey: Buffer
  /** Whether it is at the standby. */
  readonly isStandby: boolean
  /** The port of the server as it says itself. */
  readonly port: number
}

async function logIn(database: string): Promise<Login> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const first = await client.logIn({ user: 'app_readonly', database }, await stack.token())
  if (first.type === 'E') throw new Error(errorFields(first).message)
  const { body } = await client.readUntil('K')
  await client.readUntil('Z')
  const [isStandby, port] = [
    await ask(client, 'select pg_is_in_recovery()'),
    await ask(client, "select current_setting('port')"),
  ]
  return {
    client,
    processId: body.readInt32BE(0),
    secretKey: Buffer.from(body.subarray(4)),
    isStandby: isStandby === 't',
    port: Number(port),
  }
}

async function ask(client: WireClient, sql: string): Promise<string> {
  client.query(sql)
  const { body } = await client.readUntil('D')
  const value = body.toString('utf8', 6)
  await client.readUntil('Z')
  return value
}

async function whereIs(database: string): Promise<'primary' | 'standby'> {
  const { client, port } = await logIn(database)
  client.destroy()
  return port === standby.port ? 'standby' : 'primary'
}

describe('of a primary and a standby', () => {
  test.each([
    ['any', 'primary'],
    ['writing', 'primary'],
    ['reading', 'standby'],
  ])('a session of %s is at the %s', async (database, expected) => {
    expect(await whereIs(database)).toBe(expected)
  })

  test('a statement is cancelled at the server that it runs on', async () => {
    const { client, processId, secretKey, isStandby } = await logIn('reading')
    expect(isStandby).toBe(true)
    client.query('select pg_sleep(30)')
    await until('the statement', async () => (await sleepers()) === 1)
    const canceller = await WireClient.connect(stack.gateway.port)
    canceller.send(cancelRequest(processId, secretKey))
    const answer = await client.readUntil('E')
    expect(errorFields(answer)).toMatchObject({ sqlstate: '57014' })
    client.destroy()
  })
})

async function sleepers(): Promise<number> {
  const rows = await standby.sql(
    `select count(*)::int as n from pg_stat_activity where query like 'select pg_sleep%'`,
  )
  return Number(rows[0]?.['n'])
}

test('sessions fail over to a standby that is promoted, come back, and the log says each once', async () => {
  const { postgres } = stack
  expect(await whereIs('writing')).toBe('primary')
  const before = stack.gateway.log().length
  await postgres.stop('immediate')
  await standby.sql('select pg_promote(true, 20)')
  // Remembered as a standby, and all the same the one that is left.
  expect(await whereIs('writing')).toBe('standby')
  for (let count = 0; count < 3; count++) expect(await whereIs('any')).toBe('standby')

  await postgres.startAgain()
  await until('the first host to have its turn', async () => (await whereIs('any')) === 'primary')
  const log = stack.gateway.log().slice(before)
  expect(log.match(/cannot be used, and is tried last/g)).toHaveLength(1)
  expect(log.match(/upstream host is back/g)).toHaveLength(1)
  const host = `localhost port ${postgres.port}`
  expect(await stack.metric('portcullis_upstream_logins_total', { host, outcome: 'failed' })).toBe(
    1,
  )
})

test('logins wait while PostgreSQL is restarted, and none of them fails', async () => {
  const { postgres } = stack
  await postgres.stop('fast')
  const logins = Array.from({ length: 5 }, async () => whereIs('patient'))
  await postgres.startAgain()
  expect(await Promise.all(logins)).toEqual(Array(5).fill('primary'))
})
