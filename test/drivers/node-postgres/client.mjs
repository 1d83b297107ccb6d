import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline as pipe } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
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
} from './steps.mjs'

const options = {
  host: settings.host,
  port: settings.port,
  database: settings.database,
  user: settings.user,
  application_name: settings.application,
  ssl: { ca: settings.ca },
  connectionTimeoutMillis: 10_000,
}

async function connect(password = passwords.usual, more = {}) {
  const client = new pg.Client({ ...options, password, ...more })
  const seen = new Map()
  client.connection.on('parameterStatus', (message) => {
    seen.set(message.parameterName, message.parameterValue)
  })
  await client.connect()
  return Object.assign(client, { seen })
}

const only = ({ rows }) => Object.values(rows[0])[0]

version(import.meta.url, 'pg')

await step('connect', async () => {
  const client = await connect()
  check(only(await client.query('select session_user')) === settings.user, 'another role')
  await client.end()
})

await step('parameters', async () => {
  const client = await connect()
  await client.end()
  return parameters(parameterNames.map((name) => client.seen.get(name)))
})

await step('transaction', async () => {
  const client = await connect()
  await client.query('create temp table t (id int)')
  for (const [id, end] of [
    [1, 'commit'],
    [2, 'rollback'],
  ]) {
    await client.query('begin')
    await client.query('insert into t values ($1)', [id])
    await client.query(end)
  }
  const count = only(await client.query('select count(*)::int from t'))
  check(count === 1, 'commit or rollback did not hold')
  await client.end()
})

await step('error', async () => {
  const client = await connect()
  const error = await failureOf(client.query('select 1/0'))
  check(error.code === '22012', error.code)
  check(only(await client.query('select $1::int', [1])) === 1, 'the session is not usable')
  await client.end()
})

await step('copy', async () => {
  const client = await connect()
  await client.query('create temp table t (id int, text text)')
  await pipe(Readable.from([lines]), client.query(copyFrom('copy t from stdin')))
  const copied = await text(client.query(copyTo('copy t to stdout')))
  check(copied === lines, 'other lines came out')
  await client.end()
  return 'with pg-copy-streams'
})

await step('large-result', async () => {
  const client = await connect()
  check(only(await client.query(big)).length === bigBytes, 'not the whole value')
  await client.end()
})

await step('cancel', async () => {
  const client = await connect()
  const query = new pg.Query('select pg_sleep(30)')
  const failed = once(query, 'error').then(([error]) => {
    throw error
  })
  client.query(query)
  const error = await cancelled(failed, () => {
    // It connects, sends the request and hangs up; it does not use TLS unless it is asked to.
    const canceller = new pg.Client({ ...options })
    canceller.cancel(client, query)
  })
  check(error.code === '57014', error.code)
  check(only(await client.query('select 1')) === 1, 'the session is not usable')
  await client.end()
})

await step('notify', async () => {
  const [listener, sender] = await Promise.all([connect(), connect()])
  await listener.query('listen news')
  const notified = once(listener, 'notification', { signal: AbortSignal.timeout(10_000) })
  await sender.query("notify news, 'hello'")
  check((await notified)[0].payload === 'hello', 'another notification')
  await Promise.all([listener.end(), sender.end()])
})

await step('pipeline', async () => {
  const client = await connect(passwords.usual, { pipeline: true })
  const queries = Array.from({ length: 100 }, (_, i) => client.query('select $1::int', [i]))
  const values = (await Promise.all(queries)).map(only)
  check(
    values.every((value, i) => value === i),
    'out of order',
  )
  await client.end()
})

await step('large-token', async () => {
  const client = await connect(passwords.large)
  check(only(await client.query('select session_user')) === settings.user, 'another role')
  await client.end()
})

async function isRefused(password) {
  const error = await failureOf(connect(password))
  const hint = error.hint === undefined ? '' : ` HINT: ${error.hint}`
  return refused(error.code, `${error.message}${hint}`)
}

await step('wrong-token', async () => isRefused(passwords.wrong))
await step('expired-token', async () => isRefused(passwords.expired))

await step('fresh-token', async () => {
  const tokens = freshTokens()
  const pool = new pg.Pool({ ...options, password: tokens.next, max: 2 })
  const clients = [await pool.connect(), await pool.connect()]
  const pids = await Promise.all(
    clients.map(async (client) => only(await client.query('select pg_backend_pid()'))),
  )
  check(new Set(pids).size === 2 && tokens.areUsed(), 'not two connections by two tokens')
  for (const client of clients) client.release()
  await pool.end()
})
