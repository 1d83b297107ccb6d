// PgBouncer between Portcullis and PostgreSQL, as docs/upstreams.md has it: whose passwords and certificates it takes,
// what it takes of what a client asks for, and why transactions are not what is to be pooled there.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, WireClient } from '../support/wire-client.ts'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const belongings = new AsyncDisposableStack()
let stack: Stack
let certificatePort: number

/** The three ways, as databases of the gateway. */
const [scram, certificate, transactions] = ['scram', 'certificate', 'transactions'] as const

describe.runIf(hasPgBouncer())('behind Portcullis', () => {
  beforeAll(async () => {
    const ports = {
      scram: await freePort(),
      certificate: await freePort(),
      transactions: await freePort(),
    }
    certificatePort = ports.certificate
    stack = belongings.use(
      await Stack.start({
        prepare: async (folder) => {
          await promisify(execFile)(process.execPath, [program, 'ca', 'init'], { cwd: folder })
        },
        configure: (config) => {
          const sandbox = config.databases['sandbox']!['upstream'] as Record<string, unknown>
          const byCertificate = {
            auth: {
              method: 'certificate',
              ca_certificate: 'upstream-ca.crt',
              ca_key: 'upstream-ca.key',
            },
          }
          for (const [name, port] of Object.entries(ports)) {
            const own = name === certificate ? byCertificate : {}
            config.databases[name] = { upstream: { ...sandbox, database: 'sandbox', port, ...own } }
          }
        },
      }),
    )
    const { postgres, folder } = stack
    const secrets = await postgres.sql(
      "select rolname, rolpassword from pg_authid where rolname like 'app_%'",
    )
    const list = (entries: readonly (readonly [unknown, unknown])[]): string =>
      entries.map(([role, secret]) => `"${String(role)}" "${String(secret)}"\n`).join('')
    const read = async (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
    const files = {
      'server.crt': await read('server.crt'),
      'server.key': await read('server.key'),
      'ca.crt': await read('upstream-ca.crt'),
      'secrets.txt': list(secrets.map(({ rolname, rolpassword }) => [rolname, rolpassword])),
      'passwords.txt': list(Object.entries(stack.passwords)),
    }
    const databases = `sandbox = host=127.0.0.1 port=${postgres.port}`
    const tls = { client_tls_cert_file: 'server.crt', client_tls_key_file: 'server.key' }
    const byScram = {
      auth_type: 'scram-sha-256',
      auth_file: 'secrets.txt',
      client_tls_sslmode: 'require',
      ...tls,
    }
    const ways = {
      scram: { ...byScram, pool_mode: 'session' },
      transactions: { ...byScram, pool_mode: 'transaction', default_pool_size: '1' },
      certificate: {
        ...{ auth_type: 'cert', auth_file: 'passwords.txt', pool_mode: 'session' },
        ...{ client_tls_sslmode: 'verify-full', client_tls_ca_file: 'ca.crt', ...tls },
      },
    }
    for (const [name, settings] of Object.entries(ways)) {
      const port = ports[name as keyof typeof ports]
      belongings.use(await startPgBouncer({ port, databases, settings, files }))
    }
  })

  afterAll(async () => belongings.disposeAsync())

  async function connect(database: string, options: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = new pg.Client({
      ...{ host: 'localhost', port: stack.gateway.port, database, user: 'app_readonly' },
      password: await stack.token(),
      ssl: { ca: stack.authority.certificate },
      ...options,
    })
    client.on('error', () => {})
    await client.connect()
    belongings.defer(async () => client.end().catch(() => {}))
    return client
  }

  async function ask(client: pg.Client, sql: string): Promise<unknown> {
    const { rows } = await client.query<{ v: unknown }>(`select ${sql} as v`)
    return rows[0]?.v
  }

  test.each([
    ['the SCRAM secrets of PostgreSQL', scram],
    ['certificates that Portcullis mints', certificate],
  ])('a session is its role by %s', async (_, database) => {
    const client = await connect(database)
    expect(await ask(client, 'session_user')).toBe('app_readonly')
    await expect(client.query('delete from orders')).rejects.toThrow('permission denied')
  })

  test('nobody is let in by PgBouncer with a password where it takes certificates', async () => {
    const client = new pg.Client({
      ...{ host: 'localhost', port: certificatePort, database: 'sandbox', user: 'app_readonly' },
      password: stack.passwords['app_readonly'],
      ssl: { ca: stack.authority.certificate },
    })
    client.on('error', () => {})
    await expect(client.connect()).rejects.toThrow()
    await client.end().catch(() => {})
  })

  test('a statement is cancelled through both', async () => {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    await client.logIn({ user: 'app_readonly', database: scram }, await stack.token())
    const { body } = await client.readUntil('K')
    await client.readUntil('Z')
    client.query('select pg_sleep(60)')
    await until('the statement', async () => (await stack.activeStatements()) === 1)
    const other = await WireClient.connect(stack.gateway.port)
    other.send(cancelRequest(body.readInt32BE(0), body.subarray(4)))
    expect(await client.readUntilError()).toMatchObject({ sqlstate: '57014' })
    client.destroy()
  })

  test('application_name comes through, and other startup parameters are refused by PgBouncer', async () => {
    const client = await connect(scram, { application_name: 'reports' })
    expect(await ask(client, "current_setting('application_name')")).toBe('reports')
    await expect(connect(scram, { options: '-c search_path=audit' })).rejects.toThrow(
      'unsupported startup parameter: options',
    )
  })

  test('where transactions are pooled, what a client sets is there for another of the role', async () => {
    const [one, other] = [await connect(transactions), await connect(transactions)]
    await one.query("set search_path = 'secrets'")
    expect(await ask(other, "current_setting('search_path')")).toBe('secrets')
  })
})
