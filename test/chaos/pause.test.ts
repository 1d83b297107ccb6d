// Workers that hang or end while the databases of the node are paused.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Console, consoleGroups } from '../support/console.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WireClient } from '../support/wire-client.ts'
import { kill } from './kill.ts'

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['console'] = consoleGroups
    },
  })
  await stack.keysFetched()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

test('a worker that hangs is told of, and hears of the pause when it goes on', async () => {
  // The one that does not have the console.
  const console = await Console.connect(stack)
  const stopped = stack.workers().find((pid) => !admittedBy().includes(pid))
  if (stopped === undefined) throw new Error('no worker')
  process.kill(stopped, 'SIGSTOP')
  try {
    expect(await console.fault('PAUSE sandbox')).toMatchObject({
      code: '58000',
      message: '1 worker process did not confirm PAUSE',
      detail: expect.stringContaining('Database sandbox is paused.') as unknown,
    })
  } finally {
    process.kill(stopped, 'SIGCONT')
  }
  await console.done('PAUSE sandbox')
  await console.done('RESUME sandbox')
  await console.close()
})

test('workers that are started while a database is paused hold its logins', async () => {
  const before = await Console.connect(stack)
  await before.done('PAUSE sandbox')
  const killed = stack.workers()
  for (const pid of killed) kill(pid)
  await until('them to be gone', () => !killed.some(isAlive))
  await until('another to listen', async () =>
    WireClient.connect(stack.gateway.port).then(
      (client) => {
        client.destroy()
        return true
      },
      () => false,
    ),
  )
  const login = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  login.startup({ user: 'app_readonly', database: 'sandbox' })
  await login.read()
  login.password(await stack.token())
  await until('it to wait', async () => (await stack.metric('portcullis_logins_paused')) === 1)
  expect(await stack.backends()).toBe(0)
  const after = await Console.connect(stack)
  await after.done('RESUME sandbox')
  await login.readUntil('Z')
  login.destroy()
  await after.close()
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The workers that have let somebody in. */
function admittedBy(): readonly number[] {
  return stack.gateway
    .log()
    .split('\n')
    .filter((line) => line.includes('session admitted'))
    .map((line) => (JSON.parse(line) as { pid: number }).pid)
}
