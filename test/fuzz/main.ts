// `npm run fuzz`: every reader of bytes that strangers send, by inputs that coverage leads.
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { readCorpus, writeCorpus } from './corpus.ts'
import type { Finding, Run } from './engine.ts'
import { isTargetName, type TargetName, targetNames } from './targets/names.ts'
import { watch, type Watched } from './watch.ts'

const usage = `usage: npm run fuzz -- [options]

  --minutes <n>   how long the run takes, over all targets (1)
  --inputs <n>    ends a target after so many inputs
  --only <list>   of ${targetNames.join(', ')}
  --jobs <n>      targets at a time (2)
  --seed <n>      repeats a run; else it is drawn and printed
  --keep          writes what was found worth keeping into test/fuzz/corpus
`
/** What a target may keep: its corpus grows, and so do caches up to their limits. */
const mostHeapGrowthBytes = 16 * 1024 * 1024

interface Options {
  readonly minutes: number
  readonly inputs: number
  readonly jobs: number
  readonly seed: number
  readonly names: readonly TargetName[]
  readonly keeps: boolean
}

function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '1' },
      inputs: { type: 'string', default: 'Infinity' },
      only: { type: 'string', default: targetNames.join(',') },
      jobs: { type: 'string', default: '2' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const positive = (name: 'minutes' | 'inputs' | 'jobs' | 'seed'): number => {
    const value = Number(values[name])
    if (!(value > 0)) throw new Error(`--${name}: a number greater than 0`)
    return value
  }
  return {
    minutes: positive('minutes'),
    inputs: positive('inputs'),
    jobs: positive('jobs'),
    seed: positive('seed'),
    names: values.only.split(',').map((name) => {
      if (isTargetName(name)) return name
      throw new Error(`--only: of ${targetNames.join(', ')}`)
    }),
    keeps: values.keep,
  }
}

function print(text = ''): void {
  process.stdout.write(`${text}\n`)
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) {
    process.stdout.write(usage)
    return 0
  }
  const { names, jobs, minutes } = options
  print(`seed ${options.seed}; ${minutes} minutes over ${names.length} targets, ${jobs} at a time`)
  print(row('target', 'inputs', 'seconds', 'branches', 'corpus', 'heap', 'findings'))
  const rounds = Math.ceil(names.length / jobs)
  const maxMs = (minutes * 60_000) / rounds
  const total = { passed: 0, failed: 0, skipped: 0, inputs: 0 }
  const waiting = [...names]
  const startedAt = performance.now()
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const watched = await watch({
        target: name,
        seed: options.seed,
        // JSON has no infinity.
        maxInputs: Math.min(options.inputs, Number.MAX_SAFE_INTEGER),
        maxMs,
      })
      total[tell(name, watched)]++
      if (watched.kind === 'done') total.inputs += watched.run.inputs
      if (options.keeps) keep(name, watched)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  const took = ((performance.now() - startedAt) / 60_000).toFixed(1)
  print(`${total.inputs.toLocaleString('en')} inputs in ${took} minutes`)
  print(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed > 0 || total.passed === 0 ? 1 : 0
}

function tell(name: string, watched: Watched): 'passed' | 'failed' | 'skipped' {
  if (watched.kind === 'absent') {
    print(`${name.padEnd(14)} SKIPPED: there is nothing of that name in src/`)
    return 'skipped'
  }
  if (watched.kind === 'broken') {
    showFinding(name, watched.finding)
    return 'failed'
  }
  const { run } = watched
  const megabytes = run.heapGrowthBytes / 1024 / 1024
  print(
    row(
      name,
      run.inputs.toLocaleString('en'),
      run.seconds.toFixed(0),
      `${run.branchesSeen}/${run.branches}`,
      String(run.corpus.length),
      `${megabytes.toFixed(1)} MiB`,
      String(run.findings.length),
    ),
  )
  for (const finding of run.findings) showFinding(name, finding)
  const leaks = run.heapGrowthBytes > mostHeapGrowthBytes
  if (leaks) print(`${name}: the heap grew by ${megabytes.toFixed(1)} MiB`)
  return run.findings.length > 0 || leaks ? 'failed' : 'passed'
}

function showFinding(name: string, { input, problem }: Finding): void {
  print(`${name}: FINDING ${problem}\n  input ${input.toString('hex')}`)
}

/** A finding is kept too: the replay of the corpus fails until it is dealt with. */
function keep(name: TargetName, watched: Watched): void {
  if (watched.kind === 'absent') return
  const found: readonly Buffer[] =
    watched.kind === 'broken' ? [...readCorpus(name), watched.finding.input] : corpusOf(watched.run)
  writeCorpus(name, found)
}

function corpusOf({ corpus, findings }: Run): readonly Buffer[] {
  return [...corpus, ...findings.map(({ input }) => input)]
}

const widths = [14, 12, 9, 12, 8, 10, 8]

function row(...cells: readonly string[]): string {
  return cells
    .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
    .join(' ')
}

process.exitCode = await main()
