// Tools that were made for PgBouncer's console and for PostgreSQL, as they are, at ours.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

const exporter = 'prometheus-pgbouncer-exporter'
const deadlineMs = 20_000

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['console'] = { admin_groups: ['readwrite'], stats_groups: ['readonly'] }
    },
  })
  await stack.keysFetched()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write(`SKIPPED: ${program} is not installed, it is not tried at the console\n`)
    return false
  }
}

async function environment(): Promise<NodeJS.ProcessEnv> {
  const token = await stack.token({ sub: 'monitor', [groupsClaim]: [] })
  return {
    ...stack.environment(token),
    ...{ PGDATABASE: 'pgbouncer', PGUSER: 'id_token' },
    ...{ HOME: stack.folder, LANG: 'C.UTF-8', TERM: 'xterm' },
  }
}

async function sessions(count: number): Promise<readonly Client[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const client = new Client({
        ...{ host: 'localhost', port: stack.gateway.port, database: 'sandbox' },
        ...{ user: 'app_readonly', password: await stack.token() },
        ssl: { ca: stack.authority.certificate },
      })
      await client.connect()
      return client
    }),
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

type Metrics = ReadonlyMap<string, number>

async function scrape(port: number): Promise<Metrics | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined)
  if (response?.status !== 200) return undefined
  const lines = (await response.text()).matchAll(/^(pgbouncer_[^ ]+) (\S+)$/gm)
  return new Map(Array.from(lines, ([, name = '', value]) => [name, Number(value)]))
}

describe.runIf(has(exporter))("Debian's exporter for PgBouncer", () => {
  let child: ChildProcess
  let said: Promise<string>
  let port: number

  beforeAll(async () => {
    port = await freePort()
    const at = ['--pgbouncer-host', 'localhost', '--pgbouncer-port', String(stack.gateway.port)]
    const here = ['--host', '127.0.0.1', '--port', String(port)]
    child = spawn(exporter, ['--pgbouncer-user', 'id_token', ...at, ...here], {
      env: await environment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    said = text(child.stderr!)
    const ended = once(child, 'exit').then(async () => {
      throw new Error(await said)
    })
    const up = until('the exporter', async () => (await scrape(port)) !== undefined, deadlineMs)
    await Promise.race([up, ended])
  }, deadlineMs)

  afterAll(async () => {
    child.kill()
    await said
  })

  test('tells of open sessions and of what was done in them', async () => {
    const pool = 'pgbouncer_active_clients{database="sandbox",user="app_readonly"}'
    const requests = 'pgbouncer_requests_total{database="sandbox"}'
    const metrics = async (): Promise<Metrics> => (await scrape(port)) ?? new Map<string, number>()
    const before = await metrics()
    const clients = await sessions(4)
    for (const client of clients) await client.query('select 1')
    const during = await metrics()
    expect(during.get(pool)).toBe(4)
    expect(during.get('pgbouncer_waiting_clients{database="sandbox",user="app_readonly"}')).toBe(0)
    expect(during.get('pgbouncer_used_servers')).toBe(4)
    expect(during.get('pgbouncer_pool_size{database="sandbox"}')).toBe(0)
    expect(during.get('pgbouncer_databases')).toBeGreaterThan(0)
    expect(during.get(requests)).toBe((before.get(requests) ?? 0) + 4)
    for (const name of ['received_bytes_total', 'sent_bytes_total', 'query_microseconds_total']) {
      const series = `pgbouncer_${name}{database="sandbox"}`
      expect(during.get(series), series).toBeGreaterThan(before.get(series) ?? 0)
    }
    await Promise.all(clients.map(async (client) => client.end()))
    await until('their ends', async () => !(await metrics()).has(pool))
    expect((await metrics()).get(requests)).toBe(during.get(requests))
  })
})

describe.runIf(has('pgcli'))('pgcli', () => {
  test('opens the console and shows what it is asked for', async () => {
    const run = promisify(execFile)
    const options = { env: await environment(), timeout: deadlineMs }
    const { stdout } = await run('pgcli', ['--less-chatty', '-c', 'SHOW POOLS'], options)
    expect(stdout).toContain('cl_active')
    expect(stdout).toContain('pgbouncer')
  })

  test.runIf(has('script'))('begins at a terminal without a complaint', async () => {
    const env = { ...(await environment()), TERM: 'dumb' }
    const child = spawn('script', ['-qec', 'pgcli --less-chatty', '/dev/null'], { env })
    let shown = ''
    child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()))
    await until('its prompt', () => shown.includes('pgbouncer> '), deadlineMs)
    child.stdin.write('SHOW VERSION;\r')
    await until('the answer', () => shown.includes('PgBouncer 1.'), deadlineMs)
    const ended = once(child, 'exit')
    child.stdin.write('\\q\r')
    await ended
    expect(shown).not.toMatch(/Traceback|Exception|rror/)
  })
})
