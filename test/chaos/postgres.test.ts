// PostgreSQL killed with SIGKILL: what docs/operations.md promises to who is in and to who comes.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'
import { killPostgres } from './kill.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

test('PostgreSQL that is killed takes its sessions with it within a second, and nothing else', async () => {
  const sessions = await Promise.all(Array.from({ length: 12 }, async () => stack.logIn()))
  for (const { client } of sessions.slice(0, 4)) client.query('begin; select pg_sleep(60)')
  await until('the statements', async () => (await stack.activeStatements()) === 4)
  const workers = stack.workers()

  const killedAt = performance.now()
  await killPostgres(stack.postgres)
  await Promise.all(sessions.map(async ({ client }) => client.closed()))
  // Twelve sessions and a busy machine: a second each would already be a session that waits for something.
  expect(performance.now() - killedAt).toBeLessThan(5_000)
  await until('no sessions', async () => (await stack.metric('portcullis_sessions_open')) === 0)

  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const refused = await client.logIn(
    { user: 'app_readonly', database: 'sandbox' },
    await stack.token(),
  )
  expect(errorFields(refused)).toMatchObject({
    severity: 'FATAL',
    sqlstate: '08001',
    message: 'could not connect to the database',
  })
  const ends = (await stack.audit())
    .filter((record) => record.activity_id === 2)
    .map((record) => record.unmapped.portcullis['end_reason'])
  expect(ends).toHaveLength(12)
  expect(new Set(ends)).toEqual(new Set(['upstream-closed']))

  await stack.postgres.startAgain()
  const again = await stack.logIn()
  again.client.destroy()
  expect(stack.workers()).toEqual(workers)
})
