import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import {
  big,
  bigBytes,
  check,
  failureOf,
  freshTokens,
  Limit,
  parameterNames,
  parameters,
  passwords,
  refused,
  settings,
  step,
  version,
} from './steps.mjs'

function open(password = passwords.usual, max = 1) {
  const pool = new pg.Pool({
    host: settings.host,
    port: settings.port,
    database: settings.database,
    user: settings.user,
    password,
    application_name: settings.application,
    ssl: { ca: settings.ca },
    connectionTimeoutMillis: 10_000,
    max,
  })
  return new Kysely({ dialect: new PostgresDialect({ pool }) })
}

async function using(db, work) {
  try {
    return await work(db)
  } finally {
    await db.destroy()
  }
}

const only = async (query, db) => Object.values((await query.execute(db)).rows[0])[0]

version(import.meta.url, 'kysely', 'pg')

await step('connect', async () =>
  using(open(), async (db) => {
    check((await only(sql`select session_user`, db)) === settings.user, 'another role')
  }),
)

await step('parameters', async () =>
  using(open(), async (db) => {
    const values = []
    for (const name of parameterNames)
      values.push(await only(sql`select current_setting(${name})`, db))
    return parameters(values)
  }),
)

await step('transaction', async () =>
  using(open(), async (db) => {
    await db.schema.createTable('t').temporary().addColumn('id', 'integer').execute()
    const insert = (transaction, id) => transaction.insertInto('t').values({ id }).execute()
    await db.transaction().execute(async (transaction) => insert(transaction, 1))
    const failed = db.transaction().execute(async (transaction) => {
      await insert(transaction, 2)
      throw new Error('roll back')
    })
    check((await failureOf(failed)).message === 'roll back', 'another error')
    const { n } = await db
      .selectFrom('t')
      .select((row) => row.fn.countAll().as('n'))
      .executeTakeFirstOrThrow()
    check(Number(n) === 1, 'commit or rollback did not hold')
  }),
)

await step('error', async () =>
  using(open(), async (db) => {
    const error = await failureOf(sql`select 1/0`.execute(db))
    check(error.code === '22012', error.code)
    check((await only(sql`select 1`, db)) === 1, 'the session is not usable')
  }),
)

await step('copy', async () => {
  throw new Limit('Kysely has no COPY; pg-copy-streams on the pool has')
})

await step('large-result', async () =>
  using(open(), async (db) => {
    check((await only(sql.raw(big), db)).length === bigBytes, 'not the whole value')
  }),
)

await step('cancel', async () =>
  using(open(), async (db) => {
    const started = performance.now()
    const error = await failureOf(
      sql`select pg_sleep(30)`.execute(db, {
        signal: AbortSignal.timeout(500),
        inflightQueryAbortStrategy: 'cancel query',
      }),
    )
    check(error.name === 'TimeoutError', error)
    // The pool's one connection is free again when PostgreSQL has ended the statement.
    check((await only(sql`select 1`, db)) === 1, 'the session is not usable')
    check(performance.now() - started < 10_000, 'too late')
    return 'by an AbortSignal and pg_cancel_backend() on a connection of its own; the error is its own, not 57014'
  }),
)

await step('notify', async () => {
  throw new Limit('Kysely hands out no notifications; a client of the pool does')
})

await step('pipeline', async () => {
  throw new Limit('Kysely has a pooled connection for one statement at a time')
})

await step('large-token', async () =>
  using(open(passwords.large), async (db) => {
    check((await only(sql`select session_user`, db)) === settings.user, 'another role')
  }),
)

async function isRefused(password) {
  return using(open(password), async (db) => {
    const error = await failureOf(sql`select 1`.execute(db))
    const hint = error.hint === undefined ? '' : ` HINT: ${error.hint}`
    return refused(error.code, `${error.message}${hint}`)
  })
}

await step('wrong-token', async () => isRefused(passwords.wrong))
await step('expired-token', async () => isRefused(passwords.expired))

await step('fresh-token', async () => {
  const tokens = freshTokens()
  await using(open(tokens.next, 2), async (db) => {
    const pid = (connection) => only(sql`select pg_backend_pid()`, connection)
    const pids = await db
      .connection()
      .execute(async (one) => [
        await pid(one),
        await db.connection().execute(async (other) => pid(other)),
      ])
    check(new Set(pids).size === 2 && tokens.areUsed(), 'not two connections by two tokens')
  })
})
