// `npm run bench`: Portcullis beside PgBouncer and PostgreSQL itself, in one run on one machine.
import { describeMachine, readVersions } from './machine.ts'
import { measureAgent, measureAgentCopy } from './agent.ts'
import { measureCopy } from './copy.ts'
import { measureLogins, measureWarmLogins } from './logins.ts'
import { measureMemory, measureSlowReader } from './memory.ts'
import { type Options, readOptions, type ScenarioName, usage } from './options.ts'
import { pgBouncerSettings } from './pgbouncer.ts'
import { profile } from './profile.ts'
import { renderReport } from './report.ts'
import { loadResult, type Result, saveResult, withAdded, writeDocumentation } from './result.ts'
import type { Plan, Sample } from './sample.ts'
import { findInstallation, type SystemName } from './systems.ts'
import { measureTransactions } from './transactions.ts'
import { measureUnauthenticated } from './unauthenticated.ts'
import { measurePools } from './pools.ts'
import { measureVerification } from './verification.ts'
import { createWorld } from './world.ts'

const documentedName = 'latest'
const wrongUsage = 64
const interruptedExitCode = 130

// What was started is stopped on the way out, so a signal only sees to it that the way begins. A
// second one takes the shortest.
const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    print('\nstopping\n')
    interruption.abort()
  })
}

try {
  process.exitCode = await main(process.argv.slice(2), interruption.signal)
} catch (error) {
  if (!interruption.signal.aborted) throw error
  process.exitCode = interruptedExitCode
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  let options: Options | 'help'
  try {
    options = readOptions(args)
  } catch (error) {
    print(`bench: ${error instanceof Error ? error.message : String(error)}\n${usage}`)
    return wrongUsage
  }
  if (options === 'help') {
    process.stdout.write(usage)
    return 0
  }
  const { name, profileFolder, renderOnly, seconds, isAdded, scenarios } = options
  if (process.platform !== 'linux') {
    print('bench: CPU time and memory are read from /proc, so this needs Linux\n')
    return 1
  }
  if (profileFolder !== undefined) {
    await profile(profileFolder, seconds, print, signal)
    return 0
  }
  const saved = renderOnly || isAdded ? await loadResult(name) : undefined
  const taken = renderOnly ? undefined : await measure(options, args, signal)
  const result =
    taken === undefined || saved === undefined
      ? (taken ?? saved)
      : withAdded(saved, taken, scenarios)
  if (result === undefined) return wrongUsage
  const report = renderReport(result)
  process.stdout.write(`${report}\n`)
  if (!renderOnly) print(`saved ${await saveResult(name, result)}\n`)
  if (name === documentedName) print(`wrote ${await writeDocumentation(report)}\n`)
  return 0
}

async function measure(
  options: Options,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Result> {
  const { rounds, seconds } = options
  const missing: string[] = []
  const samples: Sample[] = []
  const ciphers: Partial<Record<SystemName, string>> = {}
  print('starting PostgreSQL and an identity provider\n')
  await using world = await createWorld(signal)
  signal.throwIfAborted()
  const installation = findInstallation(world, (what) => {
    missing.push(what)
    print(`\n*** ${what}\n\n`)
  })
  const plan: Plan = {
    installation,
    rounds,
    seconds,
    record: (sample) => {
      signal.throwIfAborted()
      samples.push(sample)
      print(`${describe(sample)}\n`)
    },
  }
  const scenarios: Readonly<Record<ScenarioName, () => Promise<void>>> = {
    transactions: async () =>
      measureTransactions(plan, ({ name }, cipher) => {
        ciphers[name] = cipher
        print(`${name}: ${cipher}\n`)
      }),
    logins: async () => measureLogins(plan),
    'warm-logins': async () => measureWarmLogins(plan),
    verification: async () => measureVerification(plan),
    pools: async () => {
      measurePools(plan)
      return Promise.resolve()
    },
    copy: async () => measureCopy(plan),
    memory: async () => measureMemory(plan),
    'slow-reader': async () => measureSlowReader(plan),
    unauthenticated: async () => measureUnauthenticated(plan),
    agent: async () => measureAgent(plan),
    'agent-copy': async () => measureAgentCopy(plan, options.gigabytes),
  }
  const machine = describeMachine()
  const versions = await readVersions(installation)
  for (const scenario of options.scenarios) {
    print(`\n${scenario}\n`)
    await scenarios[scenario]()
  }
  return {
    takenAt: new Date().toISOString(),
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    rounds,
    seconds,
    machine,
    versions,
    ciphers,
    pgBouncerSettings: pgBouncerSettings(false),
    missing,
    samples,
  }
}

function describe({ variant, system, figures }: Sample): string {
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toPrecision(4)}`)
  return `${variant}, ${system}: ${shown.join(', ')}`
}

/** Progress, which is no part of the report. */
function print(text: string): void {
  process.stderr.write(text)
}
