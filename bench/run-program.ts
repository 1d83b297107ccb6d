import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'

export interface RunOptions {
  readonly environment: NodeJS.ProcessEnv
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Throws standard output away instead of returning it, so that reading it costs nobody anything. */
  readonly discardsOutput?: boolean
}

/** Runs a program to its end and returns what it printed; throws where it failed or took too long. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const child = spawn(program, args, {
    env: options.environment,
    signal: options.signal,
    stdio: ['ignore', options.discardsOutput === true ? 'ignore' : 'pipe', 'pipe'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs)
  try {
    const [code, output, errors] = await Promise.all([
      exitOf(child),
      child.stdout === null ? '' : text(child.stdout),
      child.stderr === null ? '' : text(child.stderr),
    ])
    if (code === 0) return output
    throw new Error(`${program} ${args.join(' ')}: ${String(code)}\n${errors.slice(-2_000).trim()}`)
  } finally {
    clearTimeout(timer)
  }
}

/** The exit code, or the signal that ended it; rejects where it could not be started. */
export async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  if (child.exitCode !== null) return child.exitCode
  if (child.signalCode !== null) return child.signalCode
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      resolve(code ?? signal ?? 'SIGKILL')
    })
  })
}

const stopTimeoutMs = 5_000

/** Asks with SIGTERM, insists with SIGKILL, and returns when it is gone. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  const gone = exitOf(child).catch(() => {})
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  await gone
  clearTimeout(timer)
}

/** Debian keeps some of these where only root's PATH leads. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin']

export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env['PATH'] ?? '').split(delimiter)
  return [...folders, ...path, ...systemFolders]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
