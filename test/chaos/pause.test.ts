// Workers that hang or end while the databases of the node are paused.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OwnService } from '../support/own-service.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WireClient } from '../support/wire-client.ts'
import { kill } from './kill.ts'

let stack: Stack
let service: OwnService

beforeAll(async () => {
  stack = await Stack.start()
  service = await OwnService.start(stack, 'pause', { workers: 2 })
})

afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

test('a worker that hangs is told of, and hears of the pause when it goes on', async () => {
  const [stopped] = service.workers()
  if (stopped === undefined) throw new Error('no worker')
  process.kill(stopped, 'SIGSTOP')
  try {
    expect(await service.fault('PAUSE sandbox')).toMatchObject({
      sqlstate: '58000',
      message: '1 worker process did not confirm PAUSE',
      detail: expect.stringContaining('Database sandbox is paused.') as unknown,
    })
  } finally {
    process.kill(stopped, 'SIGCONT')
  }
  await service.done('PAUSE sandbox')
  await service.done('RESUME sandbox')
})

test('workers that are started while a database is paused hold its logins', async () => {
  await service.done('PAUSE sandbox')
  const before = service.workers()
  for (const pid of before) kill(pid)
  await until('another to listen', async () => {
    const readiness = await fetch(`${service.httpAddress}/readiness`)
    return readiness.ok && service.workers().every((pid) => !before.includes(pid))
  })
  const login = await WireClient.connectSecurely(service.port, stack.authority.certificate)
  login.startup({ user: 'app_readonly', database: 'sandbox' })
  await login.read()
  login.password(await stack.token())
  await until('it to wait', async () => (await service.metric('portcullis_logins_paused')) === 1)
  expect(await stack.backends()).toBe(0)
  await service.done('RESUME sandbox')
  await login.readUntil('Z')
  login.destroy()
})
