// A worker and the primary killed with SIGKILL.
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Gateway } from '../../demo/gateway.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { kill } from './kill.ts'

let stack: Stack

beforeEach(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
    },
  })
})

afterEach(async () => {
  await stack[Symbol.asyncDispose]()
})

test('a worker that is killed is replaced, and the other one’s sessions go on', async () => {
  const sessions = await Promise.all(Array.from({ length: 20 }, async () => stack.logIn()))
  const [victim] = stack.workers()
  await stack.gateway.untilLogged(/a worker ended/, () => {
    kill(victim!)
  })
  const outcomes = await Promise.all(
    sessions.map(async ({ client }) => {
      client.query('select 1')
      return client.readUntil('Z').then(
        () => 'goes on',
        () => 'lost',
      )
    }),
  )
  expect(new Set(outcomes)).toEqual(new Set(['goes on', 'lost']))
  for (const { client } of sessions) client.destroy()
  await until(
    'two workers',
    () => stack.workers().length === 2 && !stack.workers().includes(victim!),
  )
  await until('no backends', async () => (await stack.backends()) === 0)
  const { client } = await stack.logIn()
  client.destroy()
})

test('a primary that is killed leaves no worker, no session and no port behind', async () => {
  const { port } = stack.gateway
  const sessions = await Promise.all(Array.from({ length: 8 }, async () => stack.logIn()))
  sessions[0]!.client.query('begin; select pg_sleep(60)')
  await until('the statement', async () => (await stack.activeStatements()) === 1)
  const workers = stack.workers()
  const exited = once(stack.gateway.process, 'exit')
  kill(stack.gateway.process.pid!)
  await exited
  await Promise.all(sessions.map(async ({ client }) => client.closed()))
  await until('no workers', () => workers.every((pid) => !isAlive(pid)))
  await until('no backends', async () => (await stack.backends()) === 0)

  const pool = stack.config.connectivity_pools['sso_pool']!
  pool['participants'] = [{ node: 'gw0', listen_address: '127.0.0.1', listen_port: port }]
  stack.gateway = await Gateway.start({ folder: stack.folder, config: stack.config })
  const { client } = await stack.logIn()
  client.destroy()
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
