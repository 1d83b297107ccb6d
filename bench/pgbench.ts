import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type CpuUse, cpuSince, readCpu } from './process-usage.ts'
import { exitOf, stopProcess } from './run-program.ts'

export interface PgbenchRun {
  readonly program: string
  /** Where its log files are kept while it runs. */
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
  readonly clients: number
  readonly threads: number
  readonly seconds: number
  readonly signal: AbortSignal
  readonly arguments: readonly string[]
  /** The process whose CPU time is taken. */
  readonly pid: number | undefined
  /** Until when all of its clients are in, where that takes them longer than usual. */
  readonly leadMs?: number
  /** Others of whose CPU time it is to be told. */
  readonly otherPids?: readonly number[]
}

/** What happened in the middle of a run: no client was connecting for the first time, none was leaving. */
export interface PgbenchResult {
  readonly windowSeconds: number
  readonly transactions: number
  /** Of each transaction, without a connect before it. */
  readonly latenciesUs: readonly number[]
  /** From the end of one transaction to the beginning of the next of the same client: with `-C`, a login. */
  readonly pausesUs: readonly number[]
  readonly cpu: CpuUse | undefined
  /** In the order of `otherPids`. */
  readonly cpuOfOthers: readonly CpuUse[]
}

const usualLeadMs = 1_000
const tailMs = 250
const graceMs = 30_000

/** The machine was busy with something else while the clients connected: what was measured says nothing. */
class TooEarly extends Error {}

const attempts = 3

/** One run of pgbench, read off its log of single transactions; throws where a transaction failed. */
export async function runPgbench(run: PgbenchRun): Promise<PgbenchResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await runOnce(run)
    } catch (error) {
      if (!(error instanceof TooEarly) || attempt === attempts) throw error
    }
  }
}

async function runOnce(run: PgbenchRun): Promise<PgbenchResult> {
  const folder = await mkdtemp(join(run.folder, 'pgbench-'))
  const child = spawn(
    run.program,
    [
      '--no-vacuum',
      '--random-seed=1',
      `--client=${run.clients}`,
      `--jobs=${run.threads}`,
      `--time=${run.seconds}`,
      '--log',
      `--log-prefix=${join(folder, 'log')}`,
      ...run.arguments,
    ],
    { env: run.environment, cwd: folder, signal: run.signal, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), run.seconds * 1_000 + graceMs)
  const exited = exitOf(child)
  exited.catch(() => {})
  try {
    const window = await measureWindow(run, exited)
    const code = await exited
    if (code !== 0) throw new Error(`pgbench: ${String(code)}\n${errors.trim()}`)
    return summarize(await readLogs(folder), window)
  } finally {
    clearTimeout(timer)
    await stopProcess(child)
    await rm(folder, { recursive: true, force: true })
  }
}

interface Window {
  readonly fromUs: number
  readonly toUs: number
  readonly cpu: CpuUse | undefined
  readonly cpuOfOthers: readonly CpuUse[]
}

async function measureWindow(run: PgbenchRun, exited: Promise<unknown>): Promise<Window> {
  const { leadMs = usualLeadMs } = run
  await Promise.race([delay(leadMs), exited])
  const fromUs = Date.now() * 1_000
  const before = run.pid === undefined ? undefined : readCpu(run.pid)
  const others = (run.otherPids ?? []).map((pid) => ({ pid, use: readCpu(pid) }))
  await Promise.race([delay(run.seconds * 1_000 - leadMs - tailMs), exited])
  const cpu = run.pid === undefined || before === undefined ? undefined : cpuSince(run.pid, before)
  const cpuOfOthers = others.map(({ pid, use }) => cpuSince(pid, use))
  return { fromUs, toUs: Date.now() * 1_000, cpu, cpuOfOthers }
}

interface Transaction {
  readonly endUs: number
  readonly latencyUs: number
}

/** By client, each in the order in which they ended. */
async function readLogs(folder: string): Promise<ReadonlyMap<string, readonly Transaction[]>> {
  const clients = new Map<string, Transaction[]>()
  for (const name of await readdir(folder)) {
    const lines = (await readFile(join(folder, name), 'utf8')).split('\n')
    for (const line of lines) {
      if (line === '') continue
      // client, number, latency (or `failed`), script, seconds, microseconds
      const [client = '', , latency, , seconds, microseconds] = line.split(' ')
      const latencyUs = Number(latency)
      const endUs = Number(seconds) * 1e6 + Number(microseconds)
      if (!Number.isFinite(latencyUs) || !Number.isFinite(endUs))
        throw new Error(`a failed transaction: ${line}`)
      const known = clients.get(client)
      if (known === undefined) clients.set(client, [{ endUs, latencyUs }])
      else known.push({ endUs, latencyUs })
    }
  }
  return clients
}

function summarize(
  clients: ReadonlyMap<string, readonly Transaction[]>,
  { fromUs, toUs, cpu, cpuOfOthers }: Window,
): PgbenchResult {
  const latenciesUs: number[] = []
  const pausesUs: number[] = []
  let isUnderWay = false
  for (const transactions of clients.values()) {
    let previousEndUs: number | undefined
    for (const { endUs, latencyUs } of transactions) {
      if (endUs < fromUs) isUnderWay = true
      else if (endUs <= toUs) {
        latenciesUs.push(latencyUs)
        if (previousEndUs !== undefined) pausesUs.push(endUs - latencyUs - previousEndUs)
      }
      previousEndUs = endUs
    }
  }
  if (!isUnderWay) throw new TooEarly('pgbench was still connecting when the measurement began')
  if (latenciesUs.length === 0) throw new Error('pgbench finished no transaction in time')
  return {
    windowSeconds: (toUs - fromUs) / 1e6,
    transactions: latenciesUs.length,
    latenciesUs,
    pausesUs,
    cpu,
    cpuOfOthers,
  }
}
