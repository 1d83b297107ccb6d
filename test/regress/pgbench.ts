import { join } from 'node:path'
import { runProgram } from '../../bench/run-program.ts'
import type { Stage } from './stage.ts'
import type { Suite } from './packages.ts'

export interface PgbenchMode {
  readonly protocol: 'simple' | 'extended' | 'prepared'
  readonly reconnects: boolean
}

export interface PgbenchResult extends PgbenchMode {
  readonly processed: number
  readonly failed: number
}

const transactionsPerClient = { session: 200, connect: 25 }
const clients = 8
const timeoutMs = 180_000

const modes: readonly PgbenchMode[] = (['simple', 'extended', 'prepared'] as const).flatMap(
  (protocol) => [false, true].map((reconnects) => ({ protocol, reconnects })),
)

/** Every way in which pgbench speaks the protocol, through Portcullis; none may fail a transaction. */
export async function runPgbenchModes(
  suite: Suite,
  stage: Stage,
  signal: AbortSignal,
): Promise<readonly PgbenchResult[]> {
  const environment = { ...stage.environment('portcullis'), PGDATABASE: 'postgres' }
  const pgbench = join(suite.programs, 'pgbench')
  const options = { environment, timeoutMs, signal }
  await runProgram(pgbench, ['--initialize', '--quiet', '--scale=1'], options)
  const results: PgbenchResult[] = []
  for (const mode of modes) results.push(await runMode(pgbench, mode, options))
  return results
}

async function runMode(
  pgbench: string,
  mode: PgbenchMode,
  options: Parameters<typeof runProgram>[2],
): Promise<PgbenchResult> {
  const transactions = mode.reconnects
    ? transactionsPerClient.connect
    : transactionsPerClient.session
  const output = await runProgram(
    pgbench,
    [
      `--protocol=${mode.protocol}`,
      ...(mode.reconnects ? ['--connect'] : []),
      `--client=${clients}`,
      '--jobs=2',
      `--transactions=${transactions}`,
      '--no-vacuum',
    ],
    options,
  )
  const numberAfter = (label: string): number =>
    Number(new RegExp(`^${label}: (\\d+)`, 'm').exec(output)?.[1] ?? Number.NaN)
  const processed = numberAfter('number of transactions actually processed')
  const failed = numberAfter('number of failed transactions')
  const missing = clients * transactions - processed
  return { ...mode, processed, failed: Math.max(failed, missing) }
}
