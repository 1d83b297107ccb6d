// A pool on a Unix socket, as administrators of the machine have it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Gateway } from '../../demo/gateway.ts'
import { hasPsql, psql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, errorFields, sslRequest, WireClient } from '../support/wire-client.ts'

const port = 6432
const file = `.s.PGSQL.${port}`
let stack: Stack | undefined

afterEach(async () => {
  await stack?.[Symbol.asyncDispose]()
  stack = undefined
})

type Pools = Record<string, Record<string, unknown>>

/** Pools in which the participant of the socket has a name of its own. */
function withSocket(pools: Pools, more: Readonly<Record<string, unknown>> = {}): Pools {
  const participant = { node: 'gw0', socket_directory: 'run', listen_port: port, ...more }
  return { ...pools, local_pool: { require_sso: true, participants: [participant] } }
}

async function start(workers: number): Promise<{ stack: Stack; directory: string }> {
  stack = await Stack.start({
    prepare: async (folder) => {
      mkdirSync(join(folder, 'run'), { mode: 0o755 })
      return Promise.resolve()
    },
    configure: (config) => {
      config.workers = workers
      config.connectivity_pools = withSocket(config.connectivity_pools)
    },
  })
  return { stack, directory: join(stack.folder, 'run') }
}

async function connectTo(directory: string): Promise<WireClient> {
  const socket = connect({ path: join(directory, file), allowHalfOpen: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return new WireClient(socket)
}

async function logIn(directory: string, token: string): Promise<WireClient> {
  const client = await connectTo(directory)
  const first = await client.logIn({ user: 'app_readonly', database: 'sandbox' }, token)
  if (first.type === 'E') throw new Error(errorFields(first).message)
  return client
}

test.skipIf(!hasPsql())('psql logs in with a token, and the audit says where from', async () => {
  const { stack, directory } = await start(1)
  const environment = {
    PATH: process.env['PATH'],
    PGHOST: directory,
    PGPORT: String(port),
    PGDATABASE: 'sandbox',
    PGUSER: 'app_readonly',
    PGPASSWORD: await stack.token(),
    // Which libpq does not ask for on a Unix socket.
    PGSSLMODE: 'require',
  }
  const { stdout, stderr } = await psql(environment, 'select current_user')
  expect({ stdout, stderr }).toEqual({ stdout: 'app_readonly\n', stderr: '' })
  const wrong = await psql({ ...environment, PGPASSWORD: 'secret' }, 'select 1')
  expect(wrong.stderr).toContain('This connectivity pool requires SSO authentication')

  await until('the records', async () => (await stack.audit()).length === 3)
  const [record] = await stack.audit()
  expect(record).toMatchObject({
    src_endpoint: { name: 'unix' },
    dst_endpoint: { name: 'gw0', port },
    is_remote: false,
    is_cleartext: true,
    unmapped: {
      portcullis: { peer: 'unix', unix_socket: join(directory, file), pool: 'local_pool' },
    },
  })
  expect(JSON.stringify(record)).not.toContain('"ip"')
  await until('the log', () => stack.gateway.log().includes('"peer":"unix"'))
})

test('there is no TLS on it, as there is none on those of PostgreSQL', async () => {
  const { stack, directory } = await start(1)
  const asking = await connectTo(directory)
  asking.send(sslRequest)
  expect(await asking.readBytes(1)).toEqual(Buffer.from('N'))
  const first = await asking.logIn(
    { user: 'app_readonly', database: 'sandbox' },
    await stack.token(),
  )
  expect(first.type).toBe('R')
  asking.destroy()
  const direct = await connectTo(directory)
  direct.send(Buffer.from([0x16, 3, 1, 0, 0]))
  expect(await direct.closed()).toEqual(Buffer.alloc(0))
})

test('explain replays a login on the socket', async () => {
  const { stack, directory } = await start(1)
  const child = spawn(
    process.execPath,
    [
      ...[join(import.meta.dirname, '../../src/main.ts'), 'explain', '-o', 'json'],
      ...['--config', stack.gateway.configFile, '--listener', join(directory, file)],
      ...['--user', 'app_readonly', '--database', 'sandbox'],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  child.stdin.end(await stack.token())
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  await once(child, 'close')
  expect(JSON.parse(Buffer.concat(output).toString())).toMatchObject({
    outcome: 'granted',
    pool: 'local_pool',
    role: 'app_readonly',
    request: { from: 'unix', listener: join(directory, file) },
  })
})

describe.each([1, 2])('with %d workers', (workers) => {
  test('the socket is open to the owner, and a statement is cancelled through it', async () => {
    const { stack, directory } = await start(workers)
    expect(lstatSync(join(directory, file)).mode & 0o777).toBe(0o600)
    const client = await connectTo(directory)
    await client.logIn({ user: 'app_readonly', database: 'sandbox' }, await stack.token())
    const { body } = await client.readUntil('K')
    await client.readUntil('Z')
    client.query('select pg_sleep(60)')
    await until('the statement to run', async () => (await stack.activeStatements()) === 1)
    const canceller = await connectTo(directory)
    canceller.send(cancelRequest(body.readInt32BE(0), body.subarray(4)))
    expect(await canceller.closed()).toHaveLength(0)
    expect(await client.readUntilError()).toMatchObject({ sqlstate: '57014' })
    client.destroy()
  })

  test('a stop removes the socket', async () => {
    const { stack, directory } = await start(workers)
    expect(await stack.gateway.stop()).toBe(0)
    expect(readdirSync(directory)).toEqual([])
  })

  test('a second gateway does not start on the socket, and takes nothing away', async () => {
    const { stack, directory } = await start(workers)
    const config = { ...stack.config, audit: { sink: 'none' }, connectivity_pools: withSocket({}) }
    const other = join(stack.folder, 'other')
    mkdirSync(other)
    const paths = { tls: { certificate: '../server.crt', key: '../server.key' } }
    const text = JSON.stringify({ ...config, ...paths })
      .replaceAll('"run"', JSON.stringify(directory))
      .replaceAll('"ca.crt"', '"../ca.crt"')
    await expect(Gateway.start({ folder: other, config: text })).rejects.toThrow(
      /somebody listens on .* already/,
    )
    const client = await logIn(directory, await stack.token())
    client.destroy()
  })

  test('a gateway takes the socket over that a killed one left', async () => {
    const { stack, directory } = await start(workers)
    const left = workers === 1 ? [] : stack.workers()
    stack.gateway.process.kill('SIGKILL')
    await until('the workers to end', async () =>
      Promise.resolve(left.every((pid) => !existsSync(`/proc/${pid}`))),
    )
    stack.gateway = await Gateway.start({ folder: stack.folder, config: stack.config })
    const client = await logIn(directory, await stack.token())
    client.destroy()
  })

  test('a reload opens the socket, changes who may open it, and removes it', async () => {
    const { stack, directory } = await start(workers)
    const { gateway, config } = stack
    const others = { sso_pool: config.connectivity_pools['sso_pool']! }
    const session = await logIn(directory, await stack.token())
    await session.readUntil('Z')
    const path = join(directory, file)

    await gateway.reload({
      ...config,
      connectivity_pools: withSocket(others, { socket_mode: '0660' }),
    })
    expect(lstatSync(path).mode & 0o777).toBe(0o660)
    ;(await logIn(directory, await stack.token())).destroy()

    await gateway.reload({ ...config, connectivity_pools: others })
    expect(readdirSync(directory)).toEqual([])
    await gateway.reload(config)
    expect(lstatSync(path).mode & 0o777).toBe(0o600)
    ;(await logIn(directory, await stack.token())).destroy()

    session.query('select 1')
    await session.readUntil('Z')
    session.destroy()
  })
})

test('a worker that is killed gives the socket to the one that replaces it', async () => {
  const { stack, directory } = await start(2)
  for (const pid of stack.workers()) {
    await stack.gateway.untilLogged(/a worker ended/, () => process.kill(pid, 'SIGKILL'))
  }
  await until('a login at the socket of another', async () => {
    try {
      ;(await logIn(directory, await stack.token())).destroy()
      return true
    } catch {
      return false
    }
  })
})
