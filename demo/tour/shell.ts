import { spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

export interface Ran {
  readonly code: number | null
  readonly output: string
}

export interface RunOptions {
  readonly folder: string
  readonly environment?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

const deadlineMs = 30_000

/** Runs a command as a shell does, and gives what it printed on both streams, in order. */
export async function run(command: string, options: RunOptions): Promise<Ran> {
  const child = spawn('/bin/sh', ['-c', `exec 2>&1; ${command}`], {
    cwd: options.folder,
    env: { ...plainEnvironment(), ...options.environment },
    stdio: ['ignore', 'pipe', 'ignore'],
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(deadlineMs)]),
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({ code, output })
    })
  })
}

/** Without the user's own settings for PostgreSQL clients: the tour looks the same everywhere. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))
  return { ...Object.fromEntries(entries), PSQLRC: '/dev/null', PGCONNECT_TIMEOUT: '10' }
}

export async function isOnPath(program: string): Promise<boolean> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const answers = folders.map(async (folder) =>
    access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    ),
  )
  return (await Promise.all(answers)).includes(true)
}

/** As one word of a shell command; left alone where it is one already. */
export function word(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
