import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import {
  big,
  bigBytes,
  check,
  Limit,
  lines,
  parameterNames,
  parameters,
  passwords,
  refused,
  report,
  settings,
  step,
} from './steps.mjs'

const conninfo = [
  `host=${settings.host} port=${settings.port} dbname=${settings.database} user=${settings.user}`,
  `application_name=${settings.application}`,
  `sslmode=verify-full sslrootcert=${settings.caFile} connect_timeout=10`,
].join(' ')

function environment(password) {
  return { ...process.env, PGPASSWORD: password, LC_ALL: 'C' }
}

/** What psql prints of these statements, each a `-c`. */
function psql(statements, { password = passwords.usual, stops = true } = {}) {
  const args = ['-X', '-At', '-v', 'VERBOSITY=verbose', '-v', `ON_ERROR_STOP=${stops ? 1 : 0}`]
  const commands = statements.flatMap((statement) => ['-c', statement])
  return new Promise((resolve) => {
    execFile(
      'psql',
      [...args, ...commands, conninfo],
      { env: environment(password), timeout: 30_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve({ isDone: error === null, stdout, stderr }),
    )
  })
}

async function done(...statements) {
  const { isDone, stdout, stderr } = await psql(statements)
  check(isDone, stderr)
  return stdout
}

const [, psqlVersion] = /\) ([\d.]+)/.exec(
  await text(spawn('psql', ['--version'], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout),
)
report('version', true, `psql and libpq ${psqlVersion}`)

await step('connect', async () => {
  check((await done('select session_user')) === `${settings.user}\n`, 'another role')
})

await step('parameters', async () => {
  const shown = await done(...parameterNames.map((name) => `show ${name}`))
  return parameters(shown.trim().split('\n'))
})

await step('transaction', async () => {
  const shown = await done(
    'create temp table t (id int)',
    ...['begin', 'insert into t values (1)', 'commit'],
    ...['begin', 'insert into t values (2)', 'rollback'],
    'select count(*) from t',
  )
  check(shown.endsWith('ROLLBACK\n1\n'), shown)
})

await step('error', async () => {
  const { stdout, stderr } = await psql(['select 1/0', 'select 1'], { stops: false })
  check(stderr.includes('22012: division by zero'), stderr)
  check(stdout === '1\n', 'the session is not usable')
})

await step('copy', async () => {
  writeFileSync('in.txt', lines)
  const shown = await done(
    'create temp table t (id int, text text)',
    "\\copy t from 'in.txt'",
    "\\copy t to 'out.txt'",
  )
  check(shown.includes('COPY 20000'), shown)
  check(readFileSync('out.txt', 'utf8') === lines, 'other lines came out')
})

await step('large-result', async () => {
  check((await done(big)).length === bigBytes + 1, 'not the whole value')
})

await step('cancel', async () => {
  const args = ['-X', '-At', '-v', 'VERBOSITY=verbose', conninfo]
  const child = spawn('psql', args, {
    env: environment(passwords.usual),
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const said = text(child.stderr)
  child.stdin.end('select pg_sleep(30);\n')
  // A signal that comes before psql waits for the statement would end it.
  const started = performance.now()
  const probe = `select 1 from pg_stat_activity where application_name = '${settings.application}'
    and query = 'select pg_sleep(30);' and wait_event = 'PgSleep'`
  while ((await done(probe)) === '') check(performance.now() - started < 10_000, 'never ran')
  child.kill('SIGINT')
  await once(child, 'exit')
  const stderr = await said
  check(stderr.includes('57014: canceling statement due to user request'), stderr)
  return 'by SIGINT, as Ctrl-C sends it'
})

await step('notify', async () => {
  const shown = await done('listen news', "notify news, 'hello'", 'select 1')
  check(shown.includes('notification "news" with payload "hello" received'), shown)
  return 'shown with the next statement'
})

await step('pipeline', async () => {
  throw new Limit('psql has pipeline commands since 18; libpq has a pipeline mode since 14')
})

await step('large-token', async () => {
  const { stdout, stderr } = await psql(['select session_user'], { password: passwords.large })
  check(stdout === `${settings.user}\n`, stderr)
})

async function isRefused(password) {
  const { isDone, stderr } = await psql(['select 1'], { password })
  check(!isDone, 'logged in')
  return refused(undefined, stderr)
}

await step('wrong-token', async () => isRefused(passwords.wrong))
await step('expired-token', async () => isRefused(passwords.expired))

await step('fresh-token', async () => {
  const pids = await Promise.all(
    ['1', '2'].map(async (which) => {
      const password = process.env[`DRIVER_PASSWORD_FRESH_${which}`]
      return (await psql(['select pg_backend_pid()'], { password })).stdout
    }),
  )
  check(new Set(pids).size === 2 && !pids.includes(''), 'not two connections')
})
