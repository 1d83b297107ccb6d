// The identity provider killed with SIGKILL: whose keys are known goes on, and it comes back by itself.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CertificateAndKey } from '../../demo/certificates.ts'
import { Gateway } from '../../demo/gateway.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, type Received, WireClient } from '../support/wire-client.ts'
import type { ProviderStart, ProviderStarted } from './provider-process.ts'

const program = fileURLToPath(new URL('provider-process.ts', import.meta.url))

let stack: Stack
let tls: CertificateAndKey
let provider: ChildProcess
let started: ProviderStarted

async function startProvider(port?: number): Promise<void> {
  provider = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const start: ProviderStart = { tls, ...(port !== undefined && { port }) }
  provider.send(start)
  const [message] = (await once(provider, 'message', {
    signal: AbortSignal.timeout(30_000),
  })) as [ProviderStarted]
  started = message
}

async function killProvider(): Promise<void> {
  const exited = once(provider, 'exit')
  provider.kill('SIGKILL')
  await exited
}

async function logIn(token: string): Promise<{ client: WireClient; answer: Received }> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const answer = await client.logIn({ user: 'app_readonly', database: 'sandbox' }, token)
  return { client, answer }
}

beforeAll(async () => {
  stack = await Stack.start()
  tls = await stack.authority.issue({ commonName: 'provider' })
  await startProvider()
  stack.config.integrations = {
    people: { ...stack.config.integrations['people'], issuer: `https://localhost:${started.port}` },
  }
  stack.config.databases['system'] = { integrations: ['people'], primary: 'people' }
  await stack.gateway.reload(stack.config)
})

afterAll(async () => {
  await killProvider()
  await stack[Symbol.asyncDispose]()
})

test('a provider that is killed disturbs nobody whose keys are known', async () => {
  const { client, answer } = await logIn(started.tokens[0]!)
  expect(answer.type).toBe('R')
  await client.readUntil('Z')
  const [, unused] = started.tokens
  await killProvider()

  client.query('select 1')
  await client.readUntil('Z')
  const second = await logIn(unused!)
  expect(second.answer.type).toBe('R')
  second.client.destroy()

  client.query('select 2')
  await client.readUntil('Z')
  client.destroy()
})

test('a gateway that starts without its provider says so, and needs no restart when it is there', async () => {
  const { port } = started
  await stack.gateway.stop()
  stack.gateway = await Gateway.start({ folder: stack.folder, config: stack.config })
  const readiness = async (): Promise<number> =>
    (await fetch(`${stack.gateway.httpAddress}/readiness`)).status
  expect(await readiness()).toBe(503)
  const { answer } = await logIn(started.tokens[0]!)
  expect(errorFields(answer)).toMatchObject({ severity: 'FATAL', sqlstate: '08006' })

  await startProvider(port)
  await until('a login', async () => {
    const attempt = await logIn(started.tokens[0]!)
    attempt.client.destroy()
    return attempt.answer.type === 'R'
  })
  expect(await readiness()).toBe(200)
})
