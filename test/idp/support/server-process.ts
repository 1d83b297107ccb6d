import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ServerCommand {
  readonly command: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** What it writes when it takes requests. */
  readonly ready: RegExp
}

const startTimeoutMs = 120_000
const stopTimeoutMs = 10_000

/** A provider that runs beside the tests; what it writes is kept for whoever has to find out why it ended. */
export class ServerProcess {
  readonly #process: ChildProcess
  #log = ''

  private constructor(child: ChildProcess) {
    this.#process = child
  }

  static async start({ command, environment, ready }: ServerCommand): Promise<ServerProcess> {
    const [program = '', ...args] = command
    const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    const server = new ServerProcess(child)
    const isReady = new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          server.#log += text
          if (ready.test(server.#log)) resolve()
        })
      }
      child.once('error', reject)
      child.once('exit', () => {
        reject(new Error('it ended'))
      })
      AbortSignal.timeout(startTimeoutMs).addEventListener('abort', () => {
        reject(new Error(`not within ${startTimeoutMs} ms`))
      })
    })
    try {
      await isReady
    } catch (cause) {
      child.kill('SIGKILL')
      throw new Error(`${program} did not start:\n${server.#log}`, { cause })
    }
    return server
  }

  get log(): string {
    return this.#log
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit', { signal: AbortSignal.timeout(stopTimeoutMs) })
    this.#process.kill('SIGTERM')
    await ended.catch(() => this.#process.kill('SIGKILL'))
  }
}
