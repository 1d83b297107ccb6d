// All replicas are replaced, one after the other, while pgbench connects for each transaction and a pool has sessions
// that run them: nobody is refused, and no transaction is cut.
import { expect, test } from 'vitest'
import { findProgram, runProgram } from '../../bench/run-program.ts'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Scene } from './scene.ts'
import { Traffic } from './traffic.ts'
import { printTable } from './table.ts'

const transactionsPerRun = 25
const clients = 4

interface Benchmarked {
  processed: number
  failed: number
}

test('a rolling restart refuses no login and cuts no transaction', async () => {
  await using scene = await Scene.start({
    replicas: 3,
    // Of one that has workers, each has a queue of connections that are not accepted yet.
    configureReplica: (config, index) => {
      if (index === 0) config.workers = 2
    },
  })
  const { stack, port } = scene
  const startedAt = performance.now()
  const traffic = new Traffic({ stack, port, loginsPerSecond: 10, sessions: 12 })
  const benchmarked: Benchmarked = { processed: 0, failed: 0 }
  const restart = new AbortController()
  const pgbench = (async () => {
    while (!restart.signal.aborted) await benchmark(scene, benchmarked)
  })()
  for (const index of scene.replicas.keys()) await scene.replace(index)
  restart.abort()
  await Promise.all([pgbench, traffic.stop()])

  const { logins, transactions, moved } = traffic.counts
  printTable('a rolling restart of three replicas', [
    ['seconds', ((performance.now() - startedAt) / 1_000).toFixed(0)],
    ['transactions of pgbench -C, each with a login', benchmarked.processed],
    ['of them failed', benchmarked.failed],
    ['other logins', logins],
    ['transactions of 12 sessions of a pool', transactions],
    ['sessions that were ended between two transactions, and replaced', moved],
    ['failed logins and cut transactions', traffic.failures.length],
  ])
  expect(traffic.failures).toEqual([])
  expect(benchmarked.failed).toBe(0)
  // Each had to leave its replica at least once, and work went on all the time.
  expect(moved).toBeGreaterThanOrEqual(12)
  expect(benchmarked.processed).toBeGreaterThan(clients * transactionsPerRun)
})

async function benchmark({ stack, port }: Scene, sum: Benchmarked): Promise<void> {
  const script = join(stack.folder, 'transaction.sql')
  await writeFile(script, 'begin;\nselect count(*) from orders;\nend;\n')
  const token = await stack.token({ [groupsClaim]: ['readwrite-role'] })
  const wanted = clients * transactionsPerRun
  const output = await runProgram(
    findProgram('pgbench') ?? 'pgbench',
    [
      ...['--connect', '--no-vacuum', `--client=${clients}`, '--jobs=2', `--file=${script}`],
      `--transactions=${transactionsPerRun}`,
    ],
    {
      environment: { ...stack.environment(token), PGPORT: String(port), PGUSER: 'app_readwrite' },
      timeoutMs: 60_000,
      signal: AbortSignal.timeout(90_000),
    },
  ).catch((error: unknown) => String(error))
  const [, processed = '0'] =
    /^number of transactions actually processed: (\d+)/m.exec(output) ?? []
  if (Number(processed) < wanted) process.stdout.write(`${output}\n`)
  sum.processed += Number(processed)
  sum.failed += wanted - Number(processed)
}
