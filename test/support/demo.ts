import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { run, type Ran } from '../../demo/tour/shell.ts'

const program = fileURLToPath(new URL('../../demo/main.ts', import.meta.url))
export const startDeadlineMs = 60_000
export const endDeadlineMs = 30_000
export const lastWords = 'Press Ctrl-C to stop'
const execute = promisify(execFile)

/** The demo as its own process, without the bootstrap that installs packages. */
export class Demo {
  readonly process: ChildProcess
  #output = ''

  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.process = spawn(process.execPath, [program], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.process.stdout!, this.process.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
  }

  get output(): string {
    return this.#output
  }

  get folder(): string {
    return this.matchOf(/(\S+)\/portcullis\.yaml/)
  }

  matchOf(pattern: RegExp): string {
    const found = pattern.exec(this.#output)?.[1]
    if (found === undefined) throw new Error(`nothing like ${String(pattern)} in:\n${this.#output}`)
    return found
  }

  /** The lines from the last one that begins so, and has that in it, until the next empty one. */
  block(beginning: string, within = ''): string {
    const blocks = this.#output.split('\n\n')
    const block = blocks.findLast((one) => one.startsWith(beginning) && one.includes(within))
    if (block === undefined) throw new Error(`nothing begins so in:\n${this.#output}`)
    return block
  }

  async untilPrinted(text: string): Promise<this> {
    const signal = AbortSignal.timeout(startDeadlineMs)
    const ended = once(this.process, 'close', { signal })
    while (!this.#output.includes(text)) {
      await Promise.race([once(this.process.stdout!, 'data', { signal }), ended])
      if (this.process.exitCode !== null) throw new Error(`the demo ended:\n${this.#output}`)
    }
    return this
  }

  /** Runs what a user pastes into a shell of theirs. */
  async paste(...commands: readonly string[]): Promise<Ran> {
    const signal = AbortSignal.timeout(startDeadlineMs)
    return run(commands.join('\n'), { folder: '/', signal })
  }

  /** As `paste`, for what goes on while one does something else. */
  begin(command: string): Begun {
    const signal = AbortSignal.timeout(startDeadlineMs)
    const child = spawn('/bin/sh', ['-c', `exec 2>&1; ${command}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
      signal,
    })
    let heard = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text))
    const ended = once(child, 'close').then(([code]) => code as number | null)
    return { heard: () => heard, ended }
  }

  async end(...signals: readonly NodeJS.Signals[]): Promise<number | null> {
    if (this.process.exitCode !== null) return this.process.exitCode
    const closed = once(this.process, 'close', { signal: AbortSignal.timeout(endDeadlineMs) })
    for (const signal of signals) this.process.kill(signal)
    await closed
    return this.process.exitCode
  }

  /** Processes that were started by it, and by those, but for shells of this moment. */
  async family(): Promise<readonly Process[]> {
    const all = await listProcesses()
    const family = [this.process.pid!]
    // Parents have lower numbers until these wrap around, so one more round is made than is needed.
    for (let size = 0; size < family.length;) {
      size = family.length
      for (const { pid, parent } of all)
        if (family.includes(parent) && !family.includes(pid)) family.push(pid)
    }
    return all.filter(({ pid }) => family.includes(pid) && pid !== this.process.pid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGINT').catch(() => this.process.kill('SIGKILL'))
  }
}

export interface Begun {
  /** What it has printed so far. */
  readonly heard: () => string
  readonly ended: Promise<number | null>
}

interface Process {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

/** Without those that are dead and not yet reaped, which some containers keep for good. */
async function listProcesses(): Promise<Process[]> {
  const { stdout } = await execute('ps', ['-A', '-ww', '-o', 'pid=,ppid=,stat=,args='])
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, state = '', command = ''] =
      /^\s*(\d+)\s+(\d+)\s+(\S+)\s(.*)/.exec(line) ?? []
    return pid === undefined || state.startsWith('Z')
      ? []
      : [{ pid: Number(pid), parent: Number(parent), command }]
  })
}

export async function stillRunning(family: readonly Process[]): Promise<readonly Process[]> {
  const pids = (await listProcesses()).map(({ pid }) => pid)
  return family.filter(({ pid }) => pids.includes(pid))
}
