// The SQL console, by the clients that people and programs use.
import { spawn } from 'node:child_process'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { hasPsql, psql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, message, WireClient } from '../support/wire-client.ts'

let stack: Stack

const socketPort = 6432

beforeAll(async () => {
  stack = await Stack.start({
    prepare: async (folder) => {
      mkdirSync(join(folder, 'run'), { mode: 0o755 })
      return Promise.resolve()
    },
    configure: (config) => {
      config.workers = 2
      config.limits['max_sessions'] = 2
      config.limits['throttle'] = ['opaque-token']
      config['console'] = {
        admin_groups: ['readwrite'],
        stats_groups: ['readonly'],
        users: {
          root: { secret: 'pencil', right: 'admin' },
          watch: { secret: verifierOf('looking') },
          shut: { secret: 'out' },
        },
        unix_socket: 'admin',
      }
      Object.assign(config.connectivity_pools['sso_pool']!, {
        password_users: ['root', 'watch', 'nobody'],
        sso_integration: 'people',
      })
      config.connectivity_pools['local'] = {
        participants: [{ node: 'gw0', socket_directory: 'run', listen_port: socketPort }],
      }
    },
  })
  await stack.keysFetched()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const asAdmin = { [groupsClaim]: ['readwrite-role'] }
const asStats = { [groupsClaim]: [] }

/** As pg_authid has it. */
function verifierOf(password: string): string {
  const salt = Buffer.from('salt of 16 bytes')
  const salted = pbkdf2Sync(password, salt, 4_096, 32, 'sha256')
  const hmac = (name: string): Buffer => createHmac('sha256', salted).update(name).digest()
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64')
  return `SCRAM-SHA-256$4096:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`
}

async function environment(right: 'admin' | 'stats' = 'admin'): Promise<NodeJS.ProcessEnv> {
  const token = await stack.token(right === 'admin' ? asAdmin : asStats)
  return { ...stack.environment(token), PGDATABASE: 'system', PGUSER: 'alice' }
}

function withSecret(user: string, password: string): NodeJS.ProcessEnv {
  return { ...stack.environment(password), PGDATABASE: 'portcullis', PGUSER: user }
}

describe.runIf(hasPsql())('psql at the console', () => {
  test('shows the help as a table, also expanded', async () => {
    const shown = await psql(await environment(), 'SHOW HELP')
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toMatch(/^The catalog\|CREATE GROUP/)
    const expanded = await psql(await environment(), '\\x', 'SHOW HELP')
    expect(expanded.stdout).toMatch(/^topic\|The catalog\nsyntax\|CREATE GROUP/m)
  })

  test('says where it is connected', async () => {
    const { stdout } = await psql(await environment(), '\\conninfo', 'select current_user')
    expect(stdout).toMatch(/connected to database "system" as user "alice"/)
    expect(stdout).toMatch(/\nalice\n$/)
  })

  test.each(['\\d', '\\l', '\\du'])('is told where %s leads', async (command) => {
    const { code, stderr } = await psql(await environment(), command)
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/HINT: .*SHOW HELP/)
  })

  test('reads where an error is', async () => {
    const { stderr } = await psql(await environment(), 'SHOW HELQ')
    expect(stderr).toMatch(/ERROR: .*\nLINE 1: SHOW HELQ\n\s+\^\nHINT: .*HELP/)
  })

  test('may not change anything with the right to look', async () => {
    const { stderr } = await psql(await environment('stats'), 'CREATE GROUP g')
    expect(stderr).toMatch(/permission denied/)
  })

  test.each([
    ['a password that the file has', 'root', 'pencil', 'on'],
    ['a verifier that the file has', 'watch', 'looking', 'off'],
  ])('gets in by %s', async (_, user, password, superuser) => {
    const entered = await psql(
      withSecret(user, password),
      'select current_user',
      'show is_superuser',
    )
    expect(entered).toMatchObject({ code: 0, stderr: '', stdout: `${user}\n${superuser}\n` })
  })

  test.each([
    ['a wrong secret', 'root', 'pen'],
    ['a wrong secret for a verifier', 'watch', 'pencil'],
  ])('does not get in by %s', async (_, user, password) => {
    const { stderr } = await psql(withSecret(user, password), 'select 1')
    expect(stderr).toContain(`FATAL:  password authentication failed for user "${user}"`)
  })

  test('is not told from somebody who is not there', async () => {
    const asking = { PGOPTIONS: '-c auth_method=scram-sha-256' }
    const { stderr } = await psql({ ...withSecret('nobody', 'pencil'), ...asking }, 'select 1')
    expect(stderr).toContain('FATAL:  password authentication failed for user "nobody"')
  })

  test('does not get in by a secret where the pool wants single sign-on', async () => {
    const { stderr } = await psql(withSecret('shut', 'out'), 'select 1')
    expect(stderr).toContain('requires SSO authentication')
  })

  test('gets in by the Unix socket, whoever it says it is', async () => {
    const { PATH } = process.env
    const local = { PATH, PGHOST: join(stack.folder, 'run'), PGPORT: String(socketPort) }
    const where = { PGDATABASE: 'portcullis', PGUSER: 'anybody' }
    const entered = await psql({ ...local, ...where }, 'select current_user', 'show is_superuser')
    expect(entered).toMatchObject({ code: 0, stderr: '', stdout: 'unix\non\n' })
  })

  test('signs in with a browser', async () => {
    const child = spawn('psql', ['-X', '-At', '-c', 'select current_user'], {
      env: { ...stack.environment(''), PGDATABASE: 'system', PGUSER: 'sso' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let heard = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk))
    const output = text(child.stdout)
    await until('the notice', () => heard.includes('HINT'))
    const [, code = ''] = /shows the code (\S+)/.exec(heard) ?? []
    await stack.provider.approveDevice(code, 'alice')
    expect(await output).toBe('alice\n')
  })

  test('gets in when there are as many sessions as there may be', async () => {
    const sessions = [await stack.logIn(), await stack.logIn()]
    const full = await psql(stack.environment(await stack.token()), 'select 1')
    expect(full.stderr).toContain('sorry, too many clients already')
    expect(await psql(await environment(), 'select 1')).toMatchObject({ stdout: '1\n' })
    for (const { client } of sessions) client.destroy()
  })
})

test('under the name of PgBouncer there is no SELECT, as at PgBouncer', async () => {
  const environment = { ...stack.environment(await stack.token(asAdmin)), PGDATABASE: 'pgbouncer' }
  const refused = await psql(environment, '\\set VERBOSITY verbose', 'select 1')
  expect(refused.stderr).toContain("08P01: invalid command 'SELECT', use SHOW HELP;")
})

test('a driver that prepares and binds is answered with types', async () => {
  const token = await stack.token(asAdmin)
  const client = new Client({
    host: 'localhost',
    port: stack.gateway.port,
    database: 'system',
    user: 'id_token',
    password: token,
    ssl: { ca: stack.authority.certificate },
  })
  await client.connect()
  try {
    const { rows } = await client.query('select $1 as a, 1 as b, true as c, now() as d', ['x'])
    expect(rows).toEqual([{ a: 'x', b: 1, c: true, d: expect.any(Date) as unknown }])
    await client.query('begin')
    await expect(client.query('show helq')).rejects.toMatchObject({ code: '42601' })
    await expect(client.query('show help')).rejects.toMatchObject({ code: '25P02' })
    await client.query('rollback')
    const help = await client.query('show help')
    expect(help.fields.map(({ name }) => name)).toEqual(['topic', 'syntax', 'does'])
    expect(help.rows.length).toBeGreaterThan(50)
  } finally {
    await client.end()
  }
})

describe('what the console answers is what PostgreSQL answers to', () => {
  const query = (sql: string): Buffer => message('Q', Buffer.from(`${sql}\0`))
  const parse = (sql: string, name = ''): Buffer =>
    message('P', Buffer.from(`${name}\0${sql}\0\0\0`))
  const bind = (portal = '', name = ''): Buffer =>
    message('B', Buffer.from(`${portal}\0${name}\0\0\0\0\0\0\0`))
  const portal = (type: string, name = ''): Buffer => message(type, Buffer.from(`P${name}\0`))
  const execute = (rows = 0, name = ''): Buffer =>
    message('E', Buffer.concat([Buffer.from(`${name}\0\0\0\0`), Buffer.of(rows)]))
  const sync = message('S', Buffer.alloc(0))

  /** Of the few sessions that there may be, those of before may not have ended yet. */
  async function placeAt(database: string): Promise<WireClient> {
    const token = await stack.token(asAdmin)
    let client: WireClient | undefined
    await until('a place for a session', async () => {
      client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
      const { type } = await client.logIn({ user: 'app_readonly', database }, token)
      if (type === 'E') client.destroy()
      return type !== 'E'
    })
    return client!
  }

  /** Types, states and SQLSTATEs up to so many ReadyForQuery. */
  async function answered(database: string, sent: readonly Buffer[]): Promise<string> {
    const client = await placeAt(database)
    await client.readUntil('Z')
    client.send(Buffer.concat(sent))
    const heard: string[] = []
    for (
      let left = sent.filter((one) => 'QSF'.includes(String.fromCharCode(one[0]!))).length;
      left > 0;
    ) {
      const next = await client.read()
      if (next.type === 'Z') left--
      const more =
        next.type === 'Z'
          ? next.body.toString()
          : next.type === 'E'
            ? errorFields(next).sqlstate
            : next.type === 'C'
              ? next.body.toString('utf8', 0, next.body.length - 1)
              : ''
      heard.push(next.type + more)
    }
    client.destroy()
    await client.closed().catch(() => {})
    return heard.join(' ')
  }

  test.each([
    ['nothing', [query(''), query(';')]],
    ['several statements', [query('select 1; select 2 as a')]],
    ['a mistake in one of several', [query('select 1; selec 2')]],
    ['a transaction', [query('begin'), query('select 1'), query('commit')]],
    [
      'a transaction that fails',
      [query('begin'), query('selec'), query('select 1'), query('commit')],
    ],
    ['the end of a transaction that there is not', [query('rollback')]],
    ['a second beginning', [query('begin'), query('begin'), query('rollback')]],
    ['a statement that is prepared', [parse('select 1'), bind(), portal('D'), execute(), sync]],
    ['an empty one', [parse(''), bind(), portal('D'), execute(), sync]],
    [
      'a mistake, and what is behind it',
      [parse('selec'), bind(), execute(), sync, query('select 1')],
    ],
    ['a portal in parts', [parse('select 1'), bind(), execute(1), execute(1), sync]],
    ['a portal that is run again', [parse('begin'), bind(), execute(), execute(), sync]],
    ['a portal that there is not', [execute(0, 'p'), sync]],
    ['a portal of before', [parse('select 1', 'a'), bind('p', 'a'), sync, execute(0, 'p'), sync]],
    ['a name that is taken', [parse('select 1', 'a'), parse('select 1', 'a'), sync]],
    ['a parameter that is not bound', [parse('select $1::text'), bind(), sync]],
    ['two statements in one', [parse('select 1; select 2'), sync]],
    [
      'what it has forgotten',
      [parse('select 1', 'a'), sync, query('deallocate all'), bind('', 'a'), sync],
    ],
    ['a message that is cut short', [message('B', Buffer.of(0)), sync]],
  ])('%s', async (_, sent) => {
    expect(await answered('system', sent)).toBe(await answered('sandbox', sent))
  })
})

test('who was at the console is in the audit, with its right and how it came', async () => {
  await until('the records', async () => {
    const records = (await stack.audit()).map(({ unmapped }) => unmapped.portcullis)
    const ofConsole = records.filter(({ console }) => console !== undefined)
    return (
      ofConsole.some(({ end_reason: reason }) => reason === 'client-closed') &&
      ofConsole.some(({ console }) => (console as { by: string }).by === 'sso')
    )
  })
})

test('a session of the console ends with the gateway, at a deadline', async () => {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  await client.logIn({ user: 'alice', database: 'system' }, await stack.token(asAdmin))
  await client.readUntil('Z')
  const told = client.readUntilError()
  stack.gateway.process.kill('SIGTERM')
  expect(await told).toMatchObject({ sqlstate: '57P01' })
  client.destroy()
})

test.each([
  ['a token', asAdmin, /GRANTED: the console, with the right "admin"/],
  ['a token of less', asStats, /GRANTED: the console, with the right "stats"/],
])('explain says what %s opens', async (_, claims, expected) => {
  const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const args = ['explain', '--config', stack.gateway.configFile, '--database', 'system']
  const child = spawn(
    process.execPath,
    [program, ...args, '--user', 'alice', '--listener', '127.0.0.1:0'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  child.stdin.end(await stack.token(claims))
  expect(await text(child.stdout)).toMatch(expected)
})
