// The loop: take an input that did something new, change it, keep the result if it does too.
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Coverage } from './coverage.ts'
import { mutate, spell } from './mutate.ts'
import { Random } from './random.ts'
import type { Target } from './target.ts'

export interface Finding {
  readonly input: Buffer
  readonly problem: string
}

export interface Run {
  readonly inputs: number
  readonly seconds: number
  readonly branches: number
  readonly branchesSeen: number
  /** The inputs without which something would not be seen. */
  readonly corpus: readonly Buffer[]
  readonly findings: readonly Finding[]
  /** After a collection of garbage, between the first quarter and the end. */
  readonly heapGrowthBytes: number
}

export interface RunOptions {
  readonly target: Target
  readonly coverage: Coverage
  readonly kept: readonly Buffer[]
  readonly seed: number
  /** The run ends when either is used up. */
  readonly maxInputs: number
  readonly maxMs: number
  /** Called with each input before it is run, so that one that never ends is known. */
  readonly beginning: (input: Buffer) => void
}

const mostFindings = 10
const mostInputsInMemory = 20_000

export async function fuzz(options: RunOptions): Promise<Run> {
  const { target, coverage, kept, maxInputs, maxMs } = options
  const random = new Random(options.seed)
  const pool = [...target.seeds, ...kept].map((input) => input.subarray(0, target.maxBytes))
  const findings = new Map<string, Finding>()
  let inputs = 0

  const runOne = async (input: Buffer): Promise<'new' | 'nearer' | 'known'> => {
    options.beginning(input)
    coverage.begin()
    inputs++
    let outcome: string
    try {
      const result = target.run(input)
      outcome = typeof result === 'string' ? result : await result
    } catch (error) {
      const problem = problemOf(error)
      outcome = placeOf(problem)
      const known = findings.get(outcome)
      if (known === undefined ? findings.size < mostFindings : input.length < known.input.length) {
        findings.set(outcome, { input: Buffer.from(input), problem })
      }
    }
    return coverage.end(outcome)
  }

  const startedAt = performance.now()
  for (const input of pool.slice()) await runOne(input)
  const words = [...coverage.words].flatMap(spell)
  const fresh: Buffer[] = []
  let heapAtFirst: number | undefined
  for (;;) {
    if (inputs >= maxInputs) break
    const elapsed = performance.now() - startedAt
    if (elapsed >= maxMs) break
    if (heapAtFirst === undefined && (elapsed >= maxMs / 4 || inputs >= maxInputs / 4)) {
      heapAtFirst = heapAfterCollection()
    }
    const from = fresh.length > 0 && random.oneIn(3) ? fresh : pool
    const input = mutate(random.oneOf(from), {
      random,
      others: pool,
      words,
      maxBytes: target.maxBytes,
    })
    if ((await runOne(input)) === 'known') continue
    const own = Buffer.from(input)
    if (pool.length < mostInputsInMemory) pool.push(own)
    fresh.push(own)
    if (fresh.length > 64) fresh.shift()
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const heapGrowthBytes = heapAfterCollection() - (heapAtFirst ?? heapAfterCollection())
  const branchesSeen = coverage.branchesSeen
  return {
    inputs,
    seconds,
    branches: coverage.branches,
    branchesSeen,
    corpus: await smallest(pool, options),
    findings: [...findings.values()],
    heapGrowthBytes,
  }
}

/** The shortest inputs first, and of the others only those that add something. */
async function smallest(
  pool: readonly Buffer[],
  { coverage, target, beginning }: RunOptions,
): Promise<readonly Buffer[]> {
  coverage.forget()
  const needed: Buffer[] = []
  for (const input of pool.toSorted((one, other) => one.length - other.length)) {
    beginning(input)
    coverage.begin()
    let outcome: string
    try {
      outcome = await target.run(input)
    } catch (error) {
      outcome = placeOf(problemOf(error))
    }
    if (coverage.end(outcome) === 'new') needed.push(input)
  }
  return needed
}

/** What is wrong with one input, if anything is. */
export async function findingOf(target: Target, input: Buffer): Promise<Finding | undefined> {
  try {
    await target.run(input)
    return undefined
  } catch (error) {
    return { input, problem: problemOf(error) }
  }
}

function problemOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Where it was thrown: the same mistake with other values is one finding. */
function placeOf(problem: string): string {
  return /^\s+at .*$/m.exec(problem)?.[0] ?? problem
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  return getHeapStatistics().used_heap_size
}
