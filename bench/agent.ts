// What `portcullis agent` in front of the gateway costs: the same transactions with and without it in one run, and
// as many gigabytes of COPY as are asked for, with an eye on its memory.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { runPgbench } from './pgbench.ts'
import { type CpuUse, cpuSince, readCpu, readResidentBytes, totalUs } from './process-usage.ts'
import { exitOf, runProgram, stopProcess } from './run-program.ts'
import type { Plan } from './sample.ts'
import { inTurn, startSystem, type System } from './systems.ts'
import { clientCounts } from './transactions.ts'
import { database, role, type World } from './world.ts'

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const startTimeoutMs = 30_000
const certificate = 'ecdsa-p256'
/** Each client is two logins away. */
const longestLeadMs = 4_000
const memoryPollMs = 200
const gigabyte = 1e9
/** Of the lines that are copied, with the line feed. */
const lineBytes = 1_000
const linesPerGigabyte = gigabyte / lineBytes
/** As much as a heap takes before it tidies up, and not a part of what passes. */
const mostGrowthBytes = 100e6
const copyTimeoutMs = 30 * 60_000

interface RunningAgent extends AsyncDisposable {
  readonly pid: number
  readonly environment: NodeJS.ProcessEnv
}

/** On Unix sockets, as it is by default. */
async function startAgent(world: World, gateway: System): Promise<RunningAgent> {
  const home = await mkdtemp(join(world.folder, 'agent-'))
  const profiles = join(home, '.config', 'portcullis', 'profiles')
  const socket = join(home, 'run')
  await mkdir(profiles, { recursive: true, mode: 0o700 })
  const profile = {
    endpoints: [{ host: 'localhost', port: gateway.port }],
    ca_file: world.caFile,
    session: false,
    store: 'none',
    sign_in: { flow: 'command', command: ['echo', gateway.credential] },
  }
  await writeFile(join(profiles, 'default.yaml'), stringify(profile), { mode: 0o600 })
  const child = spawn(process.execPath, [program, 'agent', '--socket', socket], {
    env: { PATH: process.env['PATH'], HOME: home, XDG_CONFIG_HOME: join(home, '.config') },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const signal = AbortSignal.timeout(startTimeoutMs)
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  while (!said.includes('connect with')) {
    await Promise.race([once(child.stderr, 'data', { signal }), exitOf(child)])
    if (child.exitCode !== null) throw new Error(`the agent ended:\n${said}`)
  }
  return {
    pid: child.pid ?? 0,
    environment: {
      PATH: process.env['PATH'],
      LC_ALL: 'C',
      PGHOST: socket,
      PGDATABASE: database,
      PGUSER: role,
    },
    [Symbol.asyncDispose]: async () => stopProcess(child),
  }
}

/** How many transactions there are is the clients' own doing, or the same with and without the agent. */
export const agentVariants: readonly { name: string; clients: number; perSecond?: number }[] = [
  ...clientCounts.map((clients) => ({ name: `${clients} clients`, clients })),
  { name: '16 clients, 1,000 a second', clients: 16, perSecond: 1_000 },
]

export async function measureAgent(plan: Plan): Promise<void> {
  const { installation, seconds } = plan
  const { world } = installation
  await using gateway = await startSystem('portcullis-node', installation, certificate)
  await using agent = await startAgent(world, gateway)
  const run = async (
    { clients, perSecond }: (typeof agentVariants)[number],
    way: Way,
  ): Promise<Readonly<Record<string, number>>> => {
    const { windowSeconds, transactions, cpu, cpuOfOthers } = await runPgbench({
      program: world.programs.pgbench,
      folder: world.folder,
      environment: way === 'agent' ? agent.environment : gateway.environment,
      clients,
      threads: Math.min(clients, availableParallelism()),
      seconds,
      signal: world.signal,
      arguments: [
        ...['--select-only', '--protocol=prepared'],
        ...(perSecond === undefined ? [] : [`--rate=${perSecond}`]),
      ],
      pid: gateway.pid,
      leadMs: Math.min(longestLeadMs, (seconds * 1_000) / 2),
      otherPids: way === 'agent' ? [agent.pid] : [],
    })
    const each = (use: CpuUse | undefined): number =>
      use === undefined ? 0 : totalUs(use) / transactions
    return {
      [`${way}PerSecond`]: transactions / windowSeconds,
      [`${way}GatewayUs`]: each(cpu),
      ...(way === 'agent' && { agentUs: each(cpuOfOthers[0]) }),
    }
  }
  const ways = ['direct', 'agent'] as const
  for (const way of ways) await run({ name: 'warm-up', clients: 16 }, way)
  for (let round = 0; round < plan.rounds; round++) {
    for (const variant of agentVariants) {
      for (const way of inTurn(ways, round)) {
        const figures = await run(variant, way)
        plan.record({
          scenario: 'agent',
          variant: variant.name,
          system: 'portcullis-node',
          figures,
        })
      }
    }
  }
}

type Way = 'direct' | 'agent'

/** Throws where the agent grows with what passes, or where what came is not what was sent. */
export async function measureAgentCopy(plan: Plan, gigabytes: number): Promise<void> {
  const { installation } = plan
  const { world } = installation
  await using gateway = await startSystem('portcullis-node', installation, certificate)
  await using agent = await startAgent(world, gateway)
  const lines = Math.round(gigabytes * linesPerGigabyte)
  const line = 'x'.repeat(lineBytes - 1)
  const counted = join(world.folder, 'copied-bytes')
  const one = async (sql: string): Promise<number> => {
    const [row] = await world.postgres.sql(sql, { database })
    return Number(row?.['n'])
  }
  await world.postgres.sql(
    `create table agent_copy (line text);
     create sequence agent_copied;
     grant insert, select on agent_copy to ${role};
     grant usage on agent_copied to ${role}`,
    { database },
  )
  const copies: Readonly<Record<string, { command: string; read: () => Promise<number> }>> = {
    out: {
      command: `\\copy (select repeat('x', ${line.length}) from generate_series(1, ${lines})) to program 'wc -c > ${counted}'`,
      read: async () => Number(await readFile(counted, 'utf8')) / lineBytes,
    },
    in: {
      // Each line is counted and looked at, and only wrong ones are kept.
      command: `\\copy agent_copy from program 'yes ${line} | head -n ${lines}' where nextval('agent_copied') is null or line <> repeat('x', ${line.length})`,
      read: async () =>
        one(
          'select (select last_value from agent_copied) - (select count(*) from agent_copy) as n',
        ),
    },
  }
  for (const [variant, { command, read }] of Object.entries(copies)) {
    const before = { agent: readCpu(agent.pid), gateway: readCpu(gateway.pid ?? 0) }
    const restingBytes = readResidentBytes(agent.pid)
    let mostBytes = restingBytes
    const watch = setInterval(() => {
      mostBytes = Math.max(mostBytes, readResidentBytes(agent.pid))
    }, memoryPollMs)
    const startedAt = performance.now()
    await runProgram(world.programs.psql, ['-X', '-q', '-c', command], {
      environment: agent.environment,
      timeoutMs: copyTimeoutMs,
      signal: world.signal,
    }).finally(() => {
      clearInterval(watch)
    })
    const seconds = (performance.now() - startedAt) / 1_000
    const arrived = await read()
    if (arrived !== lines)
      throw new Error(`${arrived} of ${lines} lines came ${variant} as they were`)
    const growthBytes = mostBytes - restingBytes
    if (growthBytes > mostGrowthBytes)
      throw new Error(`the agent has grown by ${growthBytes} bytes`)
    plan.record({
      scenario: 'agent-copy',
      variant,
      system: 'portcullis-node',
      figures: {
        gigabytes,
        megabytesPerSecond: (gigabytes * 1_000) / seconds,
        growthBytes,
        agentSeconds: totalUs(cpuSince(agent.pid, before.agent)) / 1e6 / gigabytes,
        gatewaySeconds: totalUs(cpuSince(gateway.pid ?? 0, before.gateway)) / 1e6 / gigabytes,
      },
    })
  }
}
