import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { ClientMachine } from './client-machine.ts'
import type { Stack } from './stack.ts'
import { WireClient } from './wire-client.ts'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const deadlineMs = 30_000

/** `portcullis agent` as its own process. */
export class AgentProcess {
  readonly process: ChildProcess
  #said = ''

  private constructor(child: ChildProcess) {
    this.process = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text
    })
  }

  static async start(
    machine: ClientMachine,
    args: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<AgentProcess> {
    const child = spawn(process.execPath, [program, 'agent', ...args], {
      env: { ...machine.environment, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const agent = new AgentProcess(child)
    await agent.untilSaid(/listening on/)
    return agent
  }

  /** Everything it said so far. */
  get said(): string {
    return this.#said
  }

  /** The port of its first listener on the loopback interface. */
  get port(): number {
    return Number(/listening on [\d.:]+ port (\d+)/.exec(this.#said)?.[1])
  }

  async untilSaid(pattern: RegExp): Promise<void> {
    const signal = AbortSignal.timeout(deadlineMs)
    while (!pattern.test(this.#said)) {
      if (this.#hasEnded) throw new Error(`the agent ended:\n${this.#said}`)
      await Promise.race([
        once(this.process.stderr ?? this.process, 'data', { signal }),
        once(this.process, 'exit', { signal }),
      ])
    }
  }

  async ended(): Promise<number | null> {
    if (!this.#hasEnded) {
      await once(this.process, 'exit', { signal: AbortSignal.timeout(deadlineMs) })
    }
    return this.process.exitCode
  }

  /** Sends a signal and returns the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.#hasEnded) this.process.kill(signal)
    return this.ended()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }

  get #hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null
  }
}

/** Where the agent listens without an option. */
export function socketFolder(machine: ClientMachine): string {
  return join(machine.environment['XDG_RUNTIME_DIR'] ?? '', 'portcullis')
}

export type ProfileChanges = Readonly<Record<string, unknown>>

/** A machine that knows the gateway, and has tokens from a file. */
export async function machineFor(
  stack: Stack,
  changes: ProfileChanges = {},
): Promise<ClientMachine> {
  const machine = await ClientMachine.start()
  const token = await machine.write('token', await stack.token())
  const profile = {
    endpoints: [{ host: 'localhost', port: stack.gateway.port }],
    database: 'sandbox',
    user: 'app_readonly',
    ca_file: stack.caFile,
    session: false,
    store: 'none',
    sign_in: { flow: 'command', command: ['cat', token] },
    ...changes,
  }
  await machine.write('.config/portcullis/profiles/default.yaml', stringify(profile))
  return machine
}

export interface Served extends AsyncDisposable {
  readonly machine: ClientMachine
}

/** Such a machine, with the agent on it. */
export async function serveFrom(
  stack: Stack,
  changes: ProfileChanges = {},
  args: readonly string[] = [],
): Promise<Served> {
  await using made = new AsyncDisposableStack()
  const machine = made.use(await machineFor(stack, changes))
  made.use(await AgentProcess.start(machine, args))
  const kept = made.move()
  return { machine, [Symbol.asyncDispose]: async () => kept.disposeAsync() }
}

/** Of psql: where the agent is, and nothing else. */
export function agentEnvironment(machine: ClientMachine): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: machine.home,
    PGHOST: socketFolder(machine),
    PGCONNECT_TIMEOUT: '20',
  }
}

export async function connectTo(path: string): Promise<WireClient> {
  const socket = connect({ path, allowHalfOpen: true })
  await once(socket, 'connect')
  return new WireClient(socket)
}

export async function connectToAgent(machine: ClientMachine): Promise<WireClient> {
  return connectTo(join(socketFolder(machine), '.s.PGSQL.5432'))
}

/** What libpq names where nobody has named a user. */
export const systemUser = userInfo().username

/** Logs in without a word of who or where, up to the point where the session is idle. */
export async function enter(
  client: WireClient,
): Promise<{ readonly processId: number; readonly secretKey: Buffer }> {
  client.startup({ user: systemUser, database: systemUser })
  const { body } = await client.readUntil('K')
  await client.readUntil('Z')
  return { processId: body.readInt32BE(0), secretKey: body.subarray(4) }
}
