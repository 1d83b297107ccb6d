// What somebody copies into a client. Each says how a connection is made and nothing more, and verifies whom
// it has reached.
import {
  conninfoQuoted,
  dotnetQuoted,
  goLiteral,
  javascriptLiteral,
  passfileEscaped,
  pythonLiteral,
  shellQuoted,
  urlEncoded,
} from './quote.ts'
import type { Target } from './target.ts'

export interface Snippet {
  readonly id: string
  readonly title: string
  /** What it is called where it is to be put. */
  readonly hint: string
  /** Undefined where the names cannot be written in it. */
  readonly text: string | undefined
}

export function snippetsFor(target: Target): readonly Snippet[] {
  return [
    {
      id: 'psql',
      title: 'psql',
      hint: 'For a shell. It begins with a blank, by which most shells keep a line out of their history.',
      text: psqlLine(target),
    },
    {
      id: 'portcullis',
      title: 'portcullis',
      hint: 'Signs you in by itself, and has a fresh token for every connection. There is none in these lines.',
      text: clientLines(target),
    },
    {
      id: 'url',
      title: 'URL',
      hint: 'For whatever uses libpq: psql, psycopg, DATABASE_URL of many tools.',
      text: libpqUrl(target),
    },
    {
      id: 'pgpass',
      title: '.pgpass',
      hint: 'A line of ~/.pgpass, with mode 0600. libpq and many other drivers take the password from there.',
      text: passfileLine(target),
    },
    { id: 'python', title: 'Python', hint: 'With psycopg 3.', text: python(target) },
    { id: 'node', title: 'Node.js', hint: 'With pg.', text: node(target) },
    { id: 'go', title: 'Go', hint: 'With pgx 5.', text: go(target) },
    { id: 'jdbc', title: 'JDBC', hint: 'With PgJDBC.', text: jdbcUrl(target) },
    { id: 'dotnet', title: '.NET', hint: 'A connection string for Npgsql.', text: dotnet(target) },
  ]
}

/** `sslrootcert=system` is of libpq 16. */
function rootOf({ authority }: Target): string {
  return authority ?? 'system'
}

export function psqlLine(target: Target): string {
  const { host, port, database, user, password } = target
  const settings = [
    `host=${conninfoQuoted(host)}`,
    `port=${port}`,
    `dbname=${conninfoQuoted(database)}`,
    `user=${conninfoQuoted(user)}`,
    'sslmode=verify-full',
    `sslrootcert=${conninfoQuoted(rootOf(target))}`,
  ]
  return ` PGPASSWORD=${shellQuoted(password)} psql ${shellQuoted(settings.join(' '))}`
}

/** The command of clients, which gets its own tokens. Names stay values, whatever they begin with. */
export function clientLines({ gateway, pool, database, user, authority }: Target): string {
  const options = {
    pool,
    database,
    user,
    ...(authority !== undefined && { 'ca-file': authority }),
  }
  const words = Object.entries(options).map(([name, value]) => `--${name}=${shellQuoted(value)}`)
  return ['portcullis login', shellQuoted(gateway), ...words].join(' ') + '\nportcullis psql'
}

export function libpqUrl(target: Target): string {
  const { user, password } = target
  const who = `${urlEncoded(user)}:${urlEncoded(password)}`
  return `postgresql://${who}@${place(target)}?sslmode=verify-full&sslrootcert=${urlEncoded(rootOf(target))}`
}

export function jdbcUrl(target: Target): string {
  const { user, password, authority } = target
  const settings = [
    `user=${urlEncoded(user)}`,
    `password=${urlEncoded(password)}`,
    'sslmode=verify-full',
    authority === undefined
      ? 'sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory'
      : `sslrootcert=${urlEncoded(authority)}`,
  ]
  return `jdbc:postgresql://${place(target)}?${settings.join('&')}`
}

function place({ host, port, database }: Target): string {
  return `${host.includes(':') ? `[${host}]` : urlEncoded(host)}:${port}/${urlEncoded(database)}`
}

export function passfileLine({ host, port, database, user, password }: Target): string | undefined {
  const fields = [host, String(port), database, user, password].map(passfileEscaped)
  return fields.includes(undefined) ? undefined : fields.join(':')
}

export function dotnet({ host, port, database, user, password, authority }: Target): string {
  const settings = [
    `Host=${dotnetQuoted(host)}`,
    `Port=${port}`,
    `Database=${dotnetQuoted(database)}`,
    `Username=${dotnetQuoted(user)}`,
    `Password=${dotnetQuoted(password)}`,
    'SSL Mode=VerifyFull',
    ...(authority === undefined ? [] : [`Root Certificate=${dotnetQuoted(authority)}`]),
  ]
  return settings.join(';')
}

export function python(target: Target): string {
  const { host, port, database, user, password } = target
  return `import psycopg

with psycopg.connect(
    host=${pythonLiteral(host)},
    port=${port},
    dbname=${pythonLiteral(database)},
    user=${pythonLiteral(user)},
    password=${pythonLiteral(password)},
    sslmode="verify-full",
    sslrootcert=${pythonLiteral(rootOf(target))},
) as connection:
    print(connection.execute("select session_user").fetchone())`
}

export function node(target: Target): string {
  const { host, port, database, user, password, authority } = target
  const files = authority === undefined ? '' : `import { readFileSync } from 'node:fs'\n`
  const tls =
    authority === undefined
      ? 'true'
      : `{ ca: readFileSync(${javascriptLiteral(authority)}, 'utf8') }`
  return `${files}import pg from 'pg'

const client = new pg.Client({
  host: ${javascriptLiteral(host)},
  port: ${port},
  database: ${javascriptLiteral(database)},
  user: ${javascriptLiteral(user)},
  password: ${javascriptLiteral(password)},
  ssl: ${tls},
})
await client.connect()
console.log((await client.query('select session_user')).rows)
await client.end()`
}

/** Without a file Go takes the authorities of the system by itself. */
export function go(target: Target): string {
  const { user, password, authority } = target
  const root = authority === undefined ? '' : `&sslrootcert=${urlEncoded(authority)}`
  const who = `${urlEncoded(user)}:${urlEncoded(password)}`
  const url = `postgres://${who}@${place(target)}?sslmode=verify-full${root}`
  return `ctx := context.Background()
conn, err := pgx.Connect(ctx, ${goLiteral(url)})
if err != nil {
	log.Fatal(err)
}
defer conn.Close(ctx)`
}

/** What is typed into the fields of DBeaver's dialogue, by their labels. */
export function dbeaverFields(target: Target): readonly (readonly [string, string])[] {
  const { host, port, database, user, authority } = target
  return [
    ['Host', host],
    ['Port', String(port)],
    ['Database', database],
    ['Username', user],
    ['SSL: Use SSL', 'yes'],
    ['SSL: SSL mode', 'verify-full'],
    authority === undefined
      ? ['SSL: SSL factory', 'org.postgresql.ssl.DefaultJavaSSLFactory']
      : ['SSL: CA certificate', authority],
  ]
}
