// The settings of CockroachDB's guides, one after the other as they stand in test/seeds/cockroachdb.sql, by psql;
// a login with options=--crdb:jwt_auth_enabled=true after each of them.
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateSigningKey } from '../../demo/provider.ts'
import { parseStatements } from '../../src/admin/grammar/parse.ts'
import { hasPsql, psql, type PsqlResult } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'

const seed = new URL('../seeds/cockroachdb.sql', import.meta.url)
const okta = 'https://okta.example.com'
const secret = 'known to the operator'

let stack: Stack
let key: Awaited<ReturnType<typeof generateSigningKey>>
let token: string

beforeAll(async () => {
  key = await generateSigningKey()
  stack = await Stack.start({
    hba: 'local all all trust\nhostssl all all all trust',
    configure: (config) => {
      const { upstream } = config.databases['sandbox'] as { upstream: object }
      config.databases = { sandbox: { upstream: { ...upstream, auth: { method: 'trust' } } } }
      config.integrations = {}
      config.groups = {}
      config['console'] = { users: { root: { secret, right: 'admin' } } }
      config.connectivity_pools = {
        public: { ...config.connectivity_pools['sso_pool'], require_sso: false },
      }
    },
  })
  await stack.postgres.sql('create role morgan login')
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: 'okta-userid-from-admin-url', aud: 'your_okta_clientID' }
  token = await stack.provider.sign({ ...claims, iss: okta, iat: now, exp: now + 600 }, { key })
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function atConsole(...statements: readonly string[]): Promise<PsqlResult> {
  return psql({ ...stack.environment(secret), PGUSER: 'root', PGDATABASE: 'system' }, ...statements)
}

async function logIn(): Promise<PsqlResult> {
  const settings = { PGUSER: 'morgan', PGOPTIONS: '--crdb:jwt_auth_enabled=true' }
  return psql({ ...stack.environment(token), ...settings }, 'select session_user')
}

/** The five statements, in their order. */
async function statements(): Promise<readonly string[]> {
  const text = await readFile(seed, 'utf8')
  return parseStatements(text).map(({ position }) => text.slice(position - 1).split('\n')[0] ?? '')
}

describe.skipIf(!hasPsql())('the settings', () => {
  test('are taken as they stand, and let nobody in before they are complete', async () => {
    const [enabled = '', issuers = '', audience = ''] = await statements()
    for (const statement of [enabled, issuers, audience]) {
      const { stdout, stderr } = await atConsole(statement)
      expect(stdout).toBe('SET CLUSTER SETTING\n')
      // What is missing is told when it changes.
      if (statement !== issuers) expect(stderr).toContain('lets nobody in yet: it needs')
      expect((await logIn()).stderr).toContain('JWT authentication: invalid issuer')
    }
  })

  test('are refused in the words of CockroachDB', async () => {
    const [, , , jwks = ''] = await statements()
    const { code, stderr } = await atConsole(jwks)
    expect(code).not.toBe(0)
    expect(stderr).toContain('JWT authentication JWKS not a valid JWKS')
  })

  test('let people in once they are complete', async () => {
    const [, issuers = '', , jwks = '', map = ''] = await statements()
    const { n, e, kid, kty } = key
    const keys = JSON.stringify({ keys: [{ n, e, kid, kty }] })
    for (const statement of [
      issuers.replace("''", `'${okta}'`),
      jwks.replace(' response string', keys),
      map.replace("' okta", `'${okta} okta`),
    ]) {
      expect(await atConsole(statement)).toMatchObject({ code: 0, stdout: 'SET CLUSTER SETTING\n' })
    }
    expect(await logIn()).toEqual({ code: 0, stdout: 'morgan\n', stderr: '' })
  })

  test('are shown', async () => {
    const one = await atConsole('SHOW CLUSTER SETTING server.jwt_authentication.issuers')
    expect(one.stdout).toBe(`${okta}\n`)
    const all = await atConsole('SHOW ALL CLUSTER SETTINGS')
    expect(all.stdout).toContain('server.jwt_authentication.enabled|true|b|t|')
  })

  test('refuse people as soon as they are reset', async () => {
    await atConsole('SET CLUSTER SETTING server.jwt_authentication.enabled = off')
    expect((await logIn()).stderr).toContain('JWT authentication: not enabled')
  })
})
