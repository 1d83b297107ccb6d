import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { takeServiceManager } from '../../src/config/service-manager.ts'
import { ServiceManager } from '../../src/service-manager.ts'
import { until } from '../support/until.ts'

let folder: string
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-notify-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** Plays systemd-notify: what it was told is in the file, a line for each run. */
async function standIn(script: string): Promise<{
  readonly program: string
  readonly said: () => Promise<readonly string[]>
}> {
  count += 1
  const program = join(folder, `notify-${count}`)
  const told = `${program}.told`
  await writeFile(program, `#!/bin/sh\ntold=${told}\n${script}\n`)
  await chmod(program, 0o755)
  return {
    program,
    said: async () =>
      (await readFile(told, 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''),
  }
}

const tell = 'echo "$NOTIFY_SOCKET|$*" >> $told'
const address = { socket: '/run/notify', watchdogMs: undefined }

function never(error: unknown): void {
  throw error
}

test('what is said arrives in its order, one after the other', async () => {
  const { program, said } = await standIn(`case "$*" in *RELOADING*) sleep 0.1;; esac; ${tell}`)
  const manager = new ServiceManager({ address, program, onError: never })
  manager.ready('Ready,\nsoon')
  manager.reloading()
  manager.ready('Ready')
  manager.stopping('Draining', 1_500)
  await until('all is said', async () => (await said()).length === 4)
  expect(await said()).toEqual([
    '/run/notify|READY=1 STATUS=Ready, soon',
    expect.stringMatching(/^\/run\/notify\|RELOADING=1 MONOTONIC_USEC=\d+ STATUS=Reading/),
    '/run/notify|READY=1 STATUS=Ready',
    '/run/notify|STOPPING=1 EXTEND_TIMEOUT_USEC=1500000 STATUS=Draining',
  ])
})

test('a service manager that watches hears of it by itself', async () => {
  const { program, said } = await standIn(tell)
  const watched = { ...address, watchdogMs: 40 }
  new ServiceManager({ address: watched, program, onError: () => {} }).ready('Ready')
  const dogs = async (): Promise<number> =>
    (await said()).filter((line) => line.endsWith('|WATCHDOG=1')).length
  await until('the watchdog', async () => (await dogs()) >= 2)
})

test('without a service manager no program is run', async () => {
  const { program, said } = await standIn(tell)
  const manager = new ServiceManager({ address: undefined, program, onError: never })
  manager.ready('Ready')
  const other = new ServiceManager({ address, program, onError: never })
  other.ready('Other')
  await until('the other', async () => (await said()).length > 0)
  expect(await said()).toEqual(['/run/notify|READY=1 STATUS=Other'])
})

test.each([
  ['is not there', '/does/not/exist'],
  ['fails', '/bin/false'],
])('a program that %s is told once and nothing else happens', async (_, program) => {
  const errors: unknown[] = []
  const manager = new ServiceManager({
    address: { ...address, watchdogMs: 10 },
    program,
    onError: (error) => errors.push(error),
  })
  manager.ready('Ready')
  const { program: working, said } = await standIn(tell)
  await until('the error', () => errors.length > 0)
  const other = new ServiceManager({ address, program: working, onError: never })
  other.ready('later')
  await until('something later', async () => (await said()).length > 0)
  expect(errors).toHaveLength(1)
})

test('the address is taken out of the environment, so that no other program speaks for the service', () => {
  const environment = {
    NOTIFY_SOCKET: '/run/systemd/notify',
    WATCHDOG_USEC: '30000000',
    WATCHDOG_PID: '7',
    HOME: '/',
  }
  expect(takeServiceManager({ ...environment }, 8)).toEqual({
    socket: '/run/systemd/notify',
    watchdogMs: undefined,
  })
  expect(takeServiceManager(environment, 7)).toEqual({
    socket: '/run/systemd/notify',
    watchdogMs: 30_000,
  })
  expect(environment).toEqual({ HOME: '/' })
})

test.each([
  ['nothing', {}],
  ['a socket of another kind', { NOTIFY_SOCKET: 'vsock:2:1234' }],
])('%s is no service manager', (_, environment) => {
  expect(takeServiceManager(environment, 1)).toBeUndefined()
})
