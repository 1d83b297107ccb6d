import { userInfo } from 'node:os'
import { ConfigError } from '../config/index.ts'
import { parseDuration } from '../config/units.ts'
import { printable } from '../refusal.ts'
import { askService } from './control-client.ts'
import { controlSocketOf, type SocketOptions } from './control-socket.ts'
import { describeFailure } from './failure.ts'
import { WrongUsage } from './wrong-usage.ts'

export interface LogLevelOptions extends SocketOptions {
  readonly for?: string
}

/** A timer can wait no longer. */
const longestMs = 2_147_000_000

/** Shows the level of the log, or changes it in every process. Returns the exit code. */
export async function logLevel(
  level: string | undefined,
  options: LogLevelOptions,
): Promise<number> {
  try {
    const forMs = options.for === undefined ? undefined : readFor(options.for)
    if (level === undefined && forMs !== undefined) throw new WrongUsage('--for is for a LEVEL')
    const order = level === undefined ? {} : { level, forMs, by: userName() }
    const state = await askService(controlSocketOf(options), '/log/level', order)
    process.stdout.write(`${describe(state)}\n`)
    if (state['unanswered'] === 0) return 0
    process.stderr.write('portcullis: a process did not answer: it may have another level\n')
    return 1
  } catch (error) {
    process.stderr.write(describeFailure(error))
    if (error instanceof WrongUsage) return 64
    return error instanceof ConfigError ? 78 : 1
  }
}

function readFor(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1 || ms > longestMs) {
    throw new WrongUsage('--for must be a duration such as 10m or 1h')
  }
  return ms
}

/** For the log: it is no proof. */
function userName(): string {
  try {
    return userInfo().username.slice(0, 64)
  } catch {
    // A container may have a user without a name.
    return String(process.getuid?.() ?? 'unknown')
  }
}

function describe(state: Readonly<Record<string, unknown>>): string {
  const { level, configured, untilMs } = state
  const now = printable(String(level))
  if (level === configured && untilMs === null) return `${now}, as configured`
  const until = typeof untilMs === 'number' ? new Date(untilMs).toISOString() : 'a reload'
  return `${now} until ${until}; configured is ${printable(String(configured))}`
}
