// A program of the user's that prints a token. No shell reads what it is called with, or what it prints.
import { spawn } from 'node:child_process'
import { isRecord } from '../../identity/token-shape.ts'
import type { Environment } from '../environment.ts'
import type { Grant } from '../grant.ts'
import { makeGrant } from '../make-grant.ts'
import { CredentialProblem } from '../problem.ts'
import type { TokenSource } from '../source.ts'

const timeoutMs = 60_000
const mostBytes = 100_000
/** For a program that does not end when it is told to. */
const killAfterMs = 2_000

export function commandSource(
  command: readonly [string, ...string[]],
  environment: Environment,
): TokenSource {
  return {
    needsPerson: false,
    // There is always another one to be had in the same way.
    refresh: async () => Promise.resolve(undefined),
    obtain: async (_, signal) => {
      const printed = await run(command, environment, signal)
      return readPrinted(printed, command[0], Date.now())
    },
    revoke: async () => Promise.resolve(),
  }
}

/** A token, or JSON with one and perhaps its end, as programs of several makers print it. */
export function readPrinted(printed: string, program: string, now: number): Grant {
  const text = printed.trim()
  if (!text.startsWith('{')) return makeGrant(text, {}, program, now)
  let said: unknown
  try {
    said = JSON.parse(text)
  } catch {
    throw new CredentialProblem('failed', `${program} printed JSON that ends too early`)
  }
  if (!isRecord(said)) throw new CredentialProblem('failed', `${program} printed no token`)
  // client.authentication.k8s.io: what kubectl has its plugins print.
  const { status } = said
  const facts = said['kind'] === 'ExecCredential' && isRecord(status) ? status : said
  const names = ['token', 'id_token', 'access_token']
  const token = names.map((name) => facts[name]).find((value) => typeof value === 'string')
  return makeGrant(
    typeof token === 'string' ? token : '',
    { expiresAt: endIn(facts, now) },
    program,
    now,
  )
}

/** A time as text, or as seconds since 1970; or seconds from now on. */
function endIn(facts: Readonly<Record<string, unknown>>, now: number): number | undefined {
  const at = facts['expires_at'] ?? facts['expirationTimestamp']
  const seconds = facts['expires_in']
  if (typeof at === 'number' && Number.isFinite(at)) return at * 1_000
  if (typeof at === 'string' && !Number.isNaN(Date.parse(at))) return Date.parse(at)
  return typeof seconds === 'number' && Number.isFinite(seconds) ? now + seconds * 1_000 : undefined
}

async function run(
  [program, ...args]: readonly [string, ...string[]],
  environment: Environment,
  signal: AbortSignal,
): Promise<string> {
  const late = AbortSignal.timeout(timeoutMs)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const fail = (message: string, hint?: string): void => {
    reject(new CredentialProblem('failed', `${program} ${message}`, { hint }))
  }
  // What it says goes where we would say it.
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  const stop = (): void => {
    child.kill()
    const kill = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    child.once('exit', () => {
      clearTimeout(kill)
    })
    child.stdout.destroy()
  }
  const onLate = (): void => {
    fail(`printed no token within ${timeoutMs / 1_000} seconds`)
    stop()
  }
  const onAbort = (): void => {
    fail('was stopped before there was a token')
    stop()
  }
  const chunks: Buffer[] = []
  let bytes = 0
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= mostBytes) {
      chunks.push(chunk)
    } else {
      fail(`printed more than ${mostBytes} bytes`)
      stop()
    }
  })
  child.once('error', (error) => {
    const isMissing = 'code' in error && error.code === 'ENOENT'
    const hint = 'The profile names the program: look whether it is installed, and in PATH.'
    if (isMissing) fail('is no program that is found', hint)
    else fail('cannot be run', hint)
  })
  child.once('close', (code, killedBy) => {
    if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'))
    else if (code === null) fail(`was ended by ${killedBy ?? 'a signal'}`)
    else fail(`ended with exit code ${code}`, 'What it says about that is above.')
  })
  late.addEventListener('abort', onLate)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    return await promise
  } finally {
    late.removeEventListener('abort', onLate)
    signal.removeEventListener('abort', onAbort)
  }
}
