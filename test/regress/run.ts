// `npm run test:regress`: PostgreSQL's own regression tests and every mode of pgbench, through Portcullis
// with a token as the password. No test may fail there that passes directly.
import { once } from 'node:events'
import type { Gateway } from '../../demo/gateway.ts'
import { runCoreSuite, type SuiteResult } from './core-suite.ts'
import { findSuite, type Suite, Unavailable } from './packages.ts'
import { runPgbenchModes } from './pgbench.ts'
import { createStage, type Way } from './stage.ts'

interface Count {
  passed: number
  failed: number
  skipped: number
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function main(): Promise<number> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    void once(process, signal).then(() => {
      stop.abort()
    })
  }
  let suite: Suite
  try {
    suite = await findSuite()
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    print(`SKIPPED: PostgreSQL's own regression tests cannot be had here: ${error.message}`)
    print('0 passed, 0 failed, 1 skipped')
    return 0
  }
  print(`PostgreSQL ${suite.version}, its own tests and its own clients`)
  const count: Count = { passed: 0, failed: 0, skipped: 0 }
  const direct = await runWay(suite, 'direct')
  const gated = await runWay(suite, 'portcullis')
  const suspects = [...direct.passed].filter((name) => !gated.passed.has(name))
  // A few tests of the suite depend on time, on any server: what counts is what fails twice.
  const again = suspects.length > 0 ? await runWay(suite, 'portcullis') : gated
  compare(direct, suspects, again, count)
  await benchmark(suite, stop.signal, count)
  print(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
  return count.failed === 0 && count.passed > 0 ? 0 : 1
}

/** Each on a server that nothing was done to before. */
async function runWay(suite: Suite, way: Way): Promise<SuiteResult> {
  await using stage = await createStage(suite)
  const result = await runCoreSuite(suite, stage.environment(way))
  const { passed, failed, seconds } = result
  const sessions = await admitted(stage.gateway)
  if (way === 'portcullis' ? sessions < passed.size : sessions > 0) {
    throw new Error(`${sessions} sessions went through Portcullis`)
  }
  print(
    `${way.padEnd(12)} ${String(passed.size).padStart(4)} tests pass, ${failed.size} fail, ` +
      `${sessions} sessions with a token, ${seconds.toFixed(0)} s${failed.size === 0 ? '' : `: ${[...failed].join(' ')}`}`,
  )
  return result
}

async function admitted(gateway: Gateway): Promise<number> {
  const response = await fetch(`${gateway.httpAddress}/metrics`)
  return [...(await response.text()).matchAll(/^portcullis_sessions_opened_total\S* (\d+)$/gm)]
    .map(([, count]) => Number(count))
    .reduce((sum, count) => sum + count, 0)
}

function compare(
  direct: SuiteResult,
  suspects: readonly string[],
  again: SuiteResult,
  count: Count,
): void {
  const failed = suspects.filter((name) => !again.passed.has(name))
  count.passed += direct.passed.size - failed.length
  count.failed += failed.length
  for (const name of suspects) {
    const verdict = failed.includes(name) ? 'FAILED' : 'passed at the second attempt'
    print(`${name}: passes directly, ${verdict} through Portcullis`)
  }
  if (failed.length > 0) print(again.differences)
  for (const name of direct.failed) {
    count.skipped++
    print(`SKIPPED: ${name} fails directly too`)
  }
}

async function benchmark(suite: Suite, signal: AbortSignal, count: Count): Promise<void> {
  await using stage = await createStage(suite)
  for (const result of await runPgbenchModes(suite, stage, signal)) {
    const mode = `pgbench -M ${result.protocol}${result.reconnects ? ' -C' : ''}`
    print(`${mode.padEnd(24)} ${result.processed} transactions, ${result.failed} failed`)
    count[result.failed === 0 ? 'passed' : 'failed']++
  }
}

process.exitCode = await main()
