// `portcullis agent` as its users have it: psql, drivers, and whoever should not get in.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../../demo/ports.ts'
import {
  agentEnvironment,
  AgentProcess,
  connectTo,
  connectToAgent,
  enter,
  machineFor,
  type ProfileChanges,
  type Served,
  serveFrom,
  socketFolder,
  systemUser,
} from '../../support/agent.ts'
import type { ClientMachine } from '../../support/client-machine.ts'
import { hasPython, libpq } from '../../support/libpq.ts'
import { hasPsql, psql } from '../../support/psql.ts'
import { Stack } from '../../support/stack.ts'
import { until } from '../../support/until.ts'
import { cancelRequest } from '../../support/wire-client.ts'

const program = new URL('../../../src/main.ts', import.meta.url)
let stack: Stack

beforeAll(async () => {
  // So that the gateway is found again where it was.
  const ports = [await freePort(), await freePort()]
  stack = await Stack.start({
    configure: (config) => {
      const { sso_pool: pool } = config.connectivity_pools
      const listener = { node: 'gw0', listen_address: '127.0.0.1' }
      pool!['participants'] = [{ ...listener, listen_port: ports[0] }]
      config.connectivity_pools['bearer_pool'] = {
        ...pool,
        sso_integration: 'people',
        auth_methods: ['oauthbearer'],
        participants: [{ ...listener, listen_port: ports[1] }],
      }
      // The same database under the name that libpq takes where nobody has named one.
      const { upstream } = config.databases['sandbox']!
      config.databases['app_readonly'] = {
        upstream: { ...(upstream as object), database: 'sandbox' },
      }
    },
  })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const newMachine = async (changes?: ProfileChanges): Promise<ClientMachine> =>
  machineFor(stack, changes)
const serve = async (changes?: ProfileChanges, args?: readonly string[]): Promise<Served> =>
  serveFrom(stack, changes, args)

describe.skipIf(!hasPsql())('psql', () => {
  test('is in without an option, as the user and at the database of the profile', async () => {
    await using machine = await newMachine()
    await using agent = await AgentProcess.start(machine)
    expect(agent.said).toContain(`psql -h ${socketFolder(machine)}`)
    const sql = 'select current_user, current_database()'
    const { stdout, stderr } = await psql(agentEnvironment(machine), sql)
    expect({ stdout, stderr }).toEqual({ stdout: 'app_readonly|sandbox\n', stderr: '' })
    const token = await stack.token()
    expect(agent.said).not.toContain(token.slice(0, 20))
    expect(await agent.stop()).toBe(0)
  })

  test('is whom it says where it names somebody, unless the agent was told whom it is for', async () => {
    await using machine = await newMachine({ user: 'nobody_at_all', database: 'nowhere' })
    await using agent = await AgentProcess.start(machine, ['-d', 'sandbox'])
    const named = await psql({ ...agentEnvironment(machine), PGUSER: 'app_readonly' }, 'select 1')
    expect(named).toEqual({ code: 0, stdout: '1\n', stderr: '' })
    const unnamed = await psql(agentEnvironment(machine), 'select 1')
    expect(unnamed.stderr).toContain('nobody_at_all')
    await agent.stop()
    await using kept = await AgentProcess.start(machine, ['--keep-names'])
    const asIs = await psql({ ...agentEnvironment(machine), PGUSER: 'app_readonly' }, 'select 1')
    expect(asIs).toEqual({ code: 0, stdout: '1\n', stderr: '' })
    expect(await kept.stop()).toBe(0)
  })

  test('reads a refusal of the gateway word for word', async () => {
    await using machine = await newMachine()
    await machine.write('token', await stack.token({ aud: 'others' }))
    await using agent = await AgentProcess.start(machine)
    const direct = stack.environment(await stack.token({ aud: 'others' }))
    const [through, beside] = [
      await psql(agentEnvironment(machine), 'select 1'),
      await psql(direct, 'select 1'),
    ]
    const said = (stderr: string): string => stderr.slice(stderr.indexOf('FATAL'))
    expect(said(through.stderr)).toContain(
      'DETAIL:  The token was issued for an alternate audience',
    )
    expect(said(through.stderr)).toBe(said(beside.stderr))
    expect(agent.said).not.toContain('audience')
  })

  test('comes by the loopback interface, by either address', async () => {
    await using machine = await newMachine()
    await using agent = await AgentProcess.start(machine, ['--listen', 'localhost:0'])
    const [, other] = [...agent.said.matchAll(/listening on ([\d.:]+) port (\d+)/g)]
    const hosts = ['127.0.0.1', ...(other === undefined ? [] : ['::1'])]
    for (const PGHOST of hosts) {
      const client = { ...agentEnvironment(machine), PGHOST, PGPORT: String(agent.port) }
      expect(await psql(client, 'select 1')).toEqual({ code: 0, stdout: '1\n', stderr: '' })
    }
  })

  test.skipIf(process.platform !== 'linux')('copies more than it has memory for', async () => {
    await using machine = await newMachine()
    await using agent = await AgentProcess.start(machine)
    const resident = async (): Promise<number> => {
      const status = await readFile(`/proc/${String(agent.process.pid)}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_000
    }
    const before = await resident()
    const lines = 300_000
    // A reader that lags far behind.
    const slow = `\\copy (select repeat('x', 999) from generate_series(1, ${lines})) to program 'sleep 0.5; wc -c >&2'`
    const { stderr } = await psql(agentEnvironment(machine), slow)
    expect(stderr.trim()).toBe(String(lines * 1_000))
    expect((await resident()) - before).toBeLessThan(100)
  })

  const isRoot = process.getuid?.() === 0
  if (!isRoot) process.stderr.write('SKIPPED: only root can run a client as another user\n')

  test.skipIf(!isRoot)(
    'of another user is refused on the loopback interface, and on the socket',
    async () => {
      await using machine = await newMachine()
      await using agent = await AgentProcess.start(machine, [
        ...['--listen', '127.0.0.1:0', '--socket', join(machine.home, 'run', 'agent')],
      ])
      const asNobody = async (host: string, port: string) =>
        promisify(execFile)(
          'setpriv',
          [
            ...['--reuid=65534', '--regid=65534', '--clear-groups'],
            ...[
              'psql',
              '-X',
              '-h',
              host,
              '-p',
              port,
              '-U',
              'app_readonly',
              '-c',
              'select 1',
              'sandbox',
            ],
          ],
          { env: { PATH: process.env['PATH'], HOME: '/' }, cwd: '/' },
        ).then(
          () => 'is in',
          (error: unknown) => (error as { stderr: string }).stderr,
        )
      const refused = await asNobody('127.0.0.1', String(agent.port))
      expect(refused).toContain('FATAL:  this agent is of another user of this machine')
      expect(refused).toContain('HINT:  It serves whoever runs it')
      expect(await asNobody(join(machine.home, 'run', 'agent'), '5432')).toContain(
        'Permission denied',
      )
      await agent.stop()
      await using open = await AgentProcess.start(machine, [
        '--listen',
        '127.0.0.1:0',
        '--any-user',
      ])
      expect(await asNobody('127.0.0.1', String(open.port))).toBe('is in')
    },
  )
})

test.skipIf(!hasPython())(
  'libpq 18 speaks protocol 3.2 through it, and cancels with a long key',
  async () => {
    await using served = await serve()
    const { machine } = served
    const answer = await libpq(
      { host: socketFolder(machine), max_protocol_version: 'latest' },
      { statements: ['cancel:select pg_sleep(30)', 'select 1'] },
    )
    expect(answer).toMatchObject({
      ok: true,
      protocol: 30_002,
      results: [{ sqlstate: '57014' }, { sqlstate: '', value: '1' }],
    })
  },
)

test('what libpq 19 asks for to see whether servers can be asked is answered by the gateway', async () => {
  await using served = await serve()
  const { machine } = served
  const client = await connectToAgent(machine)
  client.startup({ user: 'app_readonly', database: 'sandbox', '_pq_.grease': '' }, (3 << 16) | 9999)
  const { type, body } = await client.read()
  expect([type, body.readInt32BE(0), body.toString('latin1', 8)]).toEqual([
    'v',
    (3 << 16) | 2,
    '_pq_.grease\0',
  ])
  await client.readUntil('Z')
  client.destroy()
})

test('the socket and its folder are of the user alone, unless more is asked for', async () => {
  await using machine = await newMachine()
  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777
  await using agent = await AgentProcess.start(machine)
  const folder = socketFolder(machine)
  expect([await modeOf(folder), await modeOf(join(folder, '.s.PGSQL.5432'))]).toEqual([
    0o700, 0o600,
  ])
  await agent.stop()
  await expect(stat(join(folder, '.s.PGSQL.5432'))).rejects.toThrow('ENOENT')
  const path = join(machine.home, 'shared', 'db.sock')
  await using shared = await AgentProcess.start(machine, ['--socket', path, '--socket-mode', '660'])
  expect([await modeOf(join(machine.home, 'shared')), await modeOf(path)]).toEqual([0o750, 0o660])
  expect(await shared.stop()).toBe(0)
})

test('a pool of node-postgres, COPY both ways and notifications go through it', async () => {
  await using machine = await newMachine({ user: 'app_readwrite' })
  await machine.write('token', await stack.token({ groups: ['readwrite-role'] }))
  await using agent = await AgentProcess.start(machine, ['--listen', '127.0.0.1:0'])
  const settings = { host: '127.0.0.1', port: agent.port, user: systemUser, database: systemUser }
  const pool = new pg.Pool({ ...settings, max: 8 })
  try {
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, n) =>
        pool.query<{ n: number }>('select $1::int as n', [n]),
      ),
    )
    expect(answers.map(({ rows }) => rows[0]?.n)).toEqual(Array.from({ length: 40 }, (_, n) => n))

    const client = await pool.connect()
    const rows = 'one\ntwo\nthree\n'.repeat(100_000)
    await client.query('create temporary table copied (line text)')
    await pipeline(Readable.from([rows]), client.query(copyFrom('copy copied from stdin')))
    expect(await text(client.query(copyTo('copy copied to stdout')))).toBe(rows)

    const heard = once(client, 'notification')
    await client.query('listen news')
    await pool.query("notify news, 'of the agent'")
    expect(await heard).toMatchObject([{ channel: 'news', payload: 'of the agent' }])
    client.release()
  } finally {
    await pool.end()
  }
})

test('a statement is cancelled by its key, and a wrong key is met with silence', async () => {
  await using served = await serve()
  const { machine } = served
  const session = await connectToAgent(machine)
  const { processId, secretKey } = await enter(session)
  session.query('select pg_sleep(60)')
  await until('the statement runs', async () => (await stack.activeStatements()) > 0)
  const wrong = await connectToAgent(machine)
  wrong.send(cancelRequest(processId, Buffer.alloc(secretKey.length)))
  expect(await wrong.closed()).toEqual(Buffer.alloc(0))
  expect(await stack.activeStatements()).toBeGreaterThan(0)
  const right = await connectToAgent(machine)
  right.send(cancelRequest(processId, secretKey))
  expect(await right.closed()).toEqual(Buffer.alloc(0))
  expect(await session.readUntilError()).toMatchObject({ sqlstate: '57014' })
  session.destroy()
})

test('a client that is gone leaves nothing running behind it', async () => {
  await using served = await serve()
  const { machine } = served
  const session = await connectToAgent(machine)
  await enter(session)
  session.query('select pg_sleep(60)')
  await until('the statement runs', async () => (await stack.activeStatements()) > 0)
  session.destroy()
  await until('it runs no more', async () => (await stack.activeStatements()) === 0)
})

test('a gateway that takes tokens by OAUTHBEARER alone gets it so', async () => {
  await using served = await serve({
    endpoints: [{ host: 'localhost', port: stack.gateway.portOf(1) }],
  })
  const { machine } = served
  const session = await connectToAgent(machine)
  await enter(session)
  session.destroy()
  await machine.write('token', await stack.token({ aud: 'others' }))
  await using again = await AgentProcess.start(machine, ['--socket', join(machine.home, 'run')])
  const refused = await connectTo(join(machine.home, 'run', '.s.PGSQL.5432'))
  refused.startup({ user: 'app_readonly', database: 'sandbox' })
  expect(await refused.readError()).toMatchObject({
    sqlstate: '28000',
    message: 'OAuth bearer authentication failed for user "app_readonly"',
  })
  await again.stop()
})

test('where nobody is signed in clients are told what to do, and so is whoever runs it, once', async () => {
  const signIn = {
    flow: 'device',
    issuer: stack.provider.issuer,
    client_id: 'portcullis-cli',
    scopes: ['openid'],
  }
  await using machine = await newMachine({ sign_in: signIn })
  await using agent = await AgentProcess.start(machine)
  for (const client of [await connectToAgent(machine), await connectToAgent(machine)]) {
    client.startup({ user: 'app_readonly', database: 'sandbox' })
    const told = await client.readError()
    expect(told).toMatchObject({ severity: 'FATAL', sqlstate: '28000' })
    expect(told.hint).toContain('portcullis login')
  }
  expect(agent.said.match(/portcullis login/g)).toHaveLength(1)
})

const hasActivation = existsSync('/usr/bin/systemd-socket-activate')
if (!hasActivation) process.stderr.write('SKIPPED: systemd-socket-activate is not installed\n')

test.skipIf(!hasActivation)(
  'systemd may open the socket, and start it with the first client',
  async () => {
    await using machine = await newMachine()
    const path = join(machine.home, 'run', '.s.PGSQL.5432')
    const child = spawn(
      'systemd-socket-activate',
      [...['-l', path], process.execPath, fileURLToPath(program), 'agent'],
      { env: machine.environment, stdio: 'ignore' },
    )
    try {
      await until('the socket', () => existsSync(path))
      const client = await connectTo(path)
      await enter(client)
      client.destroy()
    } finally {
      child.kill('SIGKILL')
    }
  },
)

describe('an agent that is stopped', () => {
  test('lets a transaction end, takes nobody else, and ends with 0', async () => {
    await using machine = await newMachine()
    await using agent = await AgentProcess.start(machine)
    const [idle, busy] = [await connectToAgent(machine), await connectToAgent(machine)]
    await enter(idle)
    await enter(busy)
    busy.query('begin')
    await busy.readUntil('Z')
    agent.process.kill('SIGTERM')
    expect(await idle.readError()).toMatchObject({ sqlstate: '57P01' })
    await expect(connectToAgent(machine)).rejects.toThrow('ENOENT')
    busy.query('commit')
    await busy.readUntil('Z')
    expect(await busy.readError()).toMatchObject({ sqlstate: '57P01' })
    expect(await agent.ended()).toBe(0)
  })

  test('is gone at the second signal', async () => {
    await using machine = await newMachine()
    await using agent = await AgentProcess.start(machine, ['--drain', '60'])
    const busy = await connectToAgent(machine)
    await enter(busy)
    busy.query('begin')
    await busy.readUntil('Z')
    agent.process.kill('SIGTERM')
    await until('it takes nobody', async () =>
      connectToAgent(machine).then(
        () => false,
        () => true,
      ),
    )
    agent.process.kill('SIGINT')
    expect(await busy.readError()).toMatchObject({ sqlstate: '57P01' })
    expect(await agent.ended()).toBe(0)
  })
})

test('no more connections are taken than it may have, and who is beyond that is told', async () => {
  await using served = await serve({}, ['--max-sessions', '1'])
  const { machine } = served
  const first = await connectToAgent(machine)
  await enter(first)
  const second = await connectToAgent(machine)
  second.startup({ user: 'app_readonly', database: 'sandbox' })
  expect(await second.readError()).toMatchObject({ sqlstate: '53300' })
  first.destroy()
  second.destroy()
  await until('there is room again', async () => {
    const next = await connectToAgent(machine)
    next.startup({ user: systemUser, database: systemUser })
    const { type } = await next.read()
    next.destroy()
    return type === 'R'
  })
})
