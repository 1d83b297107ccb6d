import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const deadlineMs = 60_000

export interface ClientRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A machine on which nobody has used Portcullis yet: a home of its own, and nothing of this one's environment. */
export class ClientMachine {
  readonly home: string
  readonly environment: Record<string, string>

  private constructor(home: string) {
    this.home = home
    this.environment = {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_CACHE_HOME: join(home, '.cache'),
      XDG_RUNTIME_DIR: join(home, 'run'),
      NO_COLOR: '1',
      ...compiled(),
    }
  }

  static async start(): Promise<ClientMachine> {
    const home = await mkdtemp(join(tmpdir(), 'portcullis-client-'))
    await mkdir(join(home, 'run'), { mode: 0o700 })
    return new ClientMachine(home)
  }

  /** Runs `portcullis` to its end. */
  async run(
    args: readonly string[],
    options: {
      readonly input?: string
      readonly environment?: Readonly<Record<string, string>>
    } = {},
  ): Promise<ClientRun> {
    const child = this.start(args, options.environment)
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise<number>((resolve, reject) => {
        child.once('error', reject)
        child.once('close', (exitCode) => {
          resolve(exitCode ?? -1)
        })
      }),
    ])
    return { code, stdout, stderr }
  }

  /** Starts `portcullis`, to be ended by whoever starts it. */
  start(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): ChildProcessWithoutNullStreams {
    return spawn(process.execPath, [program, ...args], {
      cwd: this.home,
      env: { ...this.environment, ...environment },
      stdio: 'pipe',
      timeout: deadlineMs,
    })
  }

  async write(path: string, content: string, mode = 0o600): Promise<string> {
    const file = join(this.home, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, content, { mode })
    return file
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true })
  }
}

/** What is compiled once for all processes of a test run. */
function compiled(): Readonly<Record<string, string>> {
  const folder = process.env['NODE_COMPILE_CACHE']
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder }
}
