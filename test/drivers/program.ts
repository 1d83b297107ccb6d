import { spawn } from 'node:child_process'
import { dirname, delimiter } from 'node:path'

export interface Outcome {
  /** 0, or why it did not work. */
  readonly failure: string | undefined
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

export interface Limits {
  readonly folder: string
  readonly seconds: number
  readonly environment?: NodeJS.ProcessEnv
  /** Where programs are looked for; by default as `programPath` says, whatever the environment says. */
  readonly path?: string
  readonly signal?: AbortSignal
}

const maxOutputBytes = 16 * 1024 * 1024

/** This Node comes first in the path, so that clients in JavaScript run on it. */
export const programPath = [dirname(process.execPath), process.env['PATH']].join(delimiter)

/** Runs a program in a process group of its own, of which nothing is left when the promise resolves. */
export async function runProgram(
  [command, ...args]: readonly string[],
  { folder, seconds, environment = process.env, path = programPath, signal }: Limits,
): Promise<Outcome> {
  const startedAt = performance.now()
  const child = spawn(command ?? '', args, {
    cwd: folder,
    env: { ...environment, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let failure: string | undefined
  const end = (why: string): void => {
    failure ??= why
    killGroup(child.pid)
    // A process that left the group may hold the other ends for ever.
    for (const stream of [child.stdout, child.stderr]) stream.destroy()
  }
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      if (output[name].length > maxOutputBytes) end('wrote too much')
    })
  }
  const timer = setTimeout(() => {
    end(`not done within ${seconds} s`)
  }, seconds * 1000)
  const interrupted = (): void => {
    end('interrupted')
  }
  signal?.addEventListener('abort', interrupted, { once: true })
  if (signal?.aborted === true) interrupted()
  const outcome = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => {
      resolve(error.message)
    })
    child.once('close', (code, killedBy) => {
      resolve(code === 0 ? undefined : `ended with ${code ?? String(killedBy)}`)
    })
  })
  clearTimeout(timer)
  signal?.removeEventListener('abort', interrupted)
  killGroup(child.pid)
  return {
    failure: failure ?? outcome,
    ...output,
    seconds: (performance.now() - startedAt) / 1000,
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Everything in it has ended already.
  }
}
