import { execFileSync } from 'node:child_process'
import type { PostgresServer } from '../../demo/postgres.ts'

/** The children of a process, as the kernel has them now. */
function childrenOf(pid: number): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n')
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child!)
}

/** kill -9 for the postmaster and all that it started, as the kernel does when memory runs out. */
export async function killPostgres(postgres: PostgresServer): Promise<void> {
  const { pid, exited } = postgres
  if (pid === undefined) throw new Error('PostgreSQL does not run')
  const all = [pid, ...childrenOf(pid)]
  for (const one of all) kill(one)
  await exited
}

/** Nothing where the process is gone already. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
