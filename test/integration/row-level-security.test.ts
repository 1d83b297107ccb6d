// The SQL of docs/row-level-security.md, run as it stands there, and what clients try against it.
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

const secret = 'c2VjcmV0IG9mIHRoZSBleGFtcGxlLCBvZiBub2JvZHk'
let stack: Stack
const clients: pg.Client[] = []

const page = readFileSync(new URL('../../docs/row-level-security.md', import.meta.url), 'utf8')

/** An example of the page, by its name there. */
function example(name: string): string {
  const [, sql] = new RegExp(`<!-- sql: ${name} -->\\n+\`\`\`sql\\n([^]*?)\`\`\``).exec(page) ?? []
  if (sql === undefined) throw new Error(`no example ${name}`)
  return sql
}

beforeAll(async () => {
  stack = await Stack.start({
    prepare: async (folder) => writeFile(join(folder, 'secret'), `${secret}\n`),
    configure: (config) => {
      const upstream = config.databases['sandbox']!['upstream'] as object
      const settings = {
        identity: true,
        claims: ['sub', 'email', 'org'],
        claim_settings: { 'request.jwt.claim.sub': 'sub', 'app.tenant': '/org/id' },
        signing: { secret: '${file:secret}' },
      }
      const another = { ...upstream, database: 'another' }
      const relayed = { ...settings, signing: { ...settings.signing, bound_to: 'role' } }
      Object.assign(config.databases, {
        sandbox: { upstream, session_settings: settings },
        another: { upstream: another, session_settings: settings },
        by_role: { upstream: { ...upstream, database: 'sandbox' }, session_settings: relayed },
      })
      const { sso_pool: pool } = config.connectivity_pools
      config.connectivity_pools['mixed'] = {
        ...pool,
        require_sso: false,
        participants: [{ node: 'gw0', listen_address: '127.0.0.2', listen_port: 0 }],
      }
    },
  })
  const { postgres } = stack
  for (const database of ['sandbox', 'another']) {
    if (database === 'another') await postgres.sql('create database another')
    // A superuser is not needed, as the page says.
    const isKept = database === 'another'
    if (isKept) {
      await postgres.sql(
        'create role keeper; grant pg_read_all_stats to keeper; grant create on database another to keeper',
      )
    }
    await postgres.sql(`${isKept ? 'set role keeper; ' : ''}${example('signed')}`, { database })
    for (const name of ['plain', 'policy']) await postgres.sql(example(name), { database })
    await postgres.sql('insert into portcullis.secrets values (convert_to($1, $2))', {
      database,
      values: [secret, 'UTF8'],
    })
    await postgres.sql(
      "insert into notes values ('alice', 'of alice'), ('bob', 'of bob'); insert into letters values ('alice', 'of alice'), ('bob', 'of bob')",
      { database },
    )
  }
})

afterAll(async () => {
  await Promise.all(clients.map(async (client) => client.end()))
  await stack[Symbol.asyncDispose]()
})

const claims = { email: 'zoë@example.com', org: { id: 'o-1', name: 'Zoë' }, other: 'not told' }

async function connectAs(
  subject: string,
  more: Partial<pg.ClientConfig> = {},
  changes: object = claims,
): Promise<pg.Client> {
  const password = await stack.provider.mintIdToken(subject, { ...changes })
  const client = new pg.Client({
    host: 'localhost',
    port: stack.gateway.port,
    user: 'app_readonly',
    database: 'sandbox',
    password,
    ssl: { ca: stack.authority.certificate },
    ...more,
  })
  await client.connect()
  clients.push(client)
  return client
}

async function value(client: pg.Client, sql: string): Promise<unknown> {
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
  return rows[0]?.[0]
}

async function setting(client: pg.Client, name: string): Promise<unknown> {
  return value(client, `select current_setting('${name}', true)`)
}

async function column(client: pg.Client, sql: string): Promise<readonly unknown[]> {
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
  return rows.map(([one]) => one)
}

describe('a session', () => {
  test('is told the identity, the claims and single claims of its token', async () => {
    const alice = await connectAs('alice')
    expect(await setting(alice, 'portcullis.subject')).toBe('alice')
    expect(await setting(alice, 'portcullis.issuer')).toBe(stack.provider.issuer)
    expect(await setting(alice, 'portcullis.principal')).toBe('alice')
    expect(await setting(alice, 'portcullis.groups')).toBe('["readwrite","readonly"]')
    expect(await setting(alice, 'request.jwt.claim.sub')).toBe('alice')
    expect(await setting(alice, 'app.tenant')).toBe('o-1')
    expect(JSON.parse(String(await setting(alice, 'request.jwt.claims')))).toEqual({
      sub: 'alice',
      email: claims.email,
      org: claims.org,
    })
    const session = String(await setting(alice, 'portcullis.session'))
    await expect.poll(() => stack.gateway.log()).toContain(`"session":"${session}"`)
    expect(await value(alice, 'select portcullis.identity()')).toMatchObject({
      iss: stack.provider.issuer,
      sub: 'alice',
      principal: 'alice',
      groups: ['readwrite', 'readonly'],
      claims: { sub: 'alice', email: claims.email, org: claims.org },
      role: 'app_readonly',
      database: 'sandbox',
      sid: session,
      connection: { port: expect.any(Number) as number },
    })
  })

  test('has it again after RESET ALL and DISCARD ALL', async () => {
    const alice = await connectAs('alice')
    for (const reset of ['RESET ALL', 'DISCARD ALL']) {
      await alice.query("set portcullis.subject = 'bob'; set portcullis.identity = ''")
      await alice.query(reset)
      expect(await setting(alice, 'portcullis.subject')).toBe('alice')
      expect(await value(alice, "select portcullis.identity() ->> 'sub'")).toBe('alice')
    }
  })

  test('has empty settings for claims that the token does not have', async () => {
    const alice = await connectAs('alice', {}, { email: undefined })
    expect(await setting(alice, 'app.tenant')).toBe('')
    expect(await setting(alice, 'request.jwt.claims')).toBe('{"sub":"alice"}')
  })

  test('by a password has every setting, and each is empty', async () => {
    const client = await connectAs('alice', {
      host: '127.0.0.2',
      port: stack.gateway.portOf(1),
      password: stack.passwords['app_readonly'],
      ssl: { ca: stack.authority.certificate, checkServerIdentity: () => undefined },
    })
    for (const name of [
      ...['portcullis.subject', 'portcullis.session', 'portcullis.identity'],
      ...['request.jwt.claims', 'request.jwt.claim.sub', 'app.tenant'],
    ]) {
      expect(await setting(client, name)).toBe('')
    }
    expect(await value(client, 'select portcullis.identity()')).toBeNull()
    expect(await column(client, 'select body from letters')).toEqual([])
    expect(await column(client, 'select body from notes')).toEqual([])
  })
})

describe('the policy for applications', () => {
  test('shows the own rows, and lets own rows be written', async () => {
    const bob = await connectAs('bob')
    await bob.query("insert into notes (body) values ('another of bob')")
    expect(await column(bob, 'select body from notes order by 1')).toEqual([
      'another of bob',
      'of bob',
    ])
    await expect(bob.query("insert into notes values ('alice', 'forged')")).rejects.toThrow(
      'violates row-level security policy',
    )
  })

  test('is talked around by whoever writes SQL, as the page says', async () => {
    const bob = await connectAs('bob')
    await bob.query(`set request.jwt.claims = '{"sub": "alice"}'`)
    expect(await column(bob, 'select body from notes')).toEqual(['of alice'])
  })
})

describe('the policy by the signature', () => {
  test('shows the own rows, and lets own rows be written', async () => {
    const bob = await connectAs('bob')
    await bob.query("insert into letters (body) values ('another of bob')")
    expect(await column(bob, 'select body from letters order by 1')).toEqual([
      'another of bob',
      'of bob',
    ])
    await expect(bob.query("insert into letters values ('alice', 'forged')")).rejects.toThrow(
      'violates row-level security policy',
    )
  })

  test.each([
    ['nothing', () => ''],
    ['no signature', (own: string) => `${own.split('.').slice(0, 2).join('.')}.`],
    ['claims that were changed', (own: string) => changed(own, { sub: 'alice' })],
    ['a signature by another secret', (own: string) => signed(own, { sub: 'alice' }, 'another')],
    ['a signature that is longer', (own: string) => `${own}A`],
    ['what is no base64', () => '%.%.%'],
  ])('shows nothing with %s', async (_, forge) => {
    const bob = await connectAs('bob')
    const forged = forge(String(await setting(bob, 'portcullis.identity')))
    await bob.query(`set portcullis.identity = '${forged}'`)
    expect(await value(bob, 'select portcullis.identity()')).toBeNull()
    expect(await column(bob, 'select body from letters')).toEqual([])
  })

  test('believes what is signed, as it is signed here: what follows is no accident', async () => {
    const bob = await connectAs('bob')
    const own = String(await setting(bob, 'portcullis.identity'))
    await bob.query(`set portcullis.identity = '${signed(own, { sub: 'alice' })}'`)
    expect(await column(bob, 'select body from letters')).toEqual(['of alice'])
  })

  const now = Math.floor(Date.now() / 1_000)
  test.each([
    ['another role', { role: 'app_readwrite' }],
    ['no role', { role: undefined }],
    ['another database', { database: 'another' }],
    ['no end', { exp: undefined }],
    ['an end that is over', { exp: now - 1 }],
    ['another port', { connection: { address: '127.0.0.1', port: 1 } }],
    ['another address', { connection: { address: '127.0.0.9', port: 1 } }],
    ['no connection', { connection: undefined }],
    ['a time long before the session began', { iat: now - 120 }],
    ['no time', { iat: undefined }],
  ])('shows nothing with what is signed for %s', async (_, change) => {
    const bob = await connectAs('bob')
    const own = String(await setting(bob, 'portcullis.identity'))
    await bob.query(`set portcullis.identity = '${signed(own, change)}'`)
    expect(await value(bob, 'select portcullis.identity()')).toBeNull()
  })

  test('shows nothing with the identity of another session, while that is open and afterwards', async () => {
    const alice = await connectAs('alice')
    const bob = await connectAs('bob')
    const stolen = String(await setting(alice, 'portcullis.identity'))
    await bob.query(`set portcullis.identity = '${stolen}'`)
    expect(await column(bob, 'select body from letters')).toEqual([])
    await alice.end()
    expect(await column(bob, 'select body from letters')).toEqual([])
  })

  test('shows nothing in another database with the same secret', async () => {
    const alice = await connectAs('alice', { database: 'another' })
    expect(await column(alice, 'select body from letters')).toEqual(['of alice'])
    const stolen = String(await setting(await connectAs('alice'), 'portcullis.identity'))
    await alice.query(`set portcullis.identity = '${stolen}'`)
    expect(await column(alice, 'select body from letters')).toEqual([])
  })

  test('that is bound to the role is not taken for one of a connection', async () => {
    const alice = await connectAs('alice', { database: 'by_role' })
    const [, payload = ''] = String(await setting(alice, 'portcullis.identity')).split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).not.toHaveProperty(
      'connection',
    )
    expect(await column(alice, 'select body from letters')).toEqual([])
  })

  test('keeps its secret', async () => {
    const alice = await connectAs('alice')
    for (const sql of [
      'select * from portcullis.secrets',
      "select portcullis.hmac_sha256('', '')",
      'create function portcullis.trick() returns int language sql return 1',
    ]) {
      await expect(alice.query(sql)).rejects.toThrow('permission denied')
    }
    expect(stack.gateway.log()).not.toContain(secret)
  })

  test('is not changed by what a client puts in front of it', async () => {
    const alice = await connectAs('alice', { options: '-c search_path=public' })
    await alice.query('create temp table secrets (secret bytea)')
    await alice.query(`insert into secrets values ('mine')`)
    await alice.query(
      "create function pg_temp.sha256(bytea) returns bytea language sql return ''::bytea",
    )
    await alice.query('set search_path = pg_temp, public')
    await alice.query("set portcullis.identity = 'a.b.c'")
    expect(await column(alice, 'select body from public.letters')).toEqual([])
  })
})

describe('a client that connects', () => {
  async function refused(parameters: Record<string, string>): Promise<unknown> {
    const { port } = stack.gateway
    const client = await WireClient.connectSecurely(port, stack.authority.certificate)
    const request = { user: 'app_readonly', database: 'sandbox', ...parameters }
    const first = await client.logIn(request, await stack.token())
    client.destroy()
    return first.type === 'E' ? errorFields(first) : 'admitted'
  }

  test.each<[string, Record<string, string>]>([
    ['portcullis.subject', { 'portcullis.subject': 'bob' }],
    ['Portcullis.Subject', { 'Portcullis.Subject': 'bob' }],
    ['request.jwt.claims', { 'request.jwt.claims': '{}' }],
    ['app.tenant', { options: '-c app.tenant=o-2' }],
    ['PORTCULLIS.identity', { options: '-cPORTCULLIS.identity=x' }],
    ['request.jwt.claim.sub', { options: '--request.jwt.claim.sub=bob' }],
    ['request.jwt.claim.sub', { options: '-c re\\quest.jwt.claim.sub=bob' }],
  ])('cannot set %s: %j', async (name, parameters) => {
    expect(await refused(parameters)).toMatchObject({
      sqlstate: '55P02',
      message: `parameter "${name}" cannot be set by a client`,
    })
  })

  test('can set others', async () => {
    expect(await refused({ options: '-c my.setting=portcullis.x', 'app.other': '1' })).toBe(
      'admitted',
    )
  })
})

type Changes = Readonly<Record<string, unknown>>

function changed(own: string, changes: Changes): string {
  const [header, payload = '', signature] = own.split('.')
  const told = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
  const text = JSON.stringify({ ...told, ...changes })
  return [header, Buffer.from(text).toString('base64url'), signature].join('.')
}

function signed(own: string, changes: Changes, by = secret): string {
  const text = changed(own, changes).split('.').slice(0, 2).join('.')
  return `${text}.${createHmac('sha256', by).update(text).digest('base64url')}`
}
