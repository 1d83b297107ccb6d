// A login for every query: TLS handshake, credential, and whatever goes on upstream.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PgbenchResult, runPgbench } from './pgbench.ts'
import { totalUs } from './process-usage.ts'
import type { Plan } from './sample.ts'
import { percentile } from './statistics.ts'
import { inTurn, startSystems, type System } from './systems.ts'
import { keyTypes, type World } from './world.ts'

const clients = 8

export async function measureLogins(plan: Plan): Promise<void> {
  for (const keyType of keyTypes) {
    await using started = await startSystems(
      ['direct', 'pgbouncer', 'pgbouncer-once', 'portcullis-node', 'portcullis-bun'],
      plan.installation,
      keyType,
    )
    const { world } = plan.installation
    for (const system of started.systems) await logInFor(plan.seconds, world, system)
    for (let round = 0; round < plan.rounds; round++) {
      for (const system of inTurn(started.systems, round)) {
        const result = await logInFor(plan.seconds, world, system)
        plan.record({
          scenario: 'logins',
          variant: keyType,
          system: system.name,
          figures: toFigures(result),
        })
      }
    }
  }
}

/** Of one at a time and of as many as there can be: where what is ready helps, and where it cannot. */
const loads = {
  paced: { clients: 1, script: 'SELECT 1;\n\\sleep 20 ms\n' },
  busy: { clients, script: 'SELECT 1;\n' },
} as const

export async function measureWarmLogins(plan: Plan): Promise<void> {
  const { world } = plan.installation
  await using started = await startSystems(
    ['direct', 'pgbouncer', 'pgbouncer-once', 'portcullis-node', 'portcullis-warm'],
    plan.installation,
    'ecdsa-p256',
  )
  for (const [variant, { clients: count, script }] of Object.entries(loads)) {
    const file = join(world.folder, `${variant}.sql`)
    await writeFile(file, script)
    const run = async ({ environment, pid }: System): Promise<PgbenchResult> =>
      runPgbench({
        program: world.programs.pgbench,
        folder: world.folder,
        environment,
        clients: count,
        threads: count,
        seconds: plan.seconds,
        signal: world.signal,
        arguments: ['--connect', `--file=${file}`],
        pid,
      })
    for (let round = 0; round < plan.rounds; round++) {
      for (const system of inTurn(started.systems, round)) {
        const figures = toFigures(await run(system))
        plan.record({ scenario: 'warm-logins', variant, system: system.name, figures })
      }
    }
  }
}

export async function logInFor(
  seconds: number,
  world: World,
  { environment, pid }: System,
): Promise<PgbenchResult> {
  return runPgbench({
    program: world.programs.pgbench,
    folder: world.folder,
    environment,
    clients,
    // A thread waits for the login of each of its clients: with one each, nobody else's is counted.
    threads: clients,
    seconds,
    signal: world.signal,
    arguments: ['--connect', '--select-only'],
    pid,
  })
}

function toFigures({
  windowSeconds,
  transactions,
  pausesUs,
  cpu,
}: PgbenchResult): Readonly<Record<string, number>> {
  return {
    perSecond: transactions / windowSeconds,
    p50Us: percentile(pausesUs, 0.5),
    p99Us: percentile(pausesUs, 0.99),
    ...(cpu && {
      cpuUs: totalUs(cpu) / transactions,
      userUs: cpu.userUs / transactions,
      systemUs: cpu.systemUs / transactions,
    }),
  }
}
