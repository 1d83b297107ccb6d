import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ClientMachine } from './client-machine.ts'

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
    await agent.untilSaid(/connect with/)
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
