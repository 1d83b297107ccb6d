// What a session costs that is open and does nothing, and what one does that cannot get rid of its bytes.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { readResidentBytes, settledResidentBytes } from './process-usage.ts'
import { exitOf } from './run-program.ts'
import type { Plan } from './sample.ts'
import { startSystem, type System, type SystemName, presentSystems } from './systems.ts'
import { database, role, type World } from './world.ts'

export const idleSessions = 400
/** Of the result that nobody reads. */
export const unreadMegabytes = 200

const proxies = ['pgbouncer', 'portcullis-node', 'portcullis-bun'] as const satisfies SystemName[]
const certificate = 'ecdsa-p256'
const atOnce = 8
const connectTimeoutMs = 20_000
const stuckTimeoutMs = 20_000
const stuckPolls = 10
const holdMs = 5_000
const pollMs = 50

/** Each system in a fresh process: what a heap has once grown to, it keeps. */
export async function measureMemory(plan: Plan): Promise<void> {
  const { installation } = plan
  for (let round = 0; round < plan.rounds; round++) {
    for (const name of presentSystems(proxies, installation)) {
      await using system = await startSystem(name, installation, certificate)
      if (system.pid === undefined) continue
      // The first session brings code and caches that are there once for all of them.
      await closeAll(await openSessions(installation.world, system, 1))
      const before = await settledResidentBytes(system.pid)
      const clients = await openSessions(installation.world, system, idleSessions)
      const after = await settledResidentBytes(system.pid)
      await closeAll(clients)
      plan.record({
        scenario: 'memory',
        variant: 'idle',
        system: name,
        figures: { perSessionBytes: (after - before) / idleSessions, emptyBytes: before },
      })
    }
  }
}

async function openSessions(world: World, system: System, count: number): Promise<pg.Client[]> {
  const ca = await readFile(world.caFile, 'utf8')
  const clients: pg.Client[] = []
  let left = count
  const openSome = async (): Promise<void> => {
    while (left-- > 0) {
      const client = new pg.Client({
        host: 'localhost',
        port: system.port,
        database,
        user: role,
        password: system.credential,
        ssl: { ca },
        connectionTimeoutMillis: connectTimeoutMs,
      })
      client.on('error', () => {})
      clients.push(client)
      await client.connect()
      // PgBouncer gives a session its server connection with its first query.
      await client.query('select 1')
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, openSome))
  } catch (error) {
    await closeAll(clients)
    throw error
  }
  return clients
}

async function closeAll(clients: readonly pg.Client[]): Promise<void> {
  await Promise.all(clients.map(async (client) => client.end().catch(() => {})))
}

/** By how much a proxy grows while a client does not read, from the query until it has stood still. */
export async function measureSlowReader(plan: Plan): Promise<void> {
  const { installation } = plan
  const { world } = installation
  for (let round = 0; round < plan.rounds; round++) {
    for (const name of presentSystems(proxies, installation)) {
      await using system = await startSystem(name, installation, certificate)
      if (system.pid === undefined) continue
      await closeAll(await openSessions(world, system, 1))
      const before = await settledResidentBytes(system.pid)
      const reader = spawnSlowReader(world, system)
      try {
        await untilStuck(world)
        const growth = (await peakDuring(system.pid, holdMs)) - before
        plan.record({
          scenario: 'slow-reader',
          variant: 'stopped',
          system: name,
          figures: { growthBytes: Math.max(growth, 0) },
        })
      } finally {
        const exited = exitOf(reader).catch(() => {})
        reader.kill('SIGKILL')
        await exited
      }
    }
  }
}

/** psql, whose output goes into a pipe that nobody reads: so it stops reading too. */
function spawnSlowReader({ programs }: World, { environment }: System): ChildProcess {
  const row = `repeat('x', 1000)`
  const rows = unreadMegabytes * 1_000
  return spawn(
    programs.psql,
    ['-X', '-q', '-c', `copy (select ${row} from generate_series(1, ${rows})) to stdout`],
    { env: environment, stdio: ['ignore', 'pipe', 'ignore'] },
  )
}

/** PostgreSQL itself says that it cannot get rid of what it has to send, not once but all the time. */
async function untilStuck({ postgres }: World): Promise<void> {
  const deadline = performance.now() + stuckTimeoutMs
  for (let polls = 0; polls < stuckPolls;) {
    const rows = await postgres.sql(
      `select 1 from pg_stat_activity
       where usename = $1 and query like 'copy (%' and wait_event = 'ClientWrite'`,
      { values: [role] },
    )
    polls = rows.length > 0 ? polls + 1 : 0
    if (performance.now() > deadline) throw new Error('the result went through without a reader')
    await delay(pollMs)
  }
}

async function peakDuring(pid: number, durationMs: number): Promise<number> {
  const until = performance.now() + durationMs
  let peak = readResidentBytes(pid)
  while (performance.now() < until) {
    await delay(pollMs)
    peak = Math.max(peak, readResidentBytes(pid))
  }
  return peak
}
