// Small queries over sessions that are open already: what the splice itself costs.
import { availableParallelism } from 'node:os'
import { type PgbenchResult, runPgbench } from './pgbench.ts'
import { totalUs } from './process-usage.ts'
import { runProgram } from './run-program.ts'
import type { Plan } from './sample.ts'
import { percentile } from './statistics.ts'
import { inTurn, startSystems, type System } from './systems.ts'
import type { World } from './world.ts'

export const clientCounts = [1, 16, 64] as const
const warmUpClients = 16
const certificate = 'ecdsa-p256'
const psqlTimeoutMs = 30_000

export async function measureTransactions(
  plan: Plan,
  onCipher: (system: System, cipher: string) => void,
): Promise<void> {
  const { installation } = plan
  await using started = await startSystems(
    ['direct', 'pgbouncer', 'portcullis-node', 'portcullis-bun'],
    installation,
    certificate,
  )
  const { world } = installation
  for (const system of started.systems) {
    onCipher(system, await readCipher(world, system))
    await selectFor(plan.seconds, world, system, warmUpClients)
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const clients of clientCounts) {
      for (const system of inTurn(started.systems, round)) {
        const result = await selectFor(plan.seconds, world, system, clients)
        plan.record({
          scenario: 'transactions',
          variant: `${clients} clients`,
          system: system.name,
          figures: toFigures(result),
        })
      }
    }
  }
}

export async function selectFor(
  seconds: number,
  world: World,
  { environment, pid }: System,
  clients: number,
): Promise<PgbenchResult> {
  return runPgbench({
    program: world.programs.pgbench,
    folder: world.folder,
    environment,
    clients,
    threads: Math.min(clients, availableParallelism()),
    seconds,
    signal: world.signal,
    arguments: ['--select-only', '--protocol=prepared'],
    pid,
  })
}

function toFigures({
  windowSeconds,
  transactions,
  latenciesUs,
  cpu,
}: PgbenchResult): Readonly<Record<string, number>> {
  return {
    perSecond: transactions / windowSeconds,
    p50Us: percentile(latenciesUs, 0.5),
    p99Us: percentile(latenciesUs, 0.99),
    ...(cpu && {
      cpuUs: totalUs(cpu) / transactions,
      userUs: cpu.userUs / transactions,
      systemUs: cpu.systemUs / transactions,
    }),
  }
}

/** Protocol and cipher as libpq sees them. */
async function readCipher({ programs, signal }: World, { environment }: System): Promise<string> {
  const output = await runProgram(programs.psql, ['-X', '-c', '\\conninfo'], {
    environment,
    timeoutMs: psqlTimeoutMs,
    signal,
  })
  return /protocol: ([^,]+, cipher: [^,)]+)/.exec(output)?.[1]?.replace(' cipher: ', ' ') ?? output
}
