// Bulk: COPY in both directions, of the rows of pgbench_accounts (about a hundred bytes each).
import { createWriteStream } from 'node:fs'
import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { cpuSince, readCpu, totalUs } from './process-usage.ts'
import { exitOf, runProgram } from './run-program.ts'
import type { Plan } from './sample.ts'
import { inTurn, startSystems, type System } from './systems.ts'
import { copyTarget, database, type World } from './world.ts'

const certificate = 'ecdsa-p256'
const timesOut = 3
const timeoutMs = 120_000
const megabyte = 1e6
const gigabyte = 1e9

const copyOut = `copy (select a.* from generate_series(1, ${timesOut}), pgbench_accounts a) to stdout`

export async function measureCopy(plan: Plan): Promise<void> {
  await using started = await startSystems(
    ['direct', 'pgbouncer', 'portcullis-node', 'portcullis-bun'],
    plan.installation,
    certificate,
  )
  const { world } = plan.installation
  const file = join(world.folder, 'accounts.txt')
  const [first] = started.systems
  if (first === undefined) return
  const bytes = await saveAccounts(world, first, file)

  const run = async (system: System, direction: 'out' | 'in'): Promise<Record<string, number>> => {
    if (direction === 'out')
      return timed(system, bytes * timesOut, async () => psql(world, system, copyOut))
    await world.postgres.sql(`truncate ${copyTarget}`, { database })
    return timed(system, bytes, async () =>
      psql(world, system, `\\copy ${copyTarget} from '${file}'`),
    )
  }
  const directions = ['out', 'in'] as const
  for (const system of started.systems) {
    for (const direction of directions) await run(system, direction)
    await checkCopied(world)
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const direction of directions) {
      for (const system of inTurn(started.systems, round)) {
        const figures = await run(system, direction)
        plan.record({ scenario: 'copy', variant: direction, system: system.name, figures })
      }
    }
  }
  await world.postgres.sql(`truncate ${copyTarget}`, { database })
}

async function timed(
  { pid }: System,
  bytes: number,
  work: () => Promise<unknown>,
): Promise<Record<string, number>> {
  const before = pid === undefined ? undefined : readCpu(pid)
  const startedAt = performance.now()
  await work()
  const seconds = (performance.now() - startedAt) / 1_000
  return {
    megabytesPerSecond: bytes / megabyte / seconds,
    ...(pid !== undefined &&
      before !== undefined && {
        cpuSecondsPerGigabyte: totalUs(cpuSince(pid, before)) / 1e6 / (bytes / gigabyte),
      }),
  }
}

async function psql(
  { programs, signal }: World,
  { environment }: System,
  command: string,
): Promise<void> {
  await runProgram(programs.psql, ['-X', '-q', '-c', command], {
    environment,
    timeoutMs,
    signal,
    discardsOutput: true,
  })
}

/** The rows as COPY writes them, for COPY to read; returns how many bytes that is. */
async function saveAccounts(
  { programs }: World,
  { environment }: System,
  file: string,
): Promise<number> {
  const child = spawn(programs.psql, ['-X', '-q', '-c', 'copy pgbench_accounts to stdout'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: timeoutMs,
  })
  const exited = exitOf(child)
  await pipeline(child.stdout, createWriteStream(file))
  if ((await exited) !== 0) throw new Error('pgbench_accounts could not be copied')
  await chmod(file, 0o644)
  return (await stat(file)).size
}

async function checkCopied({ postgres }: World): Promise<void> {
  const sum = async (table: string): Promise<unknown> => {
    const [row] = await postgres.sql(
      `select sum(hashtextextended(t::text, 0)) as sum from ${table} t`,
      { database },
    )
    return row?.['sum']
  }
  if ((await sum(copyTarget)) !== (await sum('pgbench_accounts')))
    throw new Error('the rows that were copied are not the rows that were there')
}
