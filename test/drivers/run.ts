// `npm run test:drivers`: real clients of PostgreSQL, directly and through Portcullis.
// Words select clients; `--write` writes docs/clients.md, `--details` tells what each step said.
import { Stack } from '../support/stack.ts'
import { build, type Build } from './build.ts'
import { drivers } from './drivers.ts'
import type { Driver } from './driver.ts'
import { renderDetails, renderTable, writeDocumentation } from './report.ts'
import { bothTokensOpenedSessions, runClient } from './run-client.ts'
import { type DriverResult, judge } from './verdict.ts'

const parallelBuilds = 2
const wrongUsage = 64
const flags = ['--write', '--details']

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    interruption.abort()
  })
}

process.exitCode = await main(process.argv.slice(2), interruption.signal)

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const words = args.filter((word) => !word.startsWith('--'))
  const unknown = [
    ...words.filter((word) => !drivers.some(({ name }) => name === word)),
    ...args.filter((word) => word.startsWith('--') && !flags.includes(word)),
  ]
  if (unknown.length > 0) {
    for (const word of unknown) print(`unknown: ${word}`)
    print(`clients: ${drivers.map(({ name }) => name).join(' ')}`)
    return wrongUsage
  }
  const isWhole = words.length === 0
  if (args.includes('--write') && !isWhole) {
    print('--write takes all clients')
    return wrongUsage
  }
  const selected = drivers.filter(({ name }) => isWhole || words.includes(name))
  const builds = await buildAll(selected, signal)
  const results: DriverResult[] = []
  if ([...builds.values()].some(({ state }) => state === 'ready')) {
    await using stack = await Stack.start()
    for (const driver of selected) {
      const built = builds.get(driver)
      if (built?.state === 'ready' && !signal.aborted)
        results.push(await runDriver(driver, built, stack, signal))
    }
  }
  return report(selected, builds, results, args, signal)
}

/** Two at a time: most of a build is waiting for downloads or for one core. */
async function buildAll(
  selected: readonly Driver[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Driver, Build>> {
  const builds = new Map<Driver, Build>()
  const queue = [...selected]
  const work = async (): Promise<void> => {
    for (let driver = queue.shift(); driver !== undefined; driver = queue.shift()) {
      if (signal.aborted) return
      const built = await build(driver, signal)
      builds.set(driver, built)
      if (built.state === 'ready') print(`built ${driver.name} in ${built.seconds.toFixed(1)} s`)
      else if (built.state === 'skipped') print(`SKIPPED ${driver.name}: ${built.why}`)
      else print(`FAILED ${driver.name}: ${built.why}`)
    }
  }
  await Promise.all(Array.from({ length: parallelBuilds }, work))
  return builds
}

async function runDriver(
  driver: Driver,
  built: Extract<Build, { state: 'ready' }>,
  stack: Stack,
  signal: AbortSignal,
): Promise<DriverResult> {
  const startedAt = performance.now()
  const direct = await runClient(driver, built.folder, stack, 'direct', signal)
  const gated = await runClient(driver, built.folder, stack, 'portcullis', signal)
  const isFreshTried = gated.lines.get('fresh-token')?.ok === true
  const bothTokensUsed = isFreshTried && (await bothTokensOpenedSessions(stack, driver))
  const verdicts = judge(direct, gated, bothTokensUsed)
  const runSeconds = (performance.now() - startedAt) / 1000
  const failed = verdicts.filter(({ outcome }) => outcome === 'failed')
  print(`${failed.length === 0 ? 'ok' : 'FAILED'} ${driver.name} in ${runSeconds.toFixed(1)} s`)
  for (const { step, detail } of failed) print(`  ${step}: ${detail}`)
  const version = gated.lines.get('version')?.detail ?? 'unknown'
  return { driver, version, buildSeconds: built.seconds, runSeconds, verdicts }
}

async function report(
  selected: readonly Driver[],
  builds: ReadonlyMap<Driver, Build>,
  results: readonly DriverResult[],
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const verdicts = results.flatMap((result) => result.verdicts)
  const count = (wanted: string): number =>
    verdicts.filter(({ outcome }) => outcome === wanted).length
  const states = (wanted: string): number =>
    selected.filter((driver) => builds.get(driver)?.state === wanted).length
  const skippedDrivers = states('skipped')
  const passed = count('passed')
  const failed = count('failed') + states('failed')
  if (args.includes('--details')) print(`\n${renderDetails(results)}`)
  print(`\n${renderTable(results)}`)
  for (const driver of selected) {
    const built = builds.get(driver)
    if (built?.state === 'skipped') print(`SKIPPED ${driver.name}: ${built.why}`)
  }
  if (args.includes('--write')) {
    // A page about some of them would lose the others.
    if (results.length < selected.length) print('not written: not every client was run')
    else print(`${await writeDocumentation(results)} written`)
  }
  print(`skipped: ${count('limit')} steps that a driver does not have, ${skippedDrivers} drivers`)
  if (signal.aborted) print('interrupted')
  print(`${passed} passed, ${failed} failed, ${count('limit') + skippedDrivers} skipped`)
  return failed === 0 && passed > 0 && !signal.aborted ? 0 : 1
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
