import { Readable } from 'node:stream'
import { pipeline as pipe } from 'node:stream/promises'
import postgres from 'postgres'
import {
  big,
  bigBytes,
  cancelled,
  check,
  failureOf,
  freshTokens,
  lines,
  parameterNames,
  parameters,
  passwords,
  refused,
  settings,
  step,
  version,
  within,
} from './steps.mjs'

const options = {
  host: settings.host,
  port: settings.port,
  database: settings.database,
  user: settings.user,
  ssl: { ca: settings.ca },
  connection: { application_name: settings.application },
  connect_timeout: 10,
  max: 1,
  onnotice: () => {},
}

function connect(password = passwords.usual, more = {}) {
  return postgres({ ...options, pass: password, ...more })
}

async function using(sql, work) {
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

version(import.meta.url, 'postgres')

await step('connect', async () =>
  using(connect(), async (sql) => {
    const [{ who }] = await sql`select session_user as who`
    check(who === settings.user, 'another role')
  }),
)

await step('parameters', async () => {
  const seen = new Map()
  const onparameter = (name, value) => seen.set(name, value)
  await using(connect(passwords.usual, { onparameter }), async (sql) => sql`select 1`)
  return parameters(parameterNames.map((name) => seen.get(name)))
})

await step('transaction', async () =>
  using(connect(), async (sql) => {
    await sql`create temp table t (id int)`
    await sql.begin((transaction) => transaction`insert into t values (${1})`)
    const failed = sql.begin(async (transaction) => {
      await transaction`insert into t values (${2})`
      throw new Error('roll back')
    })
    check((await failureOf(failed)).message === 'roll back', 'another error')
    const [{ n }] = await sql`select count(*)::int as n from t`
    check(n === 1, 'commit or rollback did not hold')
  }),
)

await step('error', async () =>
  using(connect(), async (sql) => {
    const error = await failureOf(sql`select 1/0`)
    check(error.code === '22012', error.code)
    const [{ one }] = await sql`select ${1}::int as one`
    check(one === 1, 'the session is not usable')
  }),
)

await step('copy', async () =>
  using(connect(), async (sql) => {
    await sql`create temp table t (id int, text text)`
    await pipe(Readable.from([lines]), await sql`copy t from stdin`.writable())
    let copied = ''
    for await (const chunk of await sql`copy t to stdout`.readable()) copied += chunk
    check(copied === lines, 'other lines came out')
  }),
)

await step('large-result', async () =>
  using(connect(), async (sql) => {
    const [row] = await sql.unsafe(big)
    check(row.big.length === bigBytes, 'not the whole value')
  }),
)

await step('cancel', async () =>
  using(connect(), async (sql) => {
    const query = sql`select pg_sleep(30)`
    // It takes one cancel() for a query, which is sent when the query is.
    const error = await cancelled(query.execute(), () => query.cancel())
    check(error.code === '57014', error.code)
    const [{ one }] = await sql`select 1 as one`
    check(one === 1, 'the session is not usable')
  }),
)

await step('notify', async () =>
  using(connect(), async (sql) => {
    const received = Promise.withResolvers()
    await sql.listen('news', received.resolve)
    await sql.notify('news', 'hello')
    check((await within(10, 'notify', received.promise)) === 'hello', 'another notification')
  }),
)

await step('pipeline', async () =>
  using(connect(), async (sql) => {
    const queries = Array.from({ length: 100 }, (_, i) => sql`select ${i}::int as i`)
    const values = (await Promise.all(queries)).map(([{ i }]) => i)
    check(
      values.every((value, i) => value === i),
      'out of order',
    )
    return 'always'
  }),
)

await step('large-token', async () =>
  using(connect(passwords.large), async (sql) => {
    const [{ who }] = await sql`select session_user as who`
    check(who === settings.user, 'another role')
  }),
)

async function isRefused(password) {
  return using(connect(password), async (sql) => {
    const error = await failureOf(sql`select 1`)
    const hint = error.hint === undefined ? '' : ` HINT: ${error.hint}`
    return refused(error.code, `${error.message}${hint}`)
  })
}

await step('wrong-token', async () => isRefused(passwords.wrong))
await step('expired-token', async () => isRefused(passwords.expired))

await step('fresh-token', async () => {
  const tokens = freshTokens()
  await using(connect(tokens.next, { max: 2 }), async (sql) => {
    const reserved = [await sql.reserve(), await sql.reserve()]
    const pids = await Promise.all(
      reserved.map(async (one) => (await one`select pg_backend_pid() as pid`)[0].pid),
    )
    check(new Set(pids).size === 2 && tokens.areUsed(), 'not two connections by two tokens')
    for (const one of reserved) one.release()
  })
})
