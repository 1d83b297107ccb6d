import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'

export interface PsqlResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Whether psql is on this machine; where it is not, its tests say so and are skipped. */
export function hasPsql(): boolean {
  try {
    execFileSync('psql', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write('SKIPPED: psql is not installed, its tests do not run\n')
    return false
  }
}

const deadlineMs = 60_000
const maxOutputBytes = 64 * 1024 * 1024

/** Runs psql with unaligned output and each argument as one `-c`. */
export async function psql(
  environment: NodeJS.ProcessEnv,
  ...statements: readonly string[]
): Promise<PsqlResult> {
  const args = ['-X', '-At', '-v', 'ON_ERROR_STOP=1', ...statements.flatMap((sql) => ['-c', sql])]
  return new Promise((resolve) => {
    execFile(
      'psql',
      args,
      { env: environment, timeout: deadlineMs, maxBuffer: maxOutputBytes },
      (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : 1
        resolve({ code, stdout, stderr })
      },
    )
  })
}

/** Starts psql on one statement and leaves it running. */
export function startPsql(environment: NodeJS.ProcessEnv, statement: string): ChildProcess {
  return spawn('psql', ['-X', '-At', '-c', statement], { env: environment, stdio: 'pipe' })
}
