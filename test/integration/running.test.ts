// What starts, watches and stops a gate: wait, healthcheck, shutdown.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Gateway } from '../../demo/gateway.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config['control_socket'] = 'control.sock'
      config.timeouts['drain'] = '10m'
    },
  })
}, 60_000)

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

interface Outcome {
  readonly code: unknown
  readonly stdout: string
  readonly stderr: string
}

async function portcullis(...args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, exit] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit', { signal: AbortSignal.timeout(30_000) }),
  ])
  return { code: exit[0], stdout, stderr }
}

const ofGateway = (): readonly string[] => ['--url', stack.gateway.httpAddress]
const bySocket = (): readonly string[] => ['--socket', join(stack.folder, 'control.sock')]

async function startAgain(): Promise<void> {
  stack.gateway = await Gateway.start({ folder: stack.folder, config: stack.config })
}

test('wait ends with 0 when the gate is ready, and healthcheck says so', async () => {
  expect(await portcullis('wait', ...ofGateway())).toEqual({ code: 0, stdout: '', stderr: '' })
  expect(await portcullis('healthcheck', ...ofGateway())).toMatchObject({
    code: 0,
    stdout: 'ready\n',
  })
  expect(await portcullis('healthcheck', '--live', ...ofGateway())).toMatchObject({
    code: 0,
    stdout: 'alive\n',
  })
})

test('a configuration says where the gate is, and its secrets are not read', async () => {
  const file = join(stack.folder, 'elsewhere.yaml')
  const http = { listen_port: stack.gateway.httpPort }
  await writeFile(file, stringify({ http, databases: '${file:/does/not/exist}' }))
  expect(await portcullis('healthcheck', '--config', file)).toMatchObject({ code: 0 })
})

test('wait says at its end why the gate was not ready', async () => {
  const outcome = await portcullis('wait', '--url', 'http://127.0.0.1:1', '--timeout', '100ms')
  expect(outcome).toEqual({
    code: 1,
    stdout: '',
    stderr: 'portcullis: not ready within 100ms: 127.0.0.1:1: ECONNREFUSED\n',
  })
})

test('wrong usage ends with 64 and a wrong configuration with 78', async () => {
  expect(await portcullis('wait')).toMatchObject({ code: 64 })
  expect(await portcullis('wait', ...ofGateway(), '--timeout', 'soon')).toMatchObject({ code: 64 })
  const port0 = await portcullis('healthcheck', '--config', stack.gateway.configFile)
  expect(port0).toMatchObject({ code: 64, stderr: expect.stringContaining('--url') as string })
  const none = join(stack.folder, 'none.yaml')
  expect(await portcullis('healthcheck', '--config', none)).toMatchObject({ code: 78 })
  expect(await portcullis('shutdown', ...bySocket(), '--timeout', '1s')).toMatchObject({ code: 64 })
})

test('shutdown drains as SIGTERM does, and --wait is done when the process is gone', async () => {
  const { client: working } = await stack.logIn()
  working.query('begin; select 1')
  await working.readUntil('Z')
  const exited = once(stack.gateway.process, 'exit')
  const begun = await portcullis('shutdown', '--config', stack.gateway.configFile)
  expect(begun).toEqual({ code: 0, stdout: 'stopping\n', stderr: '' })

  await until('it drains', () => stack.gateway.log().includes('"draining"'))
  const check = await portcullis('healthcheck', ...ofGateway())
  expect(check).toEqual({ code: 1, stdout: '', stderr: 'portcullis: not ready: draining\n' })

  const late = await portcullis('shutdown', ...bySocket(), '--wait', '--timeout', '100ms')
  expect(late).toMatchObject({ code: 1, stdout: 'stopping already\n' })
  expect(late.stderr).toContain('is still there')

  const asked = (): number => stack.gateway.log().split('shutdown by the control socket').length
  const before = asked()
  const gone = portcullis('shutdown', ...bySocket(), '--wait')
  await until('it is asked', () => asked() > before)
  working.query('commit')
  expect(await gone).toMatchObject({ code: 0, stdout: 'stopping already\nstopped\n' })
  expect(await exited).toEqual([0, null])
  expect(await portcullis('shutdown', ...bySocket())).toMatchObject({ code: 1 })
  await startAgain()
})

test('shutdown --now ends what is open, also while it drains', async () => {
  const { client: working } = await stack.logIn()
  working.query('begin; select 1')
  await working.readUntil('Z')
  expect(await portcullis('shutdown', ...bySocket())).toMatchObject({ code: 0 })
  const outcome = await portcullis('shutdown', ...bySocket(), '--now', '--wait')
  expect(outcome).toMatchObject({ code: 0, stdout: 'stopping\nstopped\n', stderr: '' })
  expect(stack.gateway.log()).toContain('shutdown by the control socket')
  await startAgain()
})
