import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Environment } from '../../credentials/environment.ts'
import { CredentialProblem } from '../../credentials/problem.ts'

/** As shells have it. */
const cannotBeRun = 126
const notFound = 127
const bySignal = 128

/** What a terminal sends to everybody who runs in it: the child has it already, and it is the child's to end. */
const ofTerminal = ['SIGINT', 'SIGQUIT'] as const
const forwarded = ['SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGCONT'] as const

/** Runs a program in our place, as far as that goes: its streams, its signals, its exit code are ours. */
export async function runChild(
  [program, ...args]: readonly [string, ...string[]],
  environment: Environment,
): Promise<number> {
  const isOnTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  let child: ChildProcess | undefined
  const forward = (signal: NodeJS.Signals): void => {
    child?.kill(signal)
  }
  const leave = (): void => {}
  const handlers = [
    ...ofTerminal.map((signal) => [signal, isOnTerminal ? leave : forward] as const),
    ...forwarded.map((signal) => [signal, forward] as const),
  ]
  // Before there is a child: it may be seen at work while we are not back from starting it.
  for (const [signal, handle] of handlers) process.on(signal, handle)
  try {
    const started = spawn(program, args, { env: environment, stdio: 'inherit' })
    child = started
    return await new Promise<number>((resolve, reject) => {
      started.once('error', reject)
      started.once('exit', (code, signal) => {
        resolve(code ?? bySignal + (signal === null ? 0 : constants.signals[signal]))
      })
    })
  } catch (error) {
    return sayWhyNot(program, error)
  } finally {
    for (const [signal, handle] of handlers) process.off(signal, handle)
  }
}

function sayWhyNot(program: string, error: unknown): number {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') {
    process.stderr.write(`portcullis: ${program} is not there\n`)
    if (program === 'psql') process.stderr.write(`${psqlMissing}\n`)
    return notFound
  }
  if (typeof code !== 'string') throw new CredentialProblem('failed', `${program} did not start`)
  process.stderr.write(`portcullis: ${program} cannot be run (${code})\n`)
  return cannotBeRun
}

const psqlMissing =
  'Install it (Debian, Ubuntu: apt install postgresql-client; Fedora: dnf install postgresql; macOS: brew install libpq), or print an address for another client with portcullis url.'
