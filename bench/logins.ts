// A login for every query: TLS handshake, credential, and whatever goes on upstream.
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
