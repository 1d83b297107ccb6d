// Gateways that come and go, and what only says that it is one.
import { once } from 'node:events'
import { cp, mkdir } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createSecureContext, TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../demo/certificates.ts'
import { Gateway } from '../../../demo/gateway.ts'
import { freePort } from '../../../demo/ports.ts'
import { connectToAgent, enter, serveFrom } from '../../support/agent.ts'
import { Stack } from '../../support/stack.ts'
import { until } from '../../support/until.ts'
import { cancelRequest, type ErrorFields } from '../../support/wire-client.ts'

let stack: Stack

beforeAll(async () => {
  // So that the gateway is found again where it was.
  const port = await freePort()
  stack = await Stack.start({
    configure: (config) => {
      const listener = { node: 'gw0', listen_address: '127.0.0.1', listen_port: port }
      config.connectivity_pools['sso_pool']!['participants'] = [listener]
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

test('of several gateways one that is there is taken, and cancel requests go where the session is', async () => {
  const folder = join(stack.folder, 'second')
  await mkdir(folder)
  for (const file of ['ca.crt', 'server.crt', 'server.key']) {
    await cp(join(stack.folder, file), join(folder, file))
  }
  const config = structuredClone(stack.config)
  const listener = { node: 'gw0', listen_address: '127.0.0.1', listen_port: 0 }
  config.connectivity_pools['sso_pool']!['participants'] = [listener]
  await using first = await Gateway.start({ folder, config })
  const endpoints = [first, stack.gateway].map(({ port }) => ({ host: 'localhost', port }))
  await using served = await serveFrom(stack, { endpoints })
  const { machine } = served
  const here = await connectToAgent(machine)
  await enter(here)
  expect(first.log()).toContain('session')
  await first.stop()
  expect(await here.readError()).toMatchObject({ sqlstate: '57P01' })
  here.destroy()

  const there = await connectToAgent(machine)
  const { processId, secretKey } = await enter(there)
  there.query('select pg_sleep(60)')
  await until('the statement runs', async () => (await stack.activeStatements()) > 0)
  const request = await connectToAgent(machine)
  request.send(cancelRequest(processId, secretKey))
  expect(await there.readUntilError()).toMatchObject({ sqlstate: '57014' })
  there.destroy()
})

test('clients that come while the gateway is started again wait for it, and get in', async () => {
  await using served = await serveFrom(stack, {})
  const { machine } = served
  const before = await connectToAgent(machine)
  await enter(before)
  const ended = stack.gateway.stop()
  expect(await before.readError()).toMatchObject({ sqlstate: '57P01' })
  const early = await Promise.all(Array.from({ length: 5 }, async () => connectToAgent(machine)))
  const entering = early.map(async (client) => enter(client))
  await ended
  const late = await Promise.all(Array.from({ length: 5 }, async () => connectToAgent(machine)))
  entering.push(...late.map(async (client) => enter(client)))
  const allIn = Promise.all(entering)
  stack.gateway = await Gateway.start({ folder: stack.folder, config: stack.config })
  expect(await allIn).toHaveLength(10)
  for (const client of [before, ...early, ...late]) client.destroy()
})

describe('a client whose gateway is not there', () => {
  async function refusalFrom(
    endpoints: readonly object[],
    args: readonly string[] = [],
  ): Promise<ErrorFields> {
    await using served = await serveFrom(stack, { endpoints }, args)
    const client = await connectToAgent(served.machine)
    client.startup({ user: 'app_readonly', database: 'sandbox' })
    return await client.readError()
  }

  test('is told so, and where it was looked for, when its time is up', async () => {
    const port = await freePort()
    const told = await refusalFrom([{ host: 'localhost', port }], ['--connect-timeout', '1'])
    expect(told).toMatchObject({ sqlstate: '08001', message: 'could not connect to the gateway' })
    expect(told.detail).toContain(`localhost port ${port}`)
    expect(told.detail).toContain('ECONNREFUSED')
  })

  test('is told so where a database is in its place, and the token is not sent', async () => {
    const told = await refusalFrom([{ host: 'localhost', port: stack.postgres.port }])
    expect(told.message).toBe('the gateway does not ask for a token')
    expect(told.detail).toContain('SCRAM-SHA-256')
  })

  test('is told so where there is no TLS, and not a byte of its login is sent', async () => {
    await using other = await Impostor.start({ answer: 'N' })
    const told = await refusalFrom([{ host: 'localhost', port: other.port }])
    expect(told.message).toBe('the gateway could not be verified, so no token was sent')
    expect(other.received()).toBe('')
  })

  test.each([
    ['is of another authority', 'localhost', true],
    ['is for another name', 'elsewhere.example', false],
  ])('is told so where the certificate %s, and not a byte is sent', async (_, name, isForeign) => {
    const authority = isForeign ? await createAuthority('somebody else') : stack.authority
    const issued = await authority.issue({ commonName: name, names: [name] })
    await using other = await Impostor.start({ answer: 'S', ...issued })
    const told = await refusalFrom([{ host: 'localhost', port: other.port }])
    expect(told.message).toBe('the gateway could not be verified, so no token was sent')
    expect(other.received()).toBe('')
  })
})

/** Answers the request for TLS, and keeps what comes behind it. */
class Impostor {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #received = ''

  private constructor(options: { answer: 'S' | 'N'; certificate?: string; key?: string }) {
    const { answer, certificate, key } = options
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.write(answer)
        if (certificate === undefined || key === undefined) {
          socket.on('data', (chunk) => (this.#received += chunk.toString('latin1')))
          return
        }
        const secureContext = createSecureContext({ cert: certificate, key })
        new TLSSocket(socket, { isServer: true, secureContext })
          .on('error', () => {})
          .on('data', (chunk: Buffer) => (this.#received += chunk.toString('latin1')))
      })
    })
  }

  static async start(options: {
    answer: 'S' | 'N'
    certificate?: string
    key?: string
  }): Promise<Impostor> {
    const impostor = new Impostor(options)
    impostor.#server.listen(0, '127.0.0.1')
    await once(impostor.#server, 'listening')
    return impostor
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  received(): string {
    return this.#received
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
