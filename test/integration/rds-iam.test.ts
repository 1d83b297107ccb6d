// A token of RDS as a server gets it, which is a double: AWS is not reachable from here.
import { createSecureContext } from 'node:tls'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { expectedRdsParameters, readRdsToken } from '../support/rds-token.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'
import { authentication, Upstream, welcome } from '../transcript/upstream.ts'
import { message } from '../unit/wire/bytes.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a secret of nobody' }
const region = 'eu-central-1'
const passwords: string[] = []
let refuses = false
let stack: Stack
let upstream: Upstream

beforeAll(async () => {
  upstream = await Upstream.start(async (connection) => {
    const [cert, key] = await Promise.all(
      ['server.crt', 'server.key'].map(async (name) => readFile(join(stack.folder, name))),
    )
    await connection.secure(createSecureContext({ cert: cert!, key: key! }))
    await connection.takeStartup()
    connection.send(authentication.cleartext)
    const { body } = await connection.takeMessage()
    passwords.push(body.toString('utf8', 0, body.length - 1))
    const refusal = 'SFATAL\0VFATAL\0C28000\0MPAM authentication failed\0\0'
    connection.send(refuses ? message('E', refusal) : welcome)
  })
  // The gateway is started with the environment of this process, and it is this file's own.
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  })
  stack = await Stack.start({
    configure: (config) => {
      config.databases['rds'] = {
        upstream: {
          host: 'localhost',
          port: upstream.port,
          ca: 'ca.crt',
          auth: { method: 'rds-iam', region },
        },
      }
    },
  })
})

afterAll(async () => {
  await upstream[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

async function logIn(): Promise<string> {
  const { port } = stack.gateway
  const client = await WireClient.connectSecurely(port, stack.authority.certificate)
  const request = { user: 'app_readonly', database: 'rds' }
  const first = await client.logIn(request, await stack.token())
  client.destroy()
  return first.type === 'E' ? errorFields(first).message : 'ok'
}

test('a login is by a token that AWS would take, which is used again', async () => {
  expect(await logIn()).toBe('ok')
  expect(await logIn()).toBe('ok')
  expect(passwords).toHaveLength(2)
  expect(passwords[1]).toBe(passwords[0])
  const { server, parameters } = readRdsToken(passwords[0]!)
  expect(server).toBe(`localhost:${upstream.port}`)
  const date = parameters.get('X-Amz-Date')!
  const request = { host: 'localhost', port: upstream.port, role: 'app_readonly', region, date }
  expect(Object.fromEntries(parameters)).toEqual(
    Object.fromEntries(expectedRdsParameters(credentials, request)),
  )
})

test('a token that is refused is not used again, and the client learns nothing of it', async () => {
  refuses = true
  const used = passwords.at(-1)
  expect(await logIn()).toBe('could not connect to the database')
  expect(passwords.at(-1)).toBe(used)
  refuses = false
  // Within one second the same is signed.
  const signedAt = Math.floor(Date.now() / 1_000)
  await until('another second', () => Math.floor(Date.now() / 1_000) > signedAt)
  expect(await logIn()).toBe('ok')
  expect(passwords.at(-1)).not.toBe(used)
})

test('no token is in a log', () => {
  expect(stack.gateway.log()).not.toContain('X-Amz')
})
