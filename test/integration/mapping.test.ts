// Who somebody is at the database, from end to end: claims, groups, reserved roles, hostile names.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { hasPsql, psql } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { type ErrorFields, errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack

const password = 'the same for all'
const ownRoles = ['anna', 'berta', 'fired', 'boss', `x"y'z`]

beforeAll(async () => {
  stack = await Stack.start({
    settings: { log_statement: 'all' },
    configure: (config) => {
      const people = config.integrations['people']!
      const sandbox = config.databases['sandbox']!['upstream'] as Record<string, unknown>
      config.integrations['listed'] = {
        ...people,
        principal_claim: 'logins',
        map_principal: true,
        default_group: undefined,
        groups_claim_mappings: {},
      }
      config.databases['listed'] = {
        integrations: ['listed'],
        upstream: {
          ...sandbox,
          database: 'sandbox',
          auth: {
            method: 'password',
            passwords: Object.fromEntries(
              [...ownRoles, 'postgres'].map((role) => [role, password]),
            ),
          },
        },
      }
    },
  })
  for (const role of ownRoles) {
    await stack.postgres.sql(
      `create role "${role.replaceAll('"', '""')}" login password '${password}'`,
    )
  }
  await stack.postgres.sql('alter role boss superuser')
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

type Claims = Readonly<Record<string, unknown>>

async function logIn(
  claims: Claims,
  parameters: Readonly<Record<string, string>>,
): Promise<ErrorFields | 'admitted'> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const answer = await client.logIn(parameters, await stack.token(claims))
  if (answer.type === 'E') await client.closed()
  client.destroy()
  return answer.type === 'E' ? errorFields(answer) : 'admitted'
}

async function asUser(user: string, claims: Claims): Promise<string> {
  const outcome = await logIn(claims, { user, database: 'listed' })
  return outcome === 'admitted' ? outcome : outcome.sqlstate
}

async function refusals(): Promise<readonly (string | undefined)[]> {
  const records = await stack.audit()
  return records.filter((one) => one.status === 'Failure').map((one) => one.status_detail)
}

describe('a user that the principal is not mapped to', () => {
  test('is told who the token is of and whom the login was for', async () => {
    expect(await logIn({}, { user: 'somebody', database: 'sandbox' })).toMatchObject({
      severity: 'FATAL',
      sqlstate: '28000',
      message: 'identity "alice" may not log in as user "somebody"',
      detail: expect.stringMatching(/^The token names the principal "alice"/) as unknown,
    })
  })

  test.runIf(hasPsql())('reads it in psql', async () => {
    const environment = { ...stack.environment(await stack.token()), PGUSER: 'somebody' }
    const { code, stderr } = await psql(environment, 'select 1')
    expect(code).toBe(2)
    expect(stderr).toContain('FATAL:  identity "alice" may not log in as user "somebody"')
    expect(stderr).toMatch(/^HINT: {2}Connect as "\w+"/m)
  })
})

describe('a claim with several principals', () => {
  const logins = ['anna', 'berta']

  test.each(logins)('lets its holder be %s', async (user) => {
    expect(await asUser(user, { logins })).toBe('admitted')
  })

  test('lets its holder be nobody else, and nobody without a user', async () => {
    expect(await asUser('fired', { logins })).toBe('28000')
    expect(await asUser('id_token', { logins })).toBe('28000')
    await until('the records', async () => (await refusals()).at(-1) === 'role-not-allowed')
  })

  test('needs no user where it has only one', async () => {
    expect(await asUser('id_token', { logins: ['anna'] })).toBe('admitted')
    expect(await asUser('id_token', { logins: 'anna' })).toBe('admitted')
  })
})

describe('a reserved role', () => {
  test.each([
    ['postgres', '28000'],
    ['pg_monitor', '28000'],
    ['boss', '28000'],
  ])('%s is refused though the principal is mapped to it', async (user, sqlstate) => {
    expect(await asUser(user, { logins: [user] })).toBe(sqlstate)
    expect(await asUser('id_token', { logins: [user] })).toBe(sqlstate)
    await until('the record', async () => (await refusals()).at(-1) === 'role-reserved')
  })
})

describe('a group', () => {
  const asWriter = { user: 'app_readwrite', database: 'sandbox' }

  test.each([[['readwrite-role']], ['readwrite-role'], ['other , readwrite-role']])(
    'of the claim %j opens its role',
    async (groups) => {
      expect(await logIn({ [groupsClaim]: groups }, asWriter)).toBe('admitted')
    },
  )

  test('that is taken away at the provider is gone at the next login', async () => {
    expect(await logIn({ [groupsClaim]: ['readwrite-role'] }, asWriter)).toBe('admitted')
    for (const groups of [[], ['engineering'], ['READWRITE-ROLE'], undefined]) {
      expect(await logIn({ [groupsClaim]: groups }, asWriter)).toMatchObject({
        sqlstate: '28000',
        message: 'identity "alice" may not log in as user "app_readwrite"',
      })
    }
    const reader = { user: 'app_readonly', database: 'sandbox' }
    expect(await logIn({ [groupsClaim]: [] }, reader)).toBe('admitted')
  })
})

describe('a role that is dropped after the token was issued', () => {
  test('is a FATAL at once, of the same token, and leaves nothing behind', async () => {
    const claims = { logins: ['fired'], jti: 'the same' }
    expect(await asUser('fired', claims)).toBe('admitted')
    await until('no backend', async () => (await stack.backends()) === 0)
    await stack.postgres.sql('drop role fired')
    const startedAt = performance.now()
    expect(await logIn(claims, { user: 'fired', database: 'listed' })).toMatchObject({
      severity: 'FATAL',
      sqlstate: '08001',
      message: 'could not connect to the database',
    })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    await until('the record', async () => (await refusals()).at(-1) === 'upstream-authentication')
    await until('no backend', async () => (await stack.backends()) === 0)
  })
})

describe('hostile names', () => {
  const forged = '"}\n{"level":"info","msg":"session admitted","user":"root"}'
  const hostile = [
    `a";drop table orders;--`,
    `'; drop table orders; --`,
    '\\',
    '\\"',
    forged,
    `\r\n${forged}\r\n`,
    '\u2028\u2029\u0085\u202e\u001b[2J',
    '%s %n ${x} {{x}}',
    'x'.repeat(60),
  ]

  /** Every line of the log and of the audit trail, which is read as JSON or the test fails. */
  async function linesOf(): Promise<{ log: Claims[]; audit: Claims[] }> {
    const parse = (text: string): Claims[] =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Claims)
    return {
      log: parse(stack.gateway.log()),
      audit: parse(await readFile(join(stack.folder, 'audit.jsonl'), 'utf8')),
    }
  }

  test.each(hostile)('stay one line for each record, and what they are: %j', async (name) => {
    const before = await linesOf()
    // No principal has control characters, which is refused before anybody is who.
    const sub = /\p{Cc}/u.test(name) ? 'eve' : name
    const claims = { sub, [groupsClaim]: [name], email: `${name}@example.com` }
    const parameters = { user: name, database: name, application_name: name }
    expect(await logIn(claims, parameters)).toMatchObject({ sqlstate: '28000' })
    const records = async (): Promise<Claims[]> =>
      (await linesOf()).audit.slice(before.audit.length)
    await until('the record', async () => (await records()).length > 0)
    const [record, ...more] = await records()
    expect(more).toEqual([])
    expect(record).toMatchObject({
      status: 'Failure',
      user: { uid: sub },
      unmapped: {
        portcullis: {
          subject: sub,
          requested_user: name,
          database: name,
          application_name: name,
          reason: 'role-not-allowed',
        },
      },
    })
    const added = (await linesOf()).log.slice(before.log.length)
    expect(added.filter(({ msg }) => msg === 'session admitted')).toEqual([])
    expect(added.filter((line) => JSON.stringify(line).includes('role-not-allowed'))).toHaveLength(
      1,
    )
  })

  test.each([forged, 'a\nb', 'a\u0000', '\u001b[2J', '\u0085'])(
    'that hold control characters are no principal: %j',
    async (sub) => {
      const answer = await logIn({ sub }, { user: 'app_readonly', database: 'sandbox' })
      expect(answer).toMatchObject({ sqlstate: '28P01' })
      await until('the record', async () => (await refusals()).at(-1) === 'token-claim')
      await linesOf()
    },
  )

  test.each(hostile)('before a token is verified do no more: %j', async (name) => {
    const before = await linesOf()
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const parameters = { user: name, database: name, application_name: name }
    const answer = await client.logIn(parameters, 'eyJhbGciOiJSUzI1NiJ9.bm90.anNvbg')
    expect(errorFields(answer).sqlstate).toBe('28P01')
    // One line of printable text, whatever was asked for.
    expect(errorFields(answer).message).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u)
    await client.closed()
    await until('the record', async () => (await linesOf()).audit.length > before.audit.length)
    expect((await linesOf()).audit.length).toBe(before.audit.length + 1)
  })

  test('of a role and an application reach PostgreSQL as they are, and no statement', async () => {
    const role = `x"y'z`
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const token = await stack.token({ logins: [role] })
    const name = `a';drop table orders;--`
    await client.logIn({ user: role, database: 'listed', application_name: name }, token)
    await client.readUntil('Z')
    client.query("select session_user || ' ' || current_setting('application_name')")
    const row = await client.readUntil('D')
    expect(row.body.toString('utf8', 6)).toBe(`${role} ${name}`)
    client.destroy()
    const rows = await stack.postgres.sql('select count(*)::int as n from orders', {
      database: 'sandbox',
    })
    expect(rows[0]?.['n']).toBe(4)
  })
})
