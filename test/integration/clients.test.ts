// What stock clients do, done through the gateway with a token as the password.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPsql, psql, startPsql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

let stack: Stack
let ca: string

beforeAll(async () => {
  stack = await Stack.start()
  ca = await readFile(stack.caFile, 'utf8')
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const fiveMegabytes = 5_000_000
const bigResult = `select string_agg(repeat('x', 1000), '') as big from generate_series(1, 5000)`

/** A token of a size that only people with hundreds of groups have. */
async function largeToken(): Promise<string> {
  const token = await stack.token({ filler: 'f'.repeat(47_000) })
  expect(token.length).toBeGreaterThan(60_000)
  expect(token.length).toBeLessThan(65_530)
  return token
}

describe.runIf(hasPsql())('psql over verify-full', () => {
  const run = async (...statements: readonly string[]): ReturnType<typeof psql> =>
    psql(stack.environment(await stack.token()), ...statements)

  test('is the mapped role', async () => {
    const { stdout } = await run('select current_user, session_user')
    expect(stdout).toBe('app_readonly|app_readonly\n')
  })

  test('is the role of another of its groups when it asks for it', async () => {
    const environment = { ...stack.environment(await stack.token()), PGUSER: 'app_readwrite' }
    const { stdout } = await psql(environment, 'select session_user')
    expect(stdout).toBe('app_readwrite\n')
  })

  test('is the role of the highest group as id_token', async () => {
    const environment = { ...stack.environment(await stack.token()), PGUSER: 'id_token@system' }
    const { stdout } = await psql(environment, 'select session_user')
    expect(stdout).toBe('app_readwrite\n')
  })

  test('cannot become another role', async () => {
    const { code, stderr } = await run('set role app_readwrite')
    expect(code).not.toBe(0)
    expect(stderr).toContain('permission denied to set role "app_readwrite"')
  })

  test('copies out and in', async () => {
    const environment = { ...stack.environment(await stack.token()), PGUSER: 'app_readwrite' }
    const file = join(stack.folder, 'lines.txt')
    const { stdout, stderr } = await psql(
      environment,
      `\\copy (select g, repeat('y', 100) from generate_series(1, 20000) g) to '${file}'`,
      'create temp table lines (id int, text text)',
      `\\copy lines from '${file}'`,
      'select count(*), sum(id), min(length(text)) from lines',
    )
    expect(stderr).toBe('')
    expect(stdout).toContain('COPY 20000\nCREATE TABLE\nCOPY 20000\n20000|200010000|100\n')
  })

  test('gets five megabytes whole', async () => {
    const { stdout } = await run(bigResult)
    expect(stdout).toHaveLength(fiveMegabytes + 1)
  })

  test('sees an error with its SQLSTATE', async () => {
    const { stderr } = await run('\\set VERBOSITY verbose', 'select 1/0')
    expect(stderr).toContain('22012')
    expect(stderr).toContain('division by zero')
  })

  test('cancels pg_sleep with Ctrl-C', async () => {
    const child = startPsql(stack.environment(await stack.token()), 'select pg_sleep(30)')
    let stderr = ''
    child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()))
    await until('the query to run', async () => (await running('pg_sleep(30)')) === 1)
    child.kill('SIGINT')
    await once(child, 'exit')
    expect(stderr).toContain('canceling statement due to user request')
  })

  test('listens and is notified', async () => {
    const { stdout } = await run('listen news', "notify news, 'hello'", 'select 1')
    expect(stdout).toContain('Asynchronous notification "news" with payload "hello" received')
  })

  test('logs in with a token of over sixty kilobytes', async () => {
    const { stdout } = await psql(stack.environment(await largeToken()), 'select session_user')
    expect(stdout).toBe('app_readonly\n')
  })

  test('reaches PostgreSQL with its own settings', async () => {
    const environment = {
      ...stack.environment(await stack.token()),
      PGAPPNAME: 'reporting',
      PGOPTIONS: '-c work_mem=5MB -c identityprovider=people -c demo.word=\\ a\\ b',
    }
    const { stdout, stderr } = await psql(
      environment,
      "select current_setting('application_name'), current_setting('work_mem'), current_setting('demo.word')",
    )
    expect(stderr).toBe('')
    expect(stdout).toBe('reporting|5MB| a b\n')
  })

  test.each([
    ['prefer', 'disable'],
    ['prefer', 'prefer'],
    ['require', 'prefer'],
    ['verify-ca', 'disable'],
    ['verify-full', 'prefer'],
  ])('logs in over TLS with sslmode=%s and gssencmode=%s', async (sslmode, gssencmode) => {
    const { stdout, stderr } = await psql(
      {
        ...stack.environment(await stack.token()),
        ...{ PGSSLMODE: sslmode, PGGSSENCMODE: gssencmode },
      },
      '\\conninfo',
      'select session_user',
    )
    expect(stderr).toBe('')
    expect(stdout).toMatch(/TLS|SSL/)
    expect(stdout).toMatch(/app_readonly\n$/)
  })

  test('keeps a large object whole', async () => {
    const environment = { ...stack.environment(await stack.token()), PGUSER: 'app_readwrite' }
    const [sent, received] = ['sent', 'received'].map((name) => join(stack.folder, name))
    const bytes = randomBytes(5_000_001)
    await writeFile(sent!, bytes)
    const { stderr } = await psql(
      environment,
      'begin',
      `\\lo_import '${sent!}'`,
      `\\lo_export :LASTOID '${received!}'`,
      'rollback',
    )
    expect(stderr).toBe('')
    expect((await readFile(received!)).equals(bytes)).toBe(true)
  })

  test('is told that it has to use TLS', async () => {
    const environment = { ...stack.environment(await stack.token()), PGSSLMODE: 'disable' }
    const { stderr } = await psql(environment, 'select 1')
    expect(stderr).toContain('connection is insecure (try using `sslmode=require`)')
  })
})

async function running(query: string): Promise<number> {
  const rows = await stack.postgres.sql(
    `select count(*)::int as n from pg_stat_activity
     where state = 'active' and query like '%' || $1 || '%' and pid <> pg_backend_pid()`,
    { values: [query] },
  )
  return Number(rows[0]?.['n'])
}

/** What pg has and its types lack. */
interface Canceller {
  cancel(client: pg.Client, query: pg.Query): void
}

describe('pg', () => {
  async function connect(password: string, user = 'app_readonly'): Promise<pg.Client> {
    const client = new pg.Client({
      host: 'localhost',
      port: stack.gateway.port,
      database: 'sandbox',
      user,
      password,
      ssl: { ca },
    })
    await client.connect()
    return client
  }

  test('is the mapped role, and reads with parameters', async () => {
    const client = await connect(await stack.token())
    const { rows } = await client.query<Record<string, unknown>>(
      'select session_user as who, item from orders where customer = $1',
      ['Edsger'],
    )
    expect(rows).toEqual([{ who: 'app_readonly', item: 'moat pump' }])
    await client.end()
  })

  test('gets five megabytes whole', async () => {
    const client = await connect(await stack.token())
    const { rows } = await client.query<{ big: string }>(bigResult)
    expect(rows[0]?.big).toHaveLength(fiveMegabytes)
    await client.end()
  })

  test('gets one row of sixty-four megabytes', async () => {
    const client = await connect(await stack.token())
    const { rows } = await client.query<{ big: string }>(
      "select repeat('0123456789abcdef', 4 * 1024 * 1024) as big",
    )
    expect(rows[0]?.big.length).toBe(64 * 1024 * 1024)
    expect(rows[0]?.big.endsWith('9abcdef')).toBe(true)
    await client.end()
  })

  test('sees an error with its SQLSTATE and goes on', async () => {
    const client = await connect(await stack.token())
    await expect(client.query('insert into orders default values')).rejects.toMatchObject({
      code: '42501',
    })
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await client.end()
  })

  test('listens and is notified by another session', async () => {
    const listener = await connect(await stack.token())
    const sender = await connect(await stack.token())
    await listener.query('listen news')
    const notified = once(listener, 'notification')
    await sender.query("select pg_notify('news', 'hello')")
    const [notification] = (await notified) as [pg.Notification]
    expect(notification).toMatchObject({ channel: 'news', payload: 'hello' })
    await Promise.all([listener.end(), sender.end()])
  })

  test('copies in and out', async () => {
    const client = await connect(await stack.token(), 'app_readwrite')
    await client.query('create temp table lines (id int, text text)')
    const lines = Array.from({ length: 20_000 }, (_, i) => `${i}\tline number ${i}\n`)
    await pipeline(Readable.from(lines), client.query(copyFrom('copy lines from stdin')))
    expect((await client.query('select count(*)::int as n from lines')).rows).toEqual([
      { n: 20_000 },
    ])
    const copied = await text(client.query(copyTo('copy lines to stdout')))
    expect(copied).toBe(lines.join(''))
    await client.end()
  })

  test('cancels a running query', async () => {
    const client = await connect(await stack.token())
    const query = new pg.Query('select pg_sleep(32)')
    const failed = once(query, 'error')
    client.query(query)
    await until('the query to run', async () => (await running('pg_sleep(32)')) === 1)
    const { port } = stack.gateway
    const canceller = new pg.Client({ host: 'localhost', port }) as unknown as Canceller
    canceller.cancel(client, query)
    expect((await failed)[0]).toMatchObject({ code: '57014' })
    await client.end()
  })

  test('knows the process id by which PostgreSQL knows the session', async () => {
    const client = await connect(await stack.token())
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    expect((client as unknown as { processID: number }).processID).toBe(rows[0]?.pid)
    await client.end()
  })

  test('logs in with a token of over sixty kilobytes', async () => {
    const client = await connect(await largeToken())
    expect((await client.query('select session_user as who')).rows).toEqual([
      { who: 'app_readonly' },
    ])
    await client.end()
  })
})

describe('postgres.js', () => {
  function connect(password: () => Promise<string>, user = 'app_readonly'): postgres.Sql {
    return postgres({
      host: 'localhost',
      port: stack.gateway.port,
      database: 'sandbox',
      user,
      pass: password,
      ssl: { ca },
      max: 4,
      onnotice: () => {},
    })
  }

  test('is the mapped role over a pool of connections', async () => {
    const sql = connect(async () => stack.token())
    const rows = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => sql`select session_user as who, ${i}::int as i`),
    )
    expect(rows.map(([row]) => row?.['i'] as number)).toEqual(rows.map((_, i) => i))
    expect(new Set(rows.map(([row]) => row?.['who'] as string))).toEqual(new Set(['app_readonly']))
    await sql.end()
  })

  test('copies in and out', async () => {
    const sql = connect(async () => stack.token(), 'app_readwrite')
    await sql.begin(async (transaction) => {
      await transaction`create temp table lines (id int, text text)`
      const writable = await transaction`copy lines from stdin`.writable()
      for (let i = 0; i < 50_000; i++) writable.write(`${i}\tline number ${i}\n`)
      writable.end()
      await once(writable, 'finish')
      const [count] = await transaction`select count(*)::int as n from lines`
      expect(count).toEqual({ n: 50_000 })
      const readable = await transaction`copy lines to stdout`.readable()
      let bytes = 0
      for await (const chunk of readable) bytes += (chunk as Buffer).length
      expect(bytes).toBeGreaterThan(1_000_000)
    })
    await sql.end()
  })

  test('listens and is notified', async () => {
    const sql = connect(async () => stack.token())
    const received = Promise.withResolvers<string>()
    const listening = await sql.listen('news', received.resolve)
    await sql.notify('news', 'hello')
    expect(await received.promise).toBe('hello')
    await listening.unlisten()
    await sql.end()
  })

  test('cancels a running query', async () => {
    const sql = connect(async () => stack.token())
    const query = sql`select pg_sleep(31)`
    const outcome = query.execute().catch((error: unknown) => error)
    await until('the query to run', async () => (await running('pg_sleep(31)')) === 1)
    query.cancel()
    expect(await outcome).toMatchObject({ code: '57014' })
    await sql.end()
  })

  test('sees an error with its SQLSTATE', async () => {
    const sql = connect(async () => stack.token())
    await expect(sql`select * from nowhere`).rejects.toMatchObject({ code: '42P01' })
    await sql.end()
  })

  test('logs in with a token of over sixty kilobytes', async () => {
    const sql = connect(async () => largeToken())
    expect(await sql`select session_user as who`).toMatchObject([{ who: 'app_readonly' }])
    await sql.end()
  })

  test('gets five megabytes whole', async () => {
    const sql = connect(async () => stack.token())
    const [row] = await sql.unsafe<{ big: string }[]>(bigResult)
    expect(row?.big).toHaveLength(fiveMegabytes)
    await sql.end()
  })
})

test('all of these sessions are gone when their clients are', async () => {
  await until('no backends', async () => (await stack.backends()) === 0)
  expect(await stack.metric('portcullis_sessions_open')).toBe(0)
})
