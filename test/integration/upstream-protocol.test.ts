// The protocol that PostgreSQL is asked for, apart from the one that the client speaks.
import { existsSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Stack, type StackOptions } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, WireClient } from '../support/wire-client.ts'

const debianServer = '/usr/lib/postgresql/15/bin'
const hasDebianServer = existsSync(`${debianServer}/postgres`)
if (!hasDebianServer) {
  process.stderr.write(`SKIPPED: there is no PostgreSQL 15 in ${debianServer}\n`)
}

/** The first packets of the connections that went through to PostgreSQL. */
class Tap implements AsyncDisposable {
  readonly packets: Buffer[] = []
  target = 0
  readonly #server = createServer((client) => {
    const server = connect(this.target, '127.0.0.1')
    client.once('data', (bytes: Buffer) => this.packets.push(bytes))
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) {
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        server.destroy()
      })
    }
  })

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

async function startBehindTap(
  tap: Tap,
  protocol: unknown,
  postgres: NonNullable<StackOptions['postgres']> = {},
): Promise<Stack> {
  await tap.start()
  return Stack.start({
    postgres,
    configure: (config) => {
      const upstream = config.databases['sandbox']!['upstream'] as Record<string, unknown>
      tap.target = Number(upstream['port'])
      // In the clear, so that the tap can read it.
      Object.assign(upstream, { host: '127.0.0.1', port: tap.port, tls: 'disable', protocol })
      delete upstream['ca']
    },
  })
}

let stack: Stack | undefined

afterEach(async () => {
  await stack?.[Symbol.asyncDispose]()
  stack = undefined
})

/** Cancels a statement of a client that speaks this minor version, and gives what PostgreSQL was sent. */
async function cancels(
  { gateway, authority, ...rest }: Stack,
  token: string,
  minorVersion: number,
  tap: Tap,
): Promise<{ startupVersion: number; cancelBytes: number; clientKeyBytes: number }> {
  const client = await WireClient.connectSecurely(gateway.port, authority.certificate)
  client.startup({ user: 'app_readonly', database: 'sandbox' }, (3 << 16) | minorVersion)
  await client.readUntil('R')
  client.password(token)
  const { body } = await client.readUntil('K')
  await client.readUntil('Z')
  client.query('select pg_sleep(60)')
  await until('the statement to run', async () => {
    const rows = await rest.postgres.sql(
      "select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'",
    )
    return rows.length === 1
  })
  const canceller = await WireClient.connect(gateway.port)
  canceller.send(cancelRequest(body.readInt32BE(0), body.subarray(4)))
  expect(await canceller.closed()).toHaveLength(0)
  expect(await client.readUntilError()).toMatchObject({ sqlstate: '57014' })
  client.destroy()
  const [login, cancel] = tap.packets.splice(0)
  return {
    startupVersion: login?.readUInt32BE(4) ?? -1,
    cancelBytes: cancel?.readUInt32BE(0) ?? -1,
    clientKeyBytes: body.length - 4,
  }
}

describe('PostgreSQL 18', () => {
  test('that is asked for 3.2 has long keys, which cancel for clients of 3.0 and 3.2', async () => {
    await using tap = new Tap()
    stack = await startBehindTap(tap, 3.2)
    for (const [minorVersion, clientKeyBytes] of [
      [0, 4],
      [2, 32],
    ] as const) {
      expect(await cancels(stack, await stack.token(), minorVersion, tap)).toEqual({
        startupVersion: 0x30002,
        cancelBytes: 12 + 32,
        clientKeyBytes,
      })
    }
  })

  test('is asked for 3.0 by default, whatever the client speaks', async () => {
    await using tap = new Tap()
    stack = await startBehindTap(tap, undefined)
    expect(await cancels(stack, await stack.token(), 2, tap)).toEqual({
      startupVersion: 0x30000,
      cancelBytes: 12 + 4,
      clientKeyBytes: 32,
    })
  })
})

describe.skipIf(!hasDebianServer)('PostgreSQL 15', () => {
  test('that is asked for 3.2 has 3.0, and cancels', async () => {
    await using tap = new Tap()
    stack = await startBehindTap(tap, '3.2', {
      programs: { initdb: `${debianServer}/initdb`, postgres: `${debianServer}/postgres` },
      locale: ['--locale=C'],
    })
    expect(await cancels(stack, await stack.token(), 2, tap)).toEqual({
      startupVersion: 0x30002,
      cancelBytes: 12 + 4,
      clientKeyBytes: 32,
    })
  })
})
