import { Agent } from '../../agent/agent.ts'
import type { Listening } from '../../agent/open-place.ts'
import { processEnvironment } from '../../credentials/environment.ts'
import { openCredentials } from '../../credentials/open-credentials.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import { printable } from '../../refusal.ts'
import { reportProblem } from './report-problem.ts'

export interface AgentCommandOptions {
  readonly profile?: string
  readonly socket?: string
  readonly socketMode?: string
  readonly listen?: readonly string[]
  readonly anyUser?: boolean
  readonly user?: string
  readonly database?: string
  readonly keepNames?: boolean
  /** Seconds. */
  readonly connectTimeout: number
  /** Seconds. */
  readonly drain: number
  readonly maxSessions: number
  readonly quiet?: boolean
}

/** Runs the agent until a signal: SIGTERM and SIGINT drain, a second one ends at once. Returns the exit code. */
export async function runAgent(options: AgentCommandOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const named = await openProfiles(environment).read(options.profile)
    const stop = Promise.withResolvers<number>()
    // Not a half of an agent that serves some and not others: whoever started it starts another.
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => {
        write(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : ''}`)
        stop.resolve(1)
      })
    }
    const { agent, listening } = await Agent.start(
      named,
      (onWarning) => openCredentials(named, environment, { onWarning }),
      environment,
      {
        socket: options.socket,
        socketMode: options.socketMode,
        listen: options.listen,
        anyUser: options.anyUser ?? false,
        user: options.user,
        database: options.database,
        keepsNames: options.keepNames ?? false,
        connectTimeoutMs: options.connectTimeout * 1_000,
        drainMs: options.drain * 1_000,
        maxSessions: options.maxSessions,
        say: write,
      },
    )
    const end = (): void => {
      agent.stop().then(() => {
        stop.resolve(0)
      }, stop.reject)
    }
    process.on('SIGTERM', end)
    process.on('SIGINT', end)
    // Not earlier: whoever reads it may have it stopped at once.
    if (options.quiet !== true) tellPlaces(named.name, listening)
    return stop.promise
  })
}

function tellPlaces(profile: string, listening: readonly Listening[]): void {
  const places = listening.map((where) => `listening on ${nameOf(where)} for profile ${profile}`)
  const [line] = listening.flatMap((where) => psqlLine(where) ?? [])
  write([...places, ...(line === undefined ? [] : [`connect with: ${line}`])].join('\n'))
}

function nameOf(where: Listening): string {
  if (where.kind === 'socket') return where.path ?? 'the socket that was handed over'
  return `${where.address} port ${where.port}`
}

/** What libpq needs to be told to come by there; undefined where it cannot. */
export function psqlLine(where: Listening): string | undefined {
  if (where.kind === 'loopback') return `psql -h ${where.address} -p ${where.port}`
  const [, folder, port] = /^(.*)\/\.s\.PGSQL\.(\d+)$/s.exec(where.path ?? '') ?? []
  if (folder === undefined) return undefined
  return `psql -h ${folder}${port === '5432' ? '' : ` -p ${String(port)}`}`
}

function write(text: string): void {
  const lines = text.split('\n').map((line) => `portcullis agent: ${printable(line, 1_000)}\n`)
  process.stderr.write(lines.join(''))
}
