// Everybody has a role of their own: through two workers, with certificates that are minted for roles which
// have just been made, and for the provisioner. No password of any role exists.
import { execFile } from 'node:child_process'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import { inspect } from '../../src/inspection/inspect.ts'
import { replayLogin } from '../../src/replay-login.ts'
import { type GatewayConfig, Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

let stack: Stack
/** What docs/provisioning.md says: how a provisioner is made, and how its roles are found. */
let statements: readonly string[]

beforeAll(async () => {
  const page = await readFile(new URL('../../docs/provisioning.md', import.meta.url), 'utf8')
  statements = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sql]) => sql!)
  stack = await Stack.start({
    settings: { max_connections: '1100' },
    prepare: async (folder) => {
      await portcullis(folder, 'ca', 'init')
    },
    configure: (config) => {
      config.workers = 2
      // A thousand come at once, from one address, to a machine that may have other things to do.
      Object.assign(config.limits, {
        max_unauthenticated: 2_000,
        max_unauthenticated_per_address: null,
      })
      Object.assign(config.timeouts, { startup: '60s', tls_handshake: '60s' })
      const people = config.integrations['people']!
      people['map_principal'] = true
      people['provisioning'] = { enabled: true }
      people['groups_claim_mappings'] = { 'readwrite-role': 'readwrite', reporting: 'reports' }
      config.groups['reports'] = { role: 'app_reports' }
      const upstream = config.databases['sandbox']!['upstream'] as Record<string, unknown>
      const certificate = { ca_certificate: 'upstream-ca.crt', ca_key: 'upstream-ca.key' }
      upstream['connect_timeout'] = '60s'
      upstream['auth'] = { method: 'certificate', ...certificate }
      upstream['provisioner'] = { role: 'portcullis_provisioner' }
      config.databases['sandbox']!['integrations'] = ['people']
    },
  })
  await stack.postgres.sql(
    `create role app_reports; create role by_hand;
     alter role app_readonly nologin; alter role app_readwrite nologin; ${statements[0]!}`,
  )
  await believeCertificatesAlone()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function portcullis(folder: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [program, ...args], { cwd: folder })
  return stdout
}

/** Does with the server what `ca pg-config` says. */
async function believeCertificatesAlone(): Promise<void> {
  const printed = await portcullis(stack.folder, 'ca', 'pg-config', '--config', 'portcullis.yaml')
  const [, settings, authorities, hba, ident] = printed.split(/^# \d\. .*\n/m)
  const file = (name: string): string => join(stack.postgres.folder, 'data', name)
  await writeFile(file('portcullis-ca.crt'), authorities!)
  await appendFile(file('postgresql.conf'), settings!)
  await writeFile(file('pg_hba.conf'), `hostnossl all postgres 127.0.0.1/32 trust\n${hba}`)
  await writeFile(file('pg_ident.conf'), ident!)
  const loaded = 'select pg_conf_load_time()::text as at'
  const [before] = await stack.postgres.sql(loaded)
  await stack.postgres.sql(
    `alter role postgres password null; alter role app_readonly password null;
     alter role app_readwrite password null; select pg_reload_conf()`,
  )
  await until('the server has reloaded', async () => {
    const [now] = await stack.postgres.sql(loaded)
    return now?.['at'] !== before?.['at']
  })
}

interface Login {
  readonly user?: string
  readonly groups?: readonly string[]
  /** What the token has besides. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** With a token that names whom it is for in `sub`. */
async function connect(subject: string, login: Login = {}): Promise<pg.Client> {
  const { user = 'id_token', groups = [], claims = {} } = login
  const password = await stack.token({ sub: subject, [groupsClaim]: groups, ...claims })
  const client = new pg.Client({
    host: 'localhost',
    port: stack.gateway.port,
    database: 'sandbox',
    user,
    password,
    ssl: { ca: stack.authority.certificate },
    connectionTimeoutMillis: 60_000,
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function held(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ held: string }>(
    `select session_user || ': ' || coalesce(string_agg(roleid::regrole::text, ' ' order by roleid::regrole::text), '')
       as held
     from (select roleid from pg_auth_members where member = session_user::regrole) as m`,
  )
  return rows[0]!.held
}

/** Logs in, says as whom and with which memberships, and leaves. */
async function logIn(subject: string, login: Login = {}): Promise<string> {
  const client = await connect(subject, login)
  const answer = await held(client)
  await client.end()
  return answer
}

describe('somebody who logs in', () => {
  test('has a role of her own, as a member of her groups, and marked as hers', async () => {
    expect(await logIn('alice', { groups: ['readwrite-role'] })).toBe(
      'alice: app_readonly app_readwrite',
    )
    const [role] = await stack.postgres.sql(
      `select rolpassword, shobj_description(oid, 'pg_authid')::json as mark
       from pg_authid where rolname = 'alice'`,
    )
    expect(role).toEqual({
      rolpassword: null,
      mark: { portcullis: { issuer: stack.provider.issuer, subject: 'alice' } },
    })
    expect(await stack.postgres.sql('select from pg_authid where rolpassword is not null')).toEqual(
      [],
    )
  })

  test('gets it by its name as well', async () => {
    expect(await logIn('amy', { user: 'amy' })).toBe('amy: app_readonly')
    await expect(logIn('amy', { user: 'alice' })).rejects.toThrow('may not log in as user "alice"')
  })

  test('has the rights of her groups, and no more', async () => {
    const reader = await connect('rita')
    expect((await reader.query('select from orders')).rowCount).toBe(4)
    await expect(reader.query('delete from orders')).rejects.toThrow('permission denied')
    await expect(reader.query('create role x')).rejects.toThrow('permission denied')
    await reader.end()
  })

  test('has lost a group that was removed at the provider', async () => {
    expect(await logIn('bob', { groups: ['readwrite-role', 'reporting'] })).toBe(
      'bob: app_readonly app_readwrite app_reports',
    )
    expect(await logIn('bob', { groups: ['reporting'] })).toBe('bob: app_readonly app_reports')
    expect(await logIn('bob')).toBe('bob: app_readonly')
  })

  test('keeps what was granted by hand', async () => {
    await logIn('carol', { groups: ['reporting'] })
    await stack.postgres.sql('grant by_hand, app_readwrite to carol')
    expect(await logIn('carol')).toBe('carol: app_readonly app_readwrite by_hand')
  })

  test('is refused where the role is of another identity, and finds nothing changed', async () => {
    await logIn('dora')
    // The same name, by another claim of somebody else.
    const changed = structuredClone(stack.config)
    changed.integrations['people']!['principal_claim'] = 'preferred_name'
    await stack.gateway.reload(changed)
    const claims = { preferred_name: 'dora' }
    await expect(logIn('mallory', { claims, groups: ['readwrite-role'] })).rejects.toThrow(
      'exists already and is not its own',
    )
    await stack.gateway.reload(stack.config)
    expect(await logIn('dora')).toBe('dora: app_readonly')
  })

  test.each([
    'app_readonly',
    'app_reports',
    'portcullis_provisioner',
    'public',
    'pg_x',
    'postgres',
  ])('as %s is refused: that is nobody’s own', async (subject) => {
    await expect(logIn(subject)).rejects.toThrow('is reserved and cannot log in')
    await expect(logIn(subject, { user: subject })).rejects.toThrow()
  })

  test.each([`x"; drop role by_hand; --`, `o'neil`, String.raw`back\slash`, 'Größe 角色'])(
    'as %j is that and nothing else',
    async (subject) => {
      const client = await connect(subject)
      const { rows } = await client.query('select session_user as name')
      expect(rows).toEqual([{ name: subject }])
      await client.end()
      expect(
        await stack.postgres.sql(`select from pg_roles where rolname = 'by_hand'`),
      ).toHaveLength(1)
    },
  )
})

test('two sessions of one person have the groups of her latest login, while they run', async () => {
  const first = await connect('erin', { groups: ['readwrite-role'] })
  expect(await held(first)).toBe('erin: app_readonly app_readwrite')
  const second = await connect('erin', { groups: ['reporting'] })
  expect(await held(second)).toBe('erin: app_readonly app_reports')
  expect(await held(first)).toBe('erin: app_readonly app_reports')
  await expect(first.query('delete from orders')).rejects.toThrow('permission denied')
  const third = await connect('erin', { groups: ['readwrite-role'] })
  expect((await second.query('delete from orders where false')).rowCount).toBe(0)
  await Promise.all([first.end(), second.end(), third.end()])
})

test('a thousand first logins of twenty people at once, by two workers, make twenty roles', async () => {
  const from = stack.postgres.log().length
  const groups = [['reporting'], ['readwrite-role'], ['readwrite-role', 'reporting']]
  const sessions = await Promise.all(
    Array.from({ length: 1_000 }, async (_, index) =>
      connect(`crowd${index % 20}`, { groups: groups[index % 3]! }),
    ),
  )
  expect(await stack.metric('portcullis_sessions_open')).toBe(1_000)
  await Promise.all(sessions.map(async (session) => session.end()))
  expect(await stack.postgres.sql(`select from pg_roles where rolname like 'crowd%'`)).toHaveLength(
    20,
  )
  expect(stack.postgres.log().slice(from)).not.toMatch(/deadlock|ERROR|FATAL/)
}, 120_000)

test('the roles that were made are found as the documentation says', async () => {
  await logIn('heidi')
  await stack.postgres.sql(
    `create role impostor; comment on role impostor is '{"portcullis":{"subject":"heidi"}}'`,
  )
  const rows = await stack.postgres.sql(statements[1]!)
  expect(rows).toContainEqual({
    rolname: 'heidi',
    issuer: stack.provider.issuer,
    subject: 'heidi',
  })
  expect(rows.map(({ rolname }) => rolname)).not.toContain('impostor')
})

test('the audit and the metrics tell what came of the role', async () => {
  const before = await stack.metric('portcullis_provisioned_total', { outcome: 'created' })
  await logIn('frank')
  await logIn('frank', { groups: ['reporting'] })
  await logIn('frank', { groups: ['reporting'] })
  const records = async (): Promise<readonly unknown[]> =>
    (await stack.audit())
      .filter(({ activity_id: activity }) => activity === 1)
      .map(({ unmapped: { portcullis: one } }) => one)
      .filter((one) => one['role'] === 'frank')
      .map((one) => one['provisioned'])
  await until('three records', async () => (await records()).length === 3)
  expect([...(await records())].sort()).toEqual(['changed', 'created', 'unchanged'])
  expect(await stack.metric('portcullis_provisioned_total', { outcome: 'created' })).toBe(
    before + 1,
  )
})

test('a server that comes back is used again, and while it is away nobody gets in', async () => {
  await logIn('gina')
  await stack.postgres.stop('immediate')
  await expect(logIn('gina')).rejects.toThrow('could not connect to the database')
  await stack.postgres.startAgain()
  expect(await logIn('gina')).toBe('gina: app_readonly')
})

describe('portcullis', () => {
  async function configured(change: (config: GatewayConfig) => void = () => {}) {
    const config = structuredClone(stack.config)
    change(config)
    const file = join(stack.folder, 'changed.yaml')
    await writeFile(file, stringify(config))
    return readConfig(file).config
  }

  async function found(change?: (config: GatewayConfig) => void): Promise<readonly string[]> {
    const all = await inspect(await configured(change), { isOffline: false })
    return all
      .filter(({ about }) => about === 'database sandbox')
      .map(({ check, verdict, found: told }) => `${verdict}: ${check}: ${told}`)
  }

  test('check proves that the provisioner can do it, and leaves nothing behind', async () => {
    const all = await found()
    expect(all).toContain(
      'ok: provisioner portcullis_provisioner: makes roles as members of 3 of 3 groups',
    )
    expect(all.filter((one) => !one.startsWith('ok: '))).toEqual([])
    expect(
      await stack.postgres.sql(`select from pg_roles where rolname like 'portcullis check%'`),
    ).toEqual([])
  })

  test('check says which role it may not grant, and which is missing', async () => {
    const all = await found((config) => {
      const { groups_claim_mappings: mapped } = config.integrations['people']!
      Object.assign(mapped as object, { a: 'foreign', b: 'absent' })
      config.groups['foreign'] = { role: 'by_hand' }
      config.groups['absent'] = { role: 'not_there' }
    })
    expect(all).toContainEqual(expect.stringMatching(/^problem: role by_hand: .*42501/))
    expect(all).toContainEqual(expect.stringMatching(/^warning: role not_there: /))
  })

  test('check says what is wrong with another provisioner', async () => {
    const all = await found((config) => {
      const upstream = config.databases['sandbox']!['upstream'] as Record<string, unknown>
      upstream['provisioner'] = { role: 'nobody_there' }
    })
    expect(all).toContainEqual(
      expect.stringMatching(/^problem: provisioner nobody_there: as nobody_there at localhost/),
    )
  })

  test('check warns of another integration by which somebody may be such a role', async () => {
    const all = await found((config) => {
      config.integrations['machines']!['map_principal'] = true
      config.databases['sandbox']!['integrations'] = ['people', 'machines']
      config.databases['sandbox']!['primary'] = 'people'
    })
    expect(all).toContainEqual(
      expect.stringMatching(/^warning: provisioning: who comes by machines may be a role by name/),
    )
  })

  test('explain shows the role, its groups, and what only the database knows', async () => {
    const credential = await stack.token({ sub: 'alice', [groupsClaim]: ['reporting'] })
    const explanation = await replayLogin(await configured(), {
      user: 'id_token',
      database: 'sandbox',
      from: '127.0.0.1',
      listener: undefined,
      credential,
      certificate: undefined,
      options: undefined,
      isOffline: false,
    })
    const { outcome, role, steps } = explanation
    expect({ outcome, role }).toEqual({ outcome: 'granted', role: 'alice' })
    expect(steps).toContainEqual({
      check: 'own role',
      compared: 'alice as a member of app_readonly, app_reports',
      passed: true,
      verified: true,
    })
    expect(steps).toContainEqual(
      expect.objectContaining({ check: 'provisioning', passed: null, verified: true }),
    )
    expect(await readFile(stack.gateway.configFile, 'utf8')).not.toContain('password')
  })
})
