// Configurations as CockroachDB's users have them, under its own names: who gets in, and what is said to
// those who do not.
import { spawn } from 'node:child_process'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answers } from '../../demo/answers.ts'
import { Gateway } from '../../demo/gateway.ts'
import { generateSigningKey } from '../../demo/provider.ts'
import type { Explanation } from '../../src/cli/explanation.ts'
import { hasPsql, psql, type PsqlResult } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { type ErrorFields, errorFields, WireClient } from '../support/wire-client.ts'

type Json = Readonly<Record<string, unknown>>

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const okta = 'https://okta.example.com'
const google = 'https://accounts.google.com'
const robots = 'https://robots.example.com'
const clientId = 'your_okta_clientID'
const optIn = '--crdb:jwt_auth_enabled=true'

let stack: Stack
let key: Awaited<ReturnType<typeof generateSigningKey>>
let stranger: typeof key
let atGoogle: Gateway
let fetching: Gateway
let mapped: Gateway
let switchedOff: Gateway
let begun: Gateway

beforeAll(async () => {
  key = await generateSigningKey()
  stranger = await generateSigningKey()
  const { n, e, kid, kty } = key
  const jwk = { n, e, kid, kty }
  const jwks = JSON.stringify({ keys: [jwk] })
  stack = await Stack.start({
    configure: (config) => {
      const passwords = { morgan: 'morgan', roach: 'roach', alice: 'alice', root: 'root' }
      const { upstream } = config.databases['sandbox'] as { upstream: { auth: object } }
      upstream.auth = { method: 'password', passwords }
      config.databases = { sandbox: config.databases['sandbox']! }
      config.integrations = {}
      config.groups = { Readers: { role: 'morgan' } }
      config.connectivity_pools = {
        sso_pool: { ...config.connectivity_pools['sso_pool'], require_sso: false },
      }
      config['settings'] = {
        'server.jwt_authentication.enabled': 'on',
        'server.jwt_authentication.issuers': okta,
        'server.jwt_authentication.audience': clientId,
        'server.jwt_authentication.jwks': jwks,
        'server.identity_map.configuration': `${okta} okta-userid-from-admin-url morgan
${okta} somebody roach
${okta} somebody roach_two
${okta} nobody-there ghost
${okta} chief root`,
      }
    },
  })
  for (const role of ['morgan', 'roach', 'alice', 'root']) {
    await stack.postgres.sql(`create role ${role} login password '${role}'`)
  }
  atGoogle = await anotherGateway('google', {
    'server.jwt_authentication.enabled': true,
    // Either a key or a set of keys may be there.
    'server.jwt_authentication.jwks': JSON.stringify(jwk),
    'server.jwt_authentication.issuers': `${google}, ${robots}`,
    'server.jwt_authentication.audience': 'another-cluster,test_cluster',
    'server.identity_map.configuration': `${google} 1232316645658094244789 roach`,
  })
  const { issuer } = stack.provider
  const common = {
    'server.jwt_authentication.enabled': true,
    'server.jwt_authentication.audience': '["portcullis-cli"]',
    'server.jwt_authentication.jwks_auto_fetch.enabled': true,
    'server.jwt_authentication.issuers.custom_ca': '${file:ca.crt}',
    'server.jwt_authentication.authorization.enabled': true,
    'server.jwt_authentication.group_claim': 'roles',
    'server.jwt_authentication.userinfo_group_key': 'groups',
  }
  fetching = await anotherGateway('fetching', {
    ...common,
    'server.jwt_authentication.issuers.configuration': JSON.stringify([
      issuer,
      'https://localhost:1',
    ]),
  })
  mapped = await anotherGateway('mapped', {
    ...common,
    'server.jwt_authentication.issuers.configuration': JSON.stringify({
      issuer_jwks_map: { [issuer]: `${issuer}/jwks` },
    }),
  })
  switchedOff = await anotherGateway('off', {
    'server.jwt_authentication.enabled': 'off',
    'server.jwt_authentication.issuers': okta,
  })
  begun = await anotherGateway('begun', { 'server.jwt_authentication.enabled': 'on' })
})

afterAll(async () => {
  await Promise.all([atGoogle, fetching, mapped, switchedOff, begun].map(async (one) => one.stop()))
  await stack[Symbol.asyncDispose]()
})

async function anotherGateway(name: string, settings: object): Promise<Gateway> {
  const folder = join(stack.folder, name)
  await mkdir(folder)
  for (const file of ['ca.crt', 'server.crt', 'server.key']) {
    await copyFile(join(stack.folder, file), join(folder, file))
  }
  return Gateway.start({ folder, config: { ...stack.config, settings } })
}

/** A token of the user of the first set-up, with changes. */
async function oktaToken(changes: Json = {}, signer = key, header: Json = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    ...{ iss: okta, sub: 'okta-userid-from-admin-url', aud: clientId },
    ...{ iat: now, exp: now + 300, ...changes },
  }
  return stack.provider.sign(claims, { key: signer, header })
}

interface Login {
  readonly user?: string
  readonly gateway?: Gateway
  readonly options?: string
}

/** The role that a login becomes, or what the client reads instead. */
async function logIn(token: string, login: Login = {}): Promise<string | ErrorFields> {
  const { user = 'morgan', gateway = stack.gateway, options = optIn } = login
  const client = await WireClient.connectSecurely(gateway.port, stack.authority.certificate)
  const first = await client.logIn({ user, database: 'sandbox', options }, token)
  if (first.type === 'E') {
    await client.closed()
    return errorFields(first)
  }
  await client.readUntil('Z')
  client.query('select session_user')
  const { body } = await client.readUntil('D')
  client.destroy()
  return body.toString('utf8', 6)
}

async function refusalOf(token: string, login: Login = {}): Promise<ErrorFields> {
  const outcome = await logIn(token, login)
  if (typeof outcome === 'string') throw new Error(`logged in as ${outcome}`)
  expect(outcome.severity).toBe('FATAL')
  return outcome
}

describe.runIf(hasPsql())('psql with options=--crdb:jwt_auth_enabled=true', () => {
  const run = async (token: string, user: string, port: number): Promise<PsqlResult> =>
    psql(
      {
        ...stack.environment(token),
        ...{ PGUSER: user, PGPORT: String(port), PGOPTIONS: `${optIn} -c work_mem=5MB` },
      },
      "select session_user, current_setting('work_mem')",
    )

  test('is the user that the identity map of the Okta set-up names', async () => {
    const { stdout, stderr } = await run(await oktaToken(), 'morgan', stack.gateway.port)
    expect({ stdout, stderr }).toEqual({ stdout: 'morgan|5MB\n', stderr: '' })
  })

  test('is the user that the service account is mapped to', async () => {
    const token = await oktaToken({
      ...{ iss: google, sub: '1232316645658094244789', aud: 'test_cluster' },
    })
    const { stdout, stderr } = await run(token, 'roach', atGoogle.port)
    expect({ stdout, stderr }).toEqual({ stdout: 'roach|5MB\n', stderr: '' })
  })

  test('must ask for the user that is mapped to, and not for the subject', async () => {
    const token = await oktaToken({
      ...{ iss: google, sub: '1232316645658094244789', aud: 'test_cluster' },
    })
    const { code, stderr } = await run(token, '1232316645658094244789', atGoogle.port)
    expect(code).not.toBe(0)
    expect(stderr).toContain('JWT authentication: invalid principal')
    expect(stderr).toContain(
      'DETAIL:  token issued for [1232316645658094244789] and login was for 1232316645658094244789',
    )
  })

  test('would be refused by PostgreSQL itself, which never sees the option', async () => {
    const { stderr } = await psql({
      ...stack.environment('morgan'),
      ...{ PGUSER: 'morgan', PGPORT: String(stack.postgres.port), PGOPTIONS: optIn },
    })
    expect(stderr).toContain('crdb:jwt_auth_enabled')
    const shown = await psql(
      { ...stack.environment(await oktaToken()), PGUSER: 'morgan', PGOPTIONS: optIn },
      "select count(*) from pg_settings where name like 'crdb%'",
    )
    expect(shown.stdout).toBe('0\n')
  })
})

test('the connection string of the Okta set-up logs in, as it stands there', async () => {
  const host = `localhost:${stack.gateway.port}`
  const connectionString = `postgresql://morgan:${await oktaToken()}@${host}/sandbox?sslmode=verify-full&sslrootcert=${stack.caFile}&options=${optIn}`
  const client = new pg.Client({ connectionString, application_name: '$ docs_simplecrud_gopgx' })
  await client.connect()
  const { rows } = await client.query(
    "select session_user as name, current_setting('application_name') as application",
  )
  await client.end()
  expect(rows).toEqual([{ name: 'morgan', application: '$ docs_simplecrud_gopgx' }])
})

describe('a login', () => {
  test('needs no option: a password that is a token is one', async () => {
    expect(await logIn(await oktaToken(), { options: '' })).toBe('morgan')
  })

  test('without a user takes the only one that the token may be', async () => {
    expect(await logIn(await oktaToken(), { user: '' })).toBe('morgan')
  })

  test('without a user is refused where the token may be several', async () => {
    expect(await refusalOf(await oktaToken({ sub: 'somebody' }), { user: '' })).toMatchObject({
      sqlstate: '28000',
      message: 'JWT authentication: invalid principal',
      detail: 'token issued for [somebody] and login was for ',
    })
  })

  test('names its user in any case', async () => {
    expect(await logIn(await oktaToken(), { user: 'Morgan' })).toBe('morgan')
  })

  test('may be of the second of several issuers, for which nothing is mapped', async () => {
    const token = await oktaToken({ iss: robots, sub: 'Alice', aud: ['x', 'another-cluster'] })
    expect(await logIn(token, { user: 'alice', gateway: atGoogle })).toBe('alice')
  })

  test('by password goes on, for whoever does not opt in', async () => {
    expect(await logIn('roach', { user: 'roach', options: '' })).toBe('roach')
  })
})

describe('the refusal', () => {
  const now = Math.floor(Date.now() / 1000)

  test.each<[string, string, string | undefined, () => Promise<ErrorFields>]>([
    [
      'of everybody where it is not enabled',
      'JWT authentication: not enabled',
      undefined,
      async () => refusalOf(await oktaToken(), { gateway: switchedOff }),
    ],
    [
      'of what is no token',
      'JWT authentication: invalid token',
      'token parsing failed: invalid JWT',
      async () => refusalOf('morgan'),
    ],
    [
      'of another issuer',
      'JWT authentication: invalid issuer',
      'token issued by https://other.example.com',
      async () => refusalOf(await oktaToken({ iss: 'https://other.example.com' })),
    ],
    [
      'of an issuer with a slash too many',
      'JWT authentication: invalid issuer',
      `token issued by ${okta}/`,
      async () => refusalOf(await oktaToken({ iss: `${okta}/` })),
    ],
    [
      'where there are no keys to be had',
      'JWT authentication: unable to validate token',
      undefined,
      async () => refusalOf(await oktaToken({ iss: 'https://localhost:1' }), { gateway: fetching }),
    ],
    [
      'of an unknown key',
      'JWT authentication: invalid token',
      'unable to parse token: failed to find key with key ID "test2" in key set',
      async () => refusalOf(await oktaToken({}, stranger, { kid: 'test2' })),
    ],
    [
      'of a wrong signature',
      'JWT authentication: invalid token',
      'unable to parse token: could not verify message using any of the signatures or keys',
      async () => refusalOf(await oktaToken({}, stranger, { kid: key.kid })),
    ],
    [
      'of an expired token, without leeway',
      'JWT authentication: invalid token',
      'unable to parse token: "exp" not satisfied',
      async () => refusalOf(await oktaToken({ exp: now - 1 })),
    ],
    [
      'of a token without end',
      'JWT authentication: invalid token',
      'unable to parse token: "exp" not satisfied',
      async () => refusalOf(await oktaToken({ exp: undefined })),
    ],
    [
      'of a token that is not valid yet',
      'JWT authentication: invalid token',
      'unable to parse token: "nbf" not satisfied',
      async () => refusalOf(await oktaToken({ nbf: now + 600 })),
    ],
    [
      'of a token without the claim',
      'JWT authentication: missing claim',
      'token does not contain a claim for sub',
      async () => refusalOf(await oktaToken({ sub: undefined })),
    ],
    [
      'of a claim that is no name',
      'JWT authentication: invalid claim value',
      `the value a?b for the issuer ${okta} is invalid`,
      async () => refusalOf(await oktaToken({ sub: 'a\nb' })),
    ],
    [
      'of a subject that no line is about',
      'JWT authentication: invalid principal',
      `the value [stranger] for the issuer ${okta} is invalid`,
      async () => refusalOf(await oktaToken({ sub: 'stranger' })),
    ],
    [
      'of another user than the mapped one',
      'JWT authentication: invalid principal',
      'token issued for [okta-userid-from-admin-url] and login was for roach',
      async () => refusalOf(await oktaToken(), { user: 'roach' }),
    ],
    [
      'of a reserved user',
      'JWT authentication: invalid identity',
      'cannot use JWT auth to login to a reserved user root',
      async () => refusalOf(await oktaToken({ sub: 'chief' }), { user: 'root' }),
    ],
    [
      'of another audience',
      'JWT authentication: invalid audience',
      'token issued with an audience of [a b]',
      async () => refusalOf(await oktaToken({ aud: ['a', 'b'] })),
    ],
    [
      'of no audience at all',
      'JWT authentication: invalid audience',
      'token issued with an audience of []',
      async () => refusalOf(await oktaToken({ aud: undefined })),
    ],
  ])('%s is "%s"', async (_, message, detail, provoke) => {
    expect(await provoke()).toMatchObject({ sqlstate: '28000', message, detail })
  })

  test.each([
    ['of an empty password', async () => refusalOf('')],
    [
      'of a user who does not exist',
      async () => refusalOf(await oktaToken({ sub: 'nobody-there' }), { user: 'ghost' }),
    ],
  ])('%s is that of a wrong password', async (_, provoke) => {
    const { sqlstate, message, detail } = await provoke()
    expect(sqlstate).toBe('28P01')
    expect(message).toMatch(/^password authentication failed for user (morgan|ghost)$/)
    expect(detail).toBeUndefined()
  })

  test('of a password of a client that opted in is not asked of PostgreSQL', async () => {
    const { message } = await refusalOf('roach', { user: 'roach' })
    expect(message).toBe('JWT authentication: invalid token')
  })
})

describe('settings that come one after the other', () => {
  const given = (...names: readonly string[]): Json => {
    const all = stack.config['settings'] as Json
    return Object.fromEntries(
      ['enabled', ...names].map((name) => [
        `server.jwt_authentication.${name}`,
        all[`server.jwt_authentication.${name}`],
      ]),
    )
  }

  test.each<[string, readonly string[], string, string | undefined]>([
    ['any issuer', [], 'JWT authentication: invalid issuer', `token issued by ${okta}`],
    [
      'any issuer, with keys and an audience,',
      ['audience', 'jwks'],
      'JWT authentication: invalid issuer',
      `token issued by ${okta}`,
    ],
    [
      'any keys',
      ['issuers', 'audience'],
      'JWT authentication: unable to validate token',
      undefined,
    ],
    [
      'any audience',
      ['issuers', 'jwks'],
      'JWT authentication: invalid audience',
      `token issued with an audience of [${clientId}]`,
    ],
  ])('let nobody in without %s', async (_, names, message, detail) => {
    await begun.reload({ ...stack.config, settings: given(...names) })
    const login = { user: 'okta-userid-from-admin-url', gateway: begun }
    expect(await refusalOf(await oktaToken(), login)).toMatchObject({ message, detail })
  })

  test('let in nobody who says to be of the issuer that stands for none', async () => {
    await begun.reload({ ...stack.config, settings: given('audience', 'jwks') })
    for (const options of [optIn, '']) {
      const token = await oktaToken({ iss: 'https://issuer.invalid' })
      await refusalOf(token, { gateway: begun, options })
    }
  })

  test('let people in as soon as all of them are there', async () => {
    await begun.reload({ ...stack.config, settings: stack.config['settings'] })
    expect(await logIn(await oktaToken(), { gateway: begun })).toBe('morgan')
  })
})

describe('a token with the wrong audience', () => {
  test('gets nobody in, whatever else is right', async () => {
    for (const user of ['morgan', 'Morgan', '', 'roach', 'root', 'id_token']) {
      await refusalOf(await oktaToken({ aud: 'other' }), { user })
    }
  })

  test('is told that the user is wrong, if it is: the audience comes last', async () => {
    const refusal = await refusalOf(await oktaToken({ aud: 'other' }), { user: 'roach' })
    expect(refusal.message).toBe('JWT authentication: invalid principal')
  })

  test('is not sent to userinfo', async () => {
    const before = stack.provider.requestsFor('/me')
    const token = await stack.token({ aud: 'other', roles: undefined })
    const { message } = await refusalOf(token, { user: 'alice', gateway: fetching })
    expect(message).toBe('JWT authentication: invalid audience')
    expect(stack.provider.requestsFor('/me')).toBe(before)
  })

  test('does not learn which databases there are', async () => {
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const parameters = { user: 'morgan', database: 'nowhere', options: optIn }
    const refusal = errorFields(await client.logIn(parameters, await oktaToken({ aud: 'other' })))
    client.destroy()
    expect(refusal.message).toBe('JWT authentication: invalid audience')
  })
})

describe('with authorization', () => {
  const token = async (changes: Json = {}): Promise<string> => stack.token(changes)

  test('a group of the token is the group of that name, but for case', async () => {
    const its = await token({ roles: 'writers, READERS' })
    expect(await logIn(its, { user: 'morgan', gateway: fetching })).toBe('morgan')
    expect(await logIn(its, { user: 'alice', gateway: fetching })).toBe('alice')
  })

  test('a group that there is not is skipped', async () => {
    const its = await token({ roles: ['writers'] })
    expect(await logIn(its, { user: 'alice', gateway: fetching })).toBe('alice')
    expect(await refusalOf(its, { user: 'morgan', gateway: fetching })).toMatchObject({
      message: 'JWT authentication: invalid principal',
      detail: 'token issued for [alice] and login was for morgan',
    })
  })

  test('a token that lists no group is refused', async () => {
    const refusal = await refusalOf(await token({ roles: [] }), {
      ...{ user: 'alice', gateway: fetching },
    })
    expect(refusal).toMatchObject({
      ...{ sqlstate: '28000', message: 'JWT authorization: empty group list', detail: undefined },
    })
  })

  test('groups that the token does not tell are those of userinfo', async () => {
    const undo = stack.provider.intercept('/me', answers.json({ sub: 'alice', groups: 'readers' }))
    try {
      expect(await logIn(await token(), { user: 'morgan', gateway: fetching })).toBe('morgan')
    } finally {
      undo()
    }
  })

  test('a userinfo that is silent about groups lists none', async () => {
    const undo = stack.provider.intercept('/me', answers.json({ sub: 'alice' }))
    try {
      const { message } = await refusalOf(await token({ jti: '1' }), {
        ...{ user: 'alice', gateway: fetching },
      })
      expect(message).toBe('JWT authorization: empty group list')
    } finally {
      undo()
    }
  })

  test.each([
    ['alice', 'JWT authorization: userinfo lookup failed'],
    ['morgan', 'JWT authorization: userinfo lookup failed'],
    ['roach', 'JWT authentication: invalid principal'],
  ])('a userinfo that fails tells %s: %s', async (user, message) => {
    const undo = stack.provider.intercept('/me', answers.status(500))
    try {
      const refusal = await refusalOf(await token({ jti: '2' }), { user, gateway: fetching })
      expect(refusal).toMatchObject({ sqlstate: '28000', message })
    } finally {
      undo()
    }
  })

  test('an issuer whose discovery document is not read has no userinfo', async () => {
    const refusal = await refusalOf(await token(), { user: 'alice', gateway: mapped })
    expect(refusal).toMatchObject({
      ...{ sqlstate: '28000', message: 'JWT authorization: No userinfo endpoint' },
    })
  })

  test('the keys of an issuer come from the address of the map', async () => {
    const its = await token({ roles: ['readers'] })
    expect(await logIn(its, { user: 'alice', gateway: mapped })).toBe('alice')
  })
})

describe('portcullis explain', () => {
  const explain = async (token: string, user: string): Promise<Explanation> => {
    const args = ['--user', user, '--database', 'sandbox', '--options', optIn, '-o', 'json']
    const child = spawn(
      process.execPath,
      [program, 'explain', '--config', stack.gateway.configFile, ...args],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    child.stdin.end(token)
    return JSON.parse(await text(child.stdout)) as Explanation
  }

  test('says that the mapped user gets in', async () => {
    const { outcome, integration, role } = await explain(await oktaToken(), 'morgan')
    expect({ outcome, integration, role }).toEqual({
      ...{ outcome: 'granted', integration: 'cockroachdb', role: 'morgan' },
    })
  })

  test.each([
    ['morgan', 'token-audience'],
    ['roach', 'role-not-allowed'],
  ] as const)('tells %s what a client reads of a wrong audience', async (user, reason) => {
    const token = await oktaToken({ aud: 'other' })
    const { refusal, steps, role } = await explain(token, user)
    const { sqlstate, message, detail } = await refusalOf(token, { user })
    expect(refusal).toMatchObject({ reason, sqlstate, message, detail })
    expect(role).toBeNull()
    expect(steps.filter(({ passed }) => passed === false).map(({ check }) => check)).toEqual(
      user === 'morgan' ? ['audience'] : ['audience', 'role'],
    )
  })
})

test('lists with commas are read, and noticed', async () => {
  await expect.poll(() => atGoogle.log()).toContain('is read as a list with commas')
  expect(stack.gateway.log()).not.toContain('is read as a list with commas')
})
