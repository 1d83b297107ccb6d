import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const startTimeoutMs = 30_000
const stopTimeoutMs = 40_000

export interface GatewayOptions {
  /** Where the configuration is written. */
  readonly folder: string
  /** The content of portcullis.yaml, or its text. */
  readonly config: object | string
  /** What runs the program; this process's own runtime where undefined. */
  readonly runtime?: string
  /** Options of the runtime itself. */
  readonly runtimeOptions?: readonly string[]
}

/** Portcullis as its own process, run from the source as a user would run it. */
export class Gateway {
  readonly configFile: string
  readonly process: ChildProcess
  readonly host = 'localhost'
  #log = ''
  #ready: ReadyLine | undefined

  private constructor(configFile: string, child: ChildProcess) {
    this.configFile = configFile
    this.process = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text
    })
  }

  static async start({
    folder,
    config,
    runtime,
    runtimeOptions = [],
  }: GatewayOptions): Promise<Gateway> {
    const configFile = join(folder, 'portcullis.yaml')
    await writeFile(configFile, typeof config === 'string' ? config : stringify(config))
    const child = spawn(
      runtime ?? process.execPath,
      [...runtimeOptions, program, 'serve', '--config', configFile],
      // In a group of its own: Ctrl-C reaches it by way of whoever started it.
      { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    )
    const gateway = new Gateway(configFile, child)
    try {
      await gateway.#untilReady()
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
    return gateway
  }

  /** The port of the listener, or of the nth of several. */
  portOf(listener = 0): number {
    return portIn(this.#readyLine().listeners[listener] ?? '')
  }

  get port(): number {
    return this.portOf(0)
  }

  get httpPort(): number {
    return portIn(this.#readyLine().http)
  }

  get httpAddress(): string {
    return `http://${this.#readyLine().http}`
  }

  /** Everything it logged so far: JSON lines. */
  log(): string {
    return this.#log
  }

  /** Changes the configuration file and has it reloaded. */
  async reload(config: object): Promise<void> {
    await writeFile(this.configFile, stringify(config))
    await this.untilLogged(/configuration (not )?reloaded/, () => this.process.kill('SIGHUP'))
  }

  /** Waits until something new that matches is logged. */
  async untilLogged(pattern: RegExp, trigger: () => void = () => {}): Promise<void> {
    const from = this.#log.length
    const timeout = AbortSignal.timeout(startTimeoutMs)
    trigger()
    while (!pattern.test(this.#log.slice(from))) {
      if (this.#hasEnded) throw new Error(`portcullis ended:\n${this.#log}`)
      await once(this.process.stderr ?? this.process, 'data', { signal: timeout })
    }
  }

  /** Sends SIGTERM and returns the exit code. */
  async stop(): Promise<number | null> {
    if (this.#hasEnded) return this.process.exitCode
    const ended = once(this.process, 'exit', { signal: AbortSignal.timeout(stopTimeoutMs) })
    this.process.kill('SIGTERM')
    try {
      await ended
    } catch {
      this.process.kill('SIGKILL')
    }
    return this.process.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** The exit code stays null where a signal ended the process. */
  get #hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null
  }

  #readyLine(): ReadyLine {
    if (this.#ready === undefined) throw new Error('not ready')
    return this.#ready
  }

  async #untilReady(): Promise<void> {
    const timeout = AbortSignal.timeout(startTimeoutMs)
    for (;;) {
      this.#ready = readyLineIn(this.#log)
      if (this.#ready !== undefined) return
      if (this.#hasEnded) throw new Error(`portcullis ended:\n${this.#log}`)
      await Promise.race([
        once(this.process.stderr ?? this.process, 'data', { signal: timeout }),
        once(this.process, 'exit', { signal: timeout }),
      ])
    }
  }
}

interface ReadyLine {
  readonly listeners: readonly string[]
  readonly http: string
}

function readyLineIn(log: string): ReadyLine | undefined {
  for (const line of log.split('\n')) {
    if (!line.includes('"msg":"ready"')) continue
    const parsed: unknown = JSON.parse(line)
    if (isReadyLine(parsed)) return parsed
  }
  return undefined
}

function isReadyLine(value: unknown): value is ReadyLine {
  return typeof value === 'object' && value !== null && 'listeners' in value && 'http' in value
}

function portIn(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}
