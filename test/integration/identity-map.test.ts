// What the identity map opens at a real PostgreSQL, which alone knows who is a member of what.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPsql, psql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, type Received, WireClient } from '../support/wire-client.ts'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const hostileName = `o'; drop table orders; -- "\\ $1`
const roles = ['bob', 'ops', 'deep', 'stranger', 'mallory', 'chief', 'équipier', hostileName]
const password = 'the same for all'

let stack: Stack

/** The lines of the map, of which each principal has its own. */
function lines(issuer: string): string {
  return [
    'everybody all # whoever is asked for',
    String.raw`patterned "/^(bob|ops)$"`,
    'member +ops',
    'doubtful +nobody',
    'one-of-two +nobody',
    'one-of-two +ops',
    'accented \\\n  +équipe',
    `hostile +"${hostileName.replaceAll('"', '""')}"`,
    'named bob',
    '/^((a|a)*)*$ bob',
    '/^(a+)+$ bob',
    String.raw`/^(.*)@example\.com$ \1`,
  ]
    .map((line) => `${issuer} ${line}`)
    .join('\n')
}

beforeAll(async () => {
  stack = await Stack.start({
    settings: { log_statement: 'all' },
    configure: (config) => {
      const people = config.integrations['people']!
      config['identity_map'] = lines(String(people['issuer']))
      config.integrations['mapped'] = {
        ...people,
        default_group: undefined,
        groups_claim_mappings: {},
      }
      const sandbox = config.databases['sandbox']!['upstream'] as Record<string, unknown>
      const upstream = {
        ...sandbox,
        database: 'sandbox',
        auth: {
          method: 'password',
          passwords: Object.fromEntries(roles.map((role) => [role, password])),
        },
      }
      config.databases['mapped'] = { integrations: ['mapped'], upstream }
      config.databases['hurried'] = {
        integrations: ['mapped'],
        upstream: { ...upstream, connect_timeout: '700ms' },
      }
    },
  })
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
  await stack.postgres.sql(
    roles.map((role) => `create role ${quoted(role)} login password '${password}';`).join('\n'),
  )
  await stack.postgres.sql(`
    alter role chief superuser;
    create role middle;
    create role équipe;
    grant ops to bob;
    grant ops to middle with inherit false, set false;
    grant middle to deep with inherit false, set false;
    grant équipe to équipier;
    grant ${quoted(hostileName)} to deep;
    grant create on database sandbox to mallory;
  `)
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

interface Login {
  readonly principal: string
  readonly user: string
  readonly database?: string
  readonly settings?: Readonly<Record<string, string>>
}

/** What the client got of a login: the role that the session is, or the SQLSTATE. */
async function outcomeOf({
  principal,
  user,
  database = 'mapped',
  settings,
}: Login): Promise<string> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  try {
    const token = await stack.token({ sub: principal })
    const first = await client.logIn({ user, database, ...settings }, token)
    if (first.type === 'E') {
      await client.closed()
      return errorFields(first).sqlstate
    }
    await client.readUntil('Z')
    return (await rowOf(client, 'select session_user')) ?? 'nobody'
  } finally {
    client.destroy()
  }
}

async function rowOf(client: WireClient, sql: string): Promise<string | undefined> {
  client.query(sql)
  const row = await client.readUntil('D')
  await client.readUntil('Z')
  return row.body.toString('utf8', 6)
}

async function lastRefusal(): Promise<string | undefined> {
  const records = await stack.audit()
  return records.findLast(({ status }) => status === 'Failure')?.status_detail
}

const refused = '28000'

describe('all', () => {
  test.each(['bob', 'stranger', hostileName, 'équipier'])('opens the role %s', async (user) => {
    expect(await outcomeOf({ principal: 'everybody', user })).toBe(user)
  })

  test.each(['postgres', 'pg_monitor', 'chief'])('opens no reserved role: %s', async (user) => {
    expect(await outcomeOf({ principal: 'everybody', user })).toBe(refused)
    await until('the record', async () => (await lastRefusal()) === 'role-reserved')
  })

  test('gives a token-type user nothing', async () => {
    expect(await outcomeOf({ principal: 'everybody', user: 'id_token' })).toBe(refused)
    await until('the record', async () => (await lastRefusal()) === 'role-not-allowed')
  })

  // `is_superuser` of the greeting is about the role that the session acts as, and RESET ROLE would bring
  // the superuser back.
  test.each<[string, Readonly<Record<string, string>>]>([
    ['options', { options: '-c role=bob' }],
    ['escaped options', { options: String.raw`-c r\ole=bob` }],
    ['a parameter', { role: 'bob' }],
    ['a parameter in capitals', { ROLE: 'bob' }],
    ['another session user', { options: '-c session_authorization=bob' }],
  ])('opens no superuser that hides behind another role by %s', async (_, settings) => {
    expect(await outcomeOf({ principal: 'everybody', user: 'chief', settings })).toBe(refused)
  })

  test('opens no superuser that hides by a setting of the database', async () => {
    await stack.postgres.sql('alter database sandbox set role = bob')
    expect(await outcomeOf({ principal: 'everybody', user: 'chief' })).toBe(refused)
    await stack.postgres.sql('alter database sandbox reset role')
    await until('the record', async () => (await lastRefusal()) === 'role-reserved')
  })

  test('needs nothing of a name that a line fills in, but that it does not hide', async () => {
    const login = { principal: 'chief@example.com', user: 'chief' }
    expect(await outcomeOf(login)).toBe(refused)
    expect(await outcomeOf({ ...login, settings: { options: '-c role=bob' } })).toBe(refused)
    expect(await outcomeOf({ ...login, principal: 'all@example.com', user: 'bob' })).toBe(refused)
  })
})

describe('a line that names a role', () => {
  test.each([
    ['lets its principal be the role', 'named', 'bob', 'bob'],
    ['does not let it be what it is called', 'named', 'named', refused],
    ['does not let the role be the principal', 'bob', 'named', refused],
    ['does not let the role be itself', 'bob', 'bob', refused],
    ['lets nobody in whom no line matches', 'eve', 'app_readonly', refused],
  ])('%s', async (_, principal, user, outcome) => {
    expect(await outcomeOf({ principal, user })).toBe(outcome)
  })
})

describe('an expression for principals', () => {
  test('finds nothing inside of a longer name', async () => {
    const user = 'bob'
    expect(await outcomeOf({ principal: 'bob@example.com', user })).toBe('bob')
    for (const principal of ['bob@example.com.evil.org', 'bob@example.com ', 'bob@exampleXcom']) {
      expect(await outcomeOf({ principal, user })).toBe(refused)
    }
  })

  test('that is catastrophic elsewhere keeps nobody waiting', async () => {
    const principal = `${'a'.repeat(254)}!`
    const slow = Array.from({ length: 20 }, async () => outcomeOf({ principal, user: 'bob' }))
    const startedAt = performance.now()
    expect(await outcomeOf({ principal: 'named', user: 'bob' })).toBe('bob')
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    expect(new Set(await Promise.all(slow))).toEqual(new Set([refused]))
  })
})

describe('an expression for roles', () => {
  test('opens those that match, and no others', async () => {
    expect(await outcomeOf({ principal: 'patterned', user: 'ops' })).toBe('ops')
    expect(await outcomeOf({ principal: 'patterned', user: 'bob2' })).toBe(refused)
    expect(await outcomeOf({ principal: 'patterned', user: 'deep' })).toBe(refused)
  })
})

describe('+role', () => {
  test.each([
    ['a member', 'member', 'bob'],
    ['a member of a member, though nothing is inherited', 'member', 'deep'],
    ['the role itself', 'member', 'ops'],
    ['a member of one of several', 'one-of-two', 'bob'],
    ['a member of a role with an accent', 'accented', 'équipier'],
    ['a member of a role with a hostile name', 'hostile', 'deep'],
    ['a hostile name itself', 'hostile', hostileName],
  ])('opens %s', async (_, principal, user) => {
    expect(await outcomeOf({ principal, user })).toBe(user)
  })

  test.each([
    ['a role that is no member', 'member', 'stranger', 'role-not-allowed'],
    ['a member of another role', 'hostile', 'bob', 'role-not-allowed'],
    ['a member of a role that there is not', 'doubtful', 'bob', 'role-not-allowed'],
    ['a superuser, who is a member of nothing by itself', 'member', 'chief', 'role-reserved'],
  ])('does not open %s', async (_, principal, user, reason) => {
    expect(await outcomeOf({ principal, user })).toBe(refused)
    await until('the record', async () => (await lastRefusal()) === reason)
  })

  test('says which membership is missing in the log, and not to the client', async () => {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const token = await stack.token({ sub: 'member' })
    const first = await client.logIn({ user: 'stranger', database: 'mapped' }, token)
    const { severity, message, detail } = errorFields(first)
    expect({ severity, message, detail }).toEqual({
      severity: 'FATAL',
      message: 'identity "member" may not log in as user "stranger"',
      detail: undefined,
    })
    await client.closed()
    await until('the log', () =>
      stack.gateway.log().includes('membership: stranger is in none of ops'),
    )
  })

  test('is about now: a membership that is revoked is gone at the next login', async () => {
    await stack.postgres.sql('grant ops to stranger')
    expect(await outcomeOf({ principal: 'member', user: 'stranger' })).toBe('stranger')
    await stack.postgres.sql('revoke ops from stranger')
    expect(await outcomeOf({ principal: 'member', user: 'stranger' })).toBe(refused)
  })

  test.each([
    ['a setting of the client', undefined],
    ['a setting of its own role', 'alter role mallory set search_path = evil, pg_catalog'],
  ])('is not fooled by operators of another schema, by %s', async (_, statement) => {
    const asMallory = { database: 'sandbox', user: 'mallory', password }
    await stack.postgres.sql(
      `create schema if not exists evil;
       create or replace function evil.yes(oid, oid) returns boolean immutable return true;
       create or replace function evil.yes(text, text) returns boolean immutable return true;
       create or replace function evil.yes(name, text) returns boolean immutable return true;
       create or replace function evil.decode(text, text) returns bytea immutable
         return pg_catalog.decode('6d616c6c6f7279', 'hex');
       drop operator if exists evil.= (oid, oid), evil.= (text, text), evil.= (name, text);
       create operator evil.= (leftarg = oid, rightarg = oid, function = evil.yes);
       create operator evil.= (leftarg = text, rightarg = text, function = evil.yes);
       create operator evil.= (leftarg = name, rightarg = text, function = evil.yes);
       grant usage on schema evil to public;`,
      asMallory,
    )
    const options = '-c search_path=evil,pg_catalog'
    if (statement !== undefined) await stack.postgres.sql(statement, asMallory)
    const settings = statement === undefined ? { options } : {}
    const login = { user: 'mallory', settings }
    // The attack is one: what is not qualified is evil's.
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const parameters = { user: 'mallory', database: 'mapped', ...settings }
    await client.logIn(parameters, await stack.token({ sub: 'everybody' }))
    await client.readUntil('Z')
    expect(await rowOf(client, "select 'a'::text = 'b'::text")).toContain('t')
    client.destroy()
    expect(await outcomeOf({ ...login, principal: 'member' })).toBe(refused)
    await until('the record', async () => (await lastRefusal()) === 'role-not-allowed')
    await stack.postgres.sql('alter role mallory reset search_path')
  })

  test.each([
    ['another encoding', { client_encoding: 'LATIN1' }],
    ['a third encoding', { client_encoding: 'WIN1252' }],
    ['old strings', { options: '-c standard_conforming_strings=off -c backslash_quote=on' }],
    ['a chatty server', { options: '-c client_min_messages=debug5 -c debug_print_parse=on' }],
    ['a transaction that waits', { options: '-c default_transaction_isolation=serializable' }],
    ['a transaction that only reads', { options: '-c default_transaction_read_only=on' }],
  ])('is asked the same under settings of the client: %s', async (_, settings) => {
    expect(await outcomeOf({ principal: 'accented', user: 'équipier', settings })).toMatch(
      /quipier/,
    )
    expect(await outcomeOf({ principal: 'accented', user: 'bob', settings })).toBe(refused)
    expect(await outcomeOf({ principal: 'hostile', user: 'deep', settings })).toBe('deep')
  })

  test('is refused where PostgreSQL does not say', async () => {
    await stack.postgres.sql('revoke select on pg_auth_members from public', {
      database: 'sandbox',
    })
    expect(await outcomeOf({ principal: 'member', user: 'bob' })).toBe('08004')
    await stack.postgres.sql('grant select on pg_auth_members to public', { database: 'sandbox' })
    await until('the record', async () => (await lastRefusal()) === 'upstream-refused')
    await until('the log', () => stack.gateway.log().includes('asked about the role: 42501'))
    expect(await outcomeOf({ principal: 'member', user: 'bob' })).toBe('bob')
  })

  test('is refused at the deadline of the login where PostgreSQL does not answer', async () => {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const token = await stack.token({ sub: 'member' })
    const blocking = stack.postgres.sql(
      `begin; lock table pg_auth_members in access exclusive mode; select pg_sleep(3); rollback`,
      { database: 'sandbox' },
    )
    await until('the lock', async () => {
      const rows = await stack.postgres.sql(
        `select 1 from pg_locks where relation = 'pg_auth_members'::regclass
         and mode = 'AccessExclusiveLock' and granted`,
      )
      return rows.length > 0
    })
    const answer = await client.logIn({ user: 'bob', database: 'hurried' }, token)
    expect(errorFields(answer)).toMatchObject({ severity: 'FATAL', sqlstate: '08001' })
    await client.closed()
    await blocking
    expect(await lastRefusal()).toBe('upstream-timeout')
  })

  test('leaves a session as it is without it', async () => {
    const types = async (principal: string): Promise<readonly string[]> => {
      const client = await WireClient.connectSecurely(
        stack.gateway.port,
        stack.authority.certificate,
      )
      const token = await stack.token({ sub: principal })
      const received: Received[] = [await client.logIn({ user: 'bob', database: 'mapped' }, token)]
      while (received.at(-1)?.type !== 'Z') received.push(await client.read())
      expect(received.at(-1)?.body.toString()).toBe('I')
      const state = `select (select count(*) from pg_prepared_statements) || ' ' ||
        (select count(*) from pg_cursors) || ' ' || coalesce(pg_current_xact_id_if_assigned()::text, 'none')`
      expect(await rowOf(client, state)).toBe('0 0 none')
      client.destroy()
      return received.map(({ type, body }) => (type === 'S' ? `S ${body.toString()}` : type))
    }
    expect(await types('member')).toEqual(await types('named'))
  })

  test.runIf(hasPsql())('lets psql in, or tells it why not', async () => {
    const token = await stack.token({ sub: 'member' })
    const environment = { ...stack.environment(token), PGDATABASE: 'mapped' }
    const allowed = await psql({ ...environment, PGUSER: 'bob' }, 'select current_user')
    expect(allowed).toMatchObject({ code: 0, stdout: 'bob\n' })
    const denied = await psql({ ...environment, PGUSER: 'stranger' }, 'select 1')
    expect(denied.code).toBe(2)
    expect(denied.stderr).toContain('identity "member" may not log in as user "stranger"')
  })

  test('is left open by explain, which has no database', async () => {
    const token = await stack.token({ sub: 'member' })
    const run = async (user: string, ...more: readonly string[]): Promise<string> => {
      const args = ['explain', '--config', stack.gateway.configFile, '--database', 'mapped']
      const running = promisify(execFile)(process.execPath, [
        program,
        ...args,
        '--user',
        user,
        ...more,
        '-',
      ])
      running.child.stdin?.end(token)
      return running.then(
        ({ stdout }) => stdout,
        (error: unknown) => (error as { stdout: string }).stdout,
      )
    }
    const text = await run('stranger')
    expect(text).toMatch(/\? +membership +stranger in ops: known at the database alone/)
    expect(text).toContain('UNDECIDED: PostgreSQL decides whether "stranger" is a member')
    expect(await run('bob', '--offline')).toContain('And PostgreSQL decides whether "bob"')
    expect(JSON.parse(await run('bob', '-o', 'json'))).toMatchObject({
      outcome: 'undecided',
      role: 'bob',
    })
  })
})

test('no refusal left anything at PostgreSQL', async () => {
  await until('no backends', async () => (await stack.backends()) === 0)
})
