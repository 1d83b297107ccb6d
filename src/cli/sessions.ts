import { createHash } from 'node:crypto'
import { ConfigError } from '../config/index.ts'
import { printable } from '../refusal.ts'
import { askService } from './control-client.ts'
import { controlSocketOf, type SocketOptions } from './control-socket.ts'
import { describeFailure } from './failure.ts'
import { WrongUsage } from './wrong-usage.ts'

export interface SessionsOptions extends SocketOptions {
  readonly output: 'text' | 'json'
  readonly limit?: string
  readonly session?: string
  readonly issuer?: string
  readonly subject?: string
  readonly principal?: string
  readonly role?: string
  readonly group?: string
  readonly integration?: string
  readonly pool?: string
  readonly database?: string
  readonly tokenId?: string
  readonly tokenIdHash?: string
  readonly address?: string
}

/** What comes back of the service, as far as it is shown. */
interface Listed {
  readonly sessions: readonly Readonly<Record<string, unknown>>[]
  readonly total: number
  readonly unanswered: number
}

interface Killed {
  readonly ended: number
  readonly unanswered: number
}

export async function listSessions(options: SessionsOptions): Promise<number> {
  return run(options, async (socket) => {
    const limit = options.limit === undefined ? undefined : Number(options.limit)
    const list = (await askService(socket, '/sessions/list', {
      selector: selectorOf(options),
      limit,
    })) as unknown as Listed
    return { text: formatList(list), json: list, unanswered: list.unanswered }
  })
}

export async function killSessions(options: SessionsOptions): Promise<number> {
  return run(options, async (socket) => {
    const selector = selectorOf(options)
    if (Object.values(selector).every((value) => value === undefined)) {
      throw new WrongUsage('say which sessions, for example by --subject; --help shows how')
    }
    const killed = (await askService(socket, '/sessions/kill', { selector })) as unknown as Killed
    const count = killed.ended === 1 ? '1 session' : `${killed.ended} sessions`
    return { text: `${count} ended\n`, json: killed, unanswered: killed.unanswered }
  })
}

interface Result {
  readonly text: string
  readonly json: unknown
  readonly unanswered: number
}

async function run(
  options: SessionsOptions,
  act: (socket: string) => Promise<Result>,
): Promise<number> {
  try {
    const result = await act(controlSocketOf(options))
    const isJson = options.output === 'json'
    process.stdout.write(isJson ? `${JSON.stringify(result.json, undefined, 2)}\n` : result.text)
    if (result.unanswered === 0) return 0
    process.stderr.write(
      `portcullis: ${result.unanswered} worker processes did not answer: their sessions are not counted, and may go on\n`,
    )
    return 1
  } catch (error) {
    process.stderr.write(describeFailure(error))
    if (error instanceof WrongUsage) return 64
    return error instanceof ConfigError ? 78 : 1
  }
}

function selectorOf(options: SessionsOptions): Readonly<Record<string, string | undefined>> {
  const { session, issuer, subject, principal, role, group, integration, pool } = options
  const { database, tokenId, tokenIdHash: hash, address } = options
  const tokenIdHash =
    tokenId === undefined ? hash : createHash('sha256').update(tokenId).digest('hex')
  return {
    ...{ session, issuer, subject, principal, role, group, integration, pool },
    ...{ database, tokenIdHash, address },
  }
}

const columns = ['session', 'principal', 'role', 'database', 'pool', 'address', 'since', 'until']

export function formatList({ sessions, total }: Listed): string {
  const rows = sessions.map((session) => columns.map((column) => shown(session[column])))
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)),
  )
  const lines = [columns, ...rows].map((row) =>
    row
      .map((value, index) => value.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const count = total === 1 ? '1 session' : `${total} sessions`
  const more = total > sessions.length ? `, the first ${sessions.length} are shown` : ''
  return `${sessions.length === 0 ? '' : `${lines.join('\n')}\n`}${count}${more}\n`
}

function shown(value: unknown): string {
  return typeof value === 'string' && value !== '' ? printable(value, 60) : '-'
}
