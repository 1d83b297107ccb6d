// Several workers on one port act as one: cancel requests, scrapes.
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Gateway } from '../../demo/gateway.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, WireClient } from '../support/wire-client.ts'

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

test('the kernel spreads sessions over the workers, and a scrape sums them', async () => {
  const sessions = await Promise.all(Array.from({ length: 40 }, async () => stack.logIn()))
  expect(await stack.metric('portcullis_sessions_open')).toBe(40)
  expect(await stack.metric('portcullis_logins_total', { outcome: 'admitted' })).toBe(40)
  const used = new Set(
    stack.gateway
      .log()
      .split('\n')
      .filter((line) => line.includes('session admitted'))
      .map((line) => (JSON.parse(line) as { pid: number }).pid),
  )
  expect(used.size).toBe(2)
  for (const { client } of sessions) client.destroy()
  await until('no sessions', async () => (await stack.metric('portcullis_sessions_open')) === 0)
})

test('a cancel request reaches its session whichever worker takes it', async () => {
  const sessions = await Promise.all(Array.from({ length: 8 }, async () => stack.logIn()))
  for (const { client } of sessions) client.query('select pg_sleep(60)')
  // PostgreSQL ignores a cancel request for a backend that has nothing to cancel.
  await until('the statements to run', async () => (await stack.activeStatements()) === 8)
  await Promise.all(
    sessions.map(async ({ client, processId, secretKey }) => {
      const canceller = await WireClient.connect(stack.gateway.port)
      canceller.send(cancelRequest(processId, secretKey))
      expect(await canceller.closed()).toHaveLength(0)
      expect(await client.readUntilError()).toMatchObject({ sqlstate: '57014' })
      client.destroy()
    }),
  )
})

test('a second instance on the same port says so and does not start', async () => {
  const folder = join(stack.folder, 'second')
  await mkdir(folder)
  for (const file of ['ca.crt', 'server.crt', 'server.key']) {
    await copyFile(join(stack.folder, file), join(folder, file))
  }
  const participant = {
    node: 'gw0',
    listen_address: '127.0.0.1',
    listen_port: stack.gateway.port,
  }
  const config = {
    ...stack.config,
    connectivity_pools: { sso_pool: { require_sso: true, participants: [participant] } },
  }
  await expect(Gateway.start({ folder, config })).rejects.toThrow(/EADDRINUSE/)
})
