import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import {
  nodeCommand,
  ordersQuery,
  psqlCommand,
  whoQuery,
  type Door,
  type Role,
} from './commands.ts'
import { isOnPath, run, type Ran } from './shell.ts'

/** A client of PostgreSQL that the tour logs in with, as it is: nothing in it knows of tokens. */
export interface Client {
  readonly name: string
  /** Asks who one is, and for the orders. $TOKEN is the password. */
  command(role: Role): string
  /** Asks only who one is: the answer, or why there is none. */
  tryLogin(role: Role, password: string): Promise<Ran>
}

const connectTimeoutMs = 10_000

/** psql where there is one, else the npm package `pg`. */
export async function findClient(door: Door, signal: AbortSignal): Promise<Client> {
  const version = (await isOnPath('psql'))
    ? await run('psql --version', { folder: door.folder, signal })
    : undefined
  if (version?.code !== 0) return packagePg(door)
  return psql(door, /\d[\d.]*/.exec(version.output)?.[0] ?? '', signal)
}

function psql(door: Door, version: string, signal: AbortSignal): Client {
  const login = (role: Role): string => `PGPASSWORD=$TOKEN ${psqlCommand(door, role)}`
  return {
    name: `psql ${version}`,
    command: (role) => `${login(role)} \\
  -c '${whoQuery}' \\
  -c '${ordersQuery}'`,
    tryLogin: async (role, password) =>
      run(`${login(role)} -At -c 'select current_user'`, {
        folder: door.folder,
        environment: { TOKEN: password },
        signal,
      }),
  }
}

function packagePg(door: Door): Client {
  return {
    name: 'the npm package pg (there is no psql on this machine)',
    command: (role) => `export PGPASSWORD=$TOKEN
${nodeCommand(door, role, [whoQuery, ordersQuery])}`,
    tryLogin: async (user, password) => {
      const ca = await readFile(join(door.folder, 'ca.crt'), 'utf8')
      const client = new pg.Client({
        host: 'localhost',
        port: door.port,
        database: 'sandbox',
        user,
        password,
        ssl: { ca },
        connectionTimeoutMillis: connectTimeoutMs,
      })
      // What ends a session that is open already is of no interest here.
      client.on('error', () => {})
      try {
        await client.connect()
        const { rows } = await client.query<{ current_user: string }>('select current_user')
        return { code: 0, output: `${rows[0]?.current_user ?? ''}\n` }
      } catch (error) {
        return { code: 1, output: describe(error) }
      } finally {
        await client.end().catch(() => {})
      }
    },
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  const lines = [`error: ${error.message}`]
  if (error instanceof pg.DatabaseError) {
    if (error.detail !== undefined) lines.push(`DETAIL:  ${error.detail}`)
    if (error.hint !== undefined) lines.push(`HINT:  ${error.hint}`)
  }
  return lines.join('\n')
}
