import { join } from 'node:path'
import { word } from './shell.ts'

export interface Door {
  readonly folder: string
  /** Of the source of Portcullis, where the npm package `pg` is installed. */
  readonly checkout: string
  readonly port: number
}

export type Role = 'app_readonly' | 'app_readwrite'

export const whoQuery = 'select current_user, session_user'
export const ordersQuery = 'select id, customer, item, quantity from orders'

/** Prints a fresh token of somebody; to be used as $(...). */
export function tokenCommand({ folder }: Door, who: string): string {
  return `sh ${word(join(folder, 'token'))} ${who}`
}

/** Signs in with a browser, and goes on with psql. */
export function clientCommands({ folder }: Door, pages: string): string {
  const portcullis = `sh ${word(join(folder, 'portcullis'))}`
  return `${portcullis} login ${new URL(pages).host} --database sandbox \\
  --ca-file ${word(join(folder, 'ca.crt'))} --store file
${portcullis} psql`
}

export function psqlCommand(door: Door, role: Role | 'sso'): string {
  return `psql ${connection(door, 'sandbox', role)}`
}

export function consoleCommand(door: Door, user: string): string {
  return `psql -c 'SHOW SESSIONS' ${connection(door, 'system', user)}`
}

function connection({ folder, port }: Door, database: string, user: string): string {
  return `"host=localhost port=${port} dbname=${database} user=${user} \\
  sslmode=verify-full sslrootcert=${join(folder, 'ca.crt')}"`
}

/** The language of the script: the string `text` as it is written in JavaScript and in Python. */
const literal = (text: string): string => JSON.stringify(text)

/** A program for `node`, in single quotes: whatever is in it must not contain one. */
export function nodeCommand(door: Door, role: Role, queries: readonly string[]): string {
  const tables = queries.map(
    (query) => `console.table((await client.query(${literal(query)})).rows)`,
  )
  return `cd ${word(door.checkout)}
node --input-type=module -e '
import { readFileSync } from "node:fs"
import pg from "pg"
const client = new pg.Client({
  host: "localhost", port: ${door.port}, database: "sandbox", user: "${role}",
  password: process.env.PGPASSWORD,
  ssl: { ca: readFileSync(${literal(join(door.folder, 'ca.crt'))}, "utf8") },
})
await client.connect()
${tables.join('\n')}
await client.end()'`
}

export function pythonCommand({ folder, port }: Door, role: Role): string {
  return `python3 -c '
import psycopg
with psycopg.connect(
    host="localhost", port=${port}, dbname="sandbox", user="${role}",
    sslmode="verify-full", sslrootcert=${literal(join(folder, 'ca.crt'))},
) as connection:
    for row in connection.execute(${literal(ordersQuery)}):
        print(row)
'`
}
