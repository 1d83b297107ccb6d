// Roles without a password: PostgreSQL believes certificates that Portcullis mints, and nothing else. The
// server is set up with what `portcullis ca pg-config` prints, and with nothing beside it.
import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { appendFile, chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import { inspect } from '../../src/inspection/inspect.ts'
import { mintCertificate, type MintedCertificate } from '../../src/upstream/mint-certificate.ts'
import { type GatewayConfig, Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const minuteMs = 60_000

/** Names that mean more than themselves somewhere on the way: DN, library, pg_hba.conf or pg_ident.conf. */
const oddRoles = [
  `x"y'z`,
  'with "app_readwrite" in quotes',
  'Größe 角色',
  '#6170705f72656164',
  'all',
  '+app_readwrite',
  '/^.*$',
  'a,CN=app_readwrite',
  String.raw`back\slash\1`,
  '@file # no comment',
  `${'ä'.repeat(31)}x`,
]

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    prepare: async (folder) => {
      await Promise.all([
        portcullis(folder, 'ca', 'init'),
        portcullis(folder, 'ca', 'init', '--certificate', 'ca-2.crt', '--key', 'ca-2.key'),
      ])
    },
    configure: (config) => {
      useAuthority(config, 'upstream-ca.crt', 'upstream-ca.key')
      const people = config.integrations['people']!
      const mappings = people['groups_claim_mappings'] as Record<string, string>
      oddRoles.forEach((role, index) => {
        config.groups[`odd${index}`] = { role }
        mappings[`odd${index}`] = `odd${index}`
      })
    },
  })
  const names = oddRoles.map((role) => `"${role.replaceAll('"', '""')}"`)
  await stack.postgres.sql(names.map((name) => `create role ${name} login`).join('; '))
  await setUp()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function portcullis(folder: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [program, ...args], { cwd: folder })
  return stdout
}

function useAuthority(config: GatewayConfig, certificate: string, key: string): void {
  const upstream = config.databases['sandbox']!['upstream'] as Record<string, unknown>
  upstream['auth'] = { method: 'certificate', ca_certificate: certificate, ca_key: key }
}

const serverFile = (name: string): string => join(stack.postgres.folder, 'data', name)

/** The parts of what `pg-config` prints, by their number. */
async function pgConfig(): Promise<readonly string[]> {
  const text = await portcullis(stack.folder, 'ca', 'pg-config', '--config', 'portcullis.yaml')
  return text.split(/^# \d\. .*\n/m)
}

/** Does what an operator does with it; the superuser of the tests needs no password either. */
async function setUp(): Promise<void> {
  const [, settings, authorities, hba, ident, sql] = await pgConfig()
  await writeFile(serverFile('portcullis-ca.crt'), authorities!)
  await appendFile(serverFile('postgresql.conf'), settings!)
  const before = await readFile(serverFile('pg_hba.conf'), 'utf8')
  const superuser = 'hostnossl all postgres 127.0.0.1/32 trust'
  await writeFile(serverFile('pg_hba.conf'), `${superuser}\n${hba}\n${before}`)
  await writeFile(serverFile('pg_ident.conf'), ident!)
  await reloadServer()
  expect(await stack.postgres.sql(`alter role postgres password null; ${sql}`)).toEqual([])
}

async function reloadServer(): Promise<void> {
  const loadedAt = async (): Promise<string> =>
    JSON.stringify(await stack.postgres.sql('select pg_conf_load_time()::text'))
  const before = await loadedAt()
  await stack.postgres.sql('select pg_reload_conf()')
  await until('the server has reloaded', async () => (await loadedAt()) !== before)
  const errors = await stack.postgres.sql(
    `select error from pg_hba_file_rules where error is not null
     union all select error from pg_ident_file_mappings where error is not null`,
  )
  expect(errors).toEqual([])
}

interface Session {
  readonly user: string
  readonly client_dn: string | null
  readonly client_serial: string | null
}

async function ask(options: pg.ClientConfig): Promise<Session | undefined> {
  const client = new pg.Client({ ...options, database: 'sandbox', connectionTimeoutMillis: 15_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<Session>(
      `select session_user::text as user, client_dn, client_serial::text
       from pg_stat_ssl where pid = pg_backend_pid()`,
    )
    return rows[0]
  } finally {
    await client.end().catch(() => {})
  }
}

/** Through Portcullis, with a token. */
async function logIn(user = 'app_readonly', groups?: readonly string[]) {
  const token = await stack.token(groups && { [groupsClaim]: groups })
  const { port } = stack.gateway
  const ssl = { ca: stack.authority.certificate }
  return ask({ host: 'localhost', port, user, password: token, ssl })
}

/** Past Portcullis. */
async function connect(user: string, own?: MintedCertificate, password = '') {
  const ssl = {
    ca: stack.authority.certificate,
    servername: 'localhost',
    ...(own && { cert: own.certificate, key: own.key }),
  }
  return ask({ host: '127.0.0.1', port: stack.postgres.port, user, password, ssl })
}

async function mint(
  role: string,
  { by = 'upstream-ca', fromMinutes = -1, toMinutes = 5 } = {},
): Promise<MintedCertificate> {
  const [certificate, key] = await Promise.all(
    ['crt', 'key'].map(async (kind) => readFile(join(stack.folder, `${by}.${kind}`), 'utf8')),
  )
  const authority = {
    certificate: new X509Certificate(certificate!),
    key: createPrivateKey(key!),
  }
  const now = Date.now()
  return mintCertificate(authority, role, {
    notBefore: new Date(now + fromMinutes * minuteMs),
    notAfter: new Date(now + toMinutes * minuteMs),
  })
}

/** What the server has logged of it. */
async function expectLogged(text: string, from: number): Promise<void> {
  await until(`the server logs: ${text}`, () => stack.postgres.log().slice(from).includes(text))
}

describe('with the method certificate', () => {
  test('no role has a password, and logins work', async () => {
    const passwords = await stack.postgres.sql(
      'select rolname from pg_authid where rolpassword is not null',
    )
    expect(passwords).toEqual([])
    expect(await readFile(stack.gateway.configFile, 'utf8')).not.toContain('password')
    expect(await logIn()).toMatchObject({ user: 'app_readonly', client_dn: '/CN=app_readonly' })
    const writer = await logIn('app_readwrite', ['readwrite-role'])
    expect(writer).toMatchObject({ user: 'app_readwrite', client_dn: '/CN=app_readwrite' })
  })

  test.each(oddRoles)('the role %j logs in as itself', async (role) => {
    const session = await logIn(role, [`odd${oddRoles.indexOf(role)}`])
    expect(session?.user).toBe(role)
  })

  test('a certificate serves the logins of its role until the upstream is configured otherwise', async () => {
    const first = await logIn()
    expect((await logIn())?.client_serial).toBe(first?.client_serial)
    await stack.gateway.reload(stack.config)
    expect((await logIn())?.client_serial).toBe(first?.client_serial)
    await stack.renewUpstreams()
    expect((await logIn())?.client_serial).not.toBe(first?.client_serial)
  })

  test('the key that signs and the keys that it signed for are in no log', async () => {
    await logIn()
    const key = await readFile(join(stack.folder, 'upstream-ca.key'), 'utf8')
    const secret = key.split('\n')[1]!
    const written = stack.gateway.log() + JSON.stringify(await stack.audit())
    expect(written).not.toContain(secret)
    expect(written).not.toContain('PRIVATE KEY')
  })
})

describe('PostgreSQL itself', () => {
  test('takes the certificate of the role', async () => {
    const session = await connect('app_readonly', await mint('app_readonly'))
    expect(session?.user).toBe('app_readonly')
  })

  test.each(['app_readwrite', 'APP_READONLY', 'app_readonly ', 'app_readonl', 'postgres'])(
    'refuses a certificate for another role, %j',
    async (role) => {
      await expect(connect('app_readonly', await mint(role))).rejects.toThrow(
        'certificate authentication failed for user "app_readonly"',
      )
    },
  )

  test.each([
    ['that has expired', { fromMinutes: -5, toMinutes: -1 }, 'certificate has expired'],
    ['that is not valid yet', { fromMinutes: 5 }, 'certificate is not yet valid'],
    ['of another authority', { by: 'ca-2' }, 'unable to get local issuer certificate'],
  ])('refuses a certificate %s', async (_, options, logged) => {
    const from = stack.postgres.log().length
    await expect(connect('app_readonly', await mint('app_readonly', options))).rejects.toThrow()
    await expectLogged(logged, from)
  })

  test('refuses whoever has no certificate, even with a password', async () => {
    await stack.postgres.sql(`alter role app_readonly password 'hunter2'`)
    await expect(connect('app_readonly', undefined, 'hunter2')).rejects.toThrow(
      'connection requires a valid client certificate',
    )
    const plain = { database: 'sandbox', user: 'app_readonly', password: 'hunter2' }
    await expect(stack.postgres.sql('select', plain)).rejects.toThrow('pg_hba.conf rejects')
    await stack.postgres.sql('alter role app_readonly password null')
  })
})

describe('an authority is replaced', () => {
  test('while logins go on, and the old one is worth nothing afterwards', async () => {
    const both = await Promise.all(
      ['upstream-ca.crt', 'ca-2.crt'].map(async (name) =>
        readFile(join(stack.folder, name), 'utf8'),
      ),
    )
    await writeFile(join(stack.folder, 'both.crt'), both.join(''))

    const withBoth = structuredClone(stack.config)
    useAuthority(withBoth, 'both.crt', 'upstream-ca.key')
    await stack.gateway.reload(withBoth)
    const [, , authorities] = await pgConfig()
    await writeFile(serverFile('portcullis-ca.crt'), authorities!)
    await reloadServer()
    await logIn()
    for (const by of ['upstream-ca', 'ca-2']) {
      await connect('app_readonly', await mint('app_readonly', { by }))
    }

    const withSecond = structuredClone(stack.config)
    useAuthority(withSecond, 'both.crt', 'ca-2.key')
    await stack.gateway.reload(withSecond)
    await logIn()

    await writeFile(serverFile('portcullis-ca.crt'), both[1]!)
    await reloadServer()
    await logIn()
    const from = stack.postgres.log().length
    await expect(connect('app_readonly', await mint('app_readonly'))).rejects.toThrow()
    await expectLogged('unable to get local issuer certificate', from)

    await writeFile(serverFile('portcullis-ca.crt'), both.join(''))
    await reloadServer()
    await stack.gateway.reload(stack.config)
    await logIn()
  })

  test('with one that the server does not trust: logins are refused, and the client learns no more', async () => {
    await writeFile(
      serverFile('portcullis-ca.crt'),
      await readFile(join(stack.folder, 'ca-2.crt'), 'utf8'),
    )
    await reloadServer()
    const count = (await stack.audit()).length
    const error: unknown = await logIn().catch((reason: unknown) => reason)
    expect(String(error)).not.toMatch(/certificate|alert/)
    await until('the record', async () => (await stack.audit()).length > count)
    const reason = (await stack.audit()).at(-1)?.unmapped.portcullis['reason']
    // The alert of the server may get lost, since our startup message is on its way by then.
    expect(['upstream-authentication', 'upstream-unreachable']).toContain(reason)
    await writeFile(
      serverFile('portcullis-ca.crt'),
      await readFile(join(stack.folder, 'upstream-ca.crt'), 'utf8'),
    )
    await reloadServer()
    await logIn()
  })

  test('with one whose key others may read: the old configuration stays', async () => {
    const changed = structuredClone(stack.config)
    useAuthority(changed, 'ca-2.crt', 'ca-2.key')
    await chmod(join(stack.folder, 'ca-2.key'), 0o640)
    await stack.gateway.reload(changed)
    await expect
      .poll(() => stack.gateway.log())
      .toContain('has mode 0640, and is for its owner alone')
    await chmod(join(stack.folder, 'ca-2.key'), 0o600)
    await logIn()
  })
})

test('a password of the client is not helped by a certificate', async () => {
  const changed = structuredClone(stack.config)
  changed.connectivity_pools['sso_pool']!['require_sso'] = false
  await stack.gateway.reload(changed)
  const { port } = stack.gateway
  const ssl = { ca: stack.authority.certificate }
  const login = { host: 'localhost', port, user: 'app_readonly', password: 'hunter2', ssl }
  const from = stack.postgres.log().length
  await expect(ask(login)).rejects.toThrow()
  await expectLogged('connection requires a valid client certificate', from)
  await stack.gateway.reload(stack.config)
})

describe('portcullis check', () => {
  async function find(change: (config: GatewayConfig) => void = () => {}, now = new Date()) {
    const config = structuredClone(stack.config)
    change(config)
    const file = join(stack.folder, 'check.yaml')
    await writeFile(file, stringify(config))
    const found = await inspect(readConfig(file).config, { isOffline: false, now: () => now })
    return found
      .filter(({ about }) => about === 'database sandbox')
      .map(({ check, verdict, found: told }) => `${verdict}: ${check}: ${told}`)
  }

  test('tells when the authority expires, and logs in as every role', async () => {
    const found = await find()
    expect(found).toContainEqual(
      expect.stringMatching(/^ok: auth\.ca_certificate: "Portcullis upstream CA [0-9a-f]{8}" exp/),
    )
    const roles = ['app_readonly', 'app_readwrite', ...oddRoles]
    expect(found.filter((line) => line.endsWith(': logs in'))).toHaveLength(roles.length)
    expect(found.filter((line) => !line.startsWith('ok: '))).toEqual([])
  })

  test('warns before the authority expires', async () => {
    const found = await find(undefined, new Date(Date.now() + 3_640 * 24 * 60 * minuteMs))
    expect(found).toContainEqual(expect.stringMatching(/^warning: auth\.ca_certificate: .* in 9 d/))
  })

  test('says so where a role has no line at the server', async () => {
    const found = await find((config) => {
      config.groups['more'] = { role: 'unlisted' }
    })
    expect(found).toContainEqual(expect.stringMatching(/^problem: role unlisted: /))
  })

  test('says so where the key is not of the certificate', async () => {
    const found = await find((config) => {
      useAuthority(config, 'upstream-ca.crt', 'ca-2.key')
    })
    expect(found).toContainEqual(expect.stringMatching(/^problem: auth\.ca_key: .*is not the key/))
  })
})

test('where principals may be roles, a certificate is for every role but the reserved ones', async () => {
  const changed = structuredClone(stack.config)
  changed.integrations['people']!['map_principal'] = true
  await stack.gateway.reload(changed)
  const [, , , hba, ident] = await pgConfig()
  const superuser = 'hostnossl all postgres 127.0.0.1/32 trust'
  await writeFile(serverFile('pg_hba.conf'), `${superuser}\n${hba}`)
  await writeFile(serverFile('pg_ident.conf'), ident!)
  await stack.postgres.sql('create role alice login')
  await reloadServer()
  expect((await logIn('alice'))?.user).toBe('alice')
  const failed = /certificate authentication failed/
  await expect(connect('postgres', await mint('postgres'))).rejects.toThrow(failed)
  await expect(connect('alice', await mint('bob'))).rejects.toThrow(failed)
  await expect(connect('alice', await mint('alice\nalice'))).rejects.toThrow(failed)
})
