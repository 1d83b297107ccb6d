import { setTimeout as delay } from 'node:timers/promises'
import { askService } from './control-client.ts'
import { controlSocketOf, type SocketOptions } from './control-socket.ts'
import { describeFailure } from './failure.ts'
import { readTimeout } from './read-timeout.ts'
import { WrongUsage } from './wrong-usage.ts'

export interface ShutdownOptions extends SocketOptions {
  readonly now?: boolean
  readonly wait?: boolean
  readonly timeout?: string
}

const pauseMs = 50
/** Beyond what sessions are given: what is closed behind them takes its time. */
const graceMs = 10_000
const longestMs = 2_147_000_000

/** Has the service of this machine stop. Returns the exit code. */
export async function shutDown(options: ShutdownOptions): Promise<number> {
  try {
    const given = options.timeout === undefined ? undefined : readTimeout(options.timeout)
    if (given !== undefined && options.wait !== true) {
      throw new WrongUsage('--timeout is for --wait')
    }
    const socket = controlSocketOf(options)
    const answer = await askService(socket, '/shutdown', { now: options.now === true })
    const { pid, state, deadlineMs } = answer
    if (typeof pid !== 'number' || !(pid > 0) || typeof deadlineMs !== 'number') {
      throw new Error('the service gave an answer that is of no use')
    }
    process.stdout.write(state === 'under way' ? 'stopping already\n' : 'stopping\n')
    if (options.wait !== true) return 0
    return await untilGone(pid, given ?? Math.min(deadlineMs + graceMs, longestMs))
  } catch (error) {
    process.stderr.write(describeFailure(error))
    if (error instanceof WrongUsage) return 64
    return error instanceof Error && error.name === 'ConfigError' ? 78 : 1
  }
}

/** The service answers before it goes: a process that is not there at once is one that cannot be seen from here. */
async function untilGone(pid: number, timeoutMs: number): Promise<number> {
  if (!isThere(pid)) {
    throw new Error(`process ${pid} cannot be seen from here, so nobody knows when it has gone`)
  }
  const endsAt = performance.now() + timeoutMs
  while (isThere(pid)) {
    if (performance.now() >= endsAt) {
      process.stderr.write(`portcullis: process ${pid} is still there: --now ends what is open\n`)
      return 1
    }
    await delay(pauseMs)
  }
  process.stdout.write('stopped\n')
  return 0
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
