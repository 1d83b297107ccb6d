// libpq 18, which comes with the PostgreSQL of the tests: OAUTHBEARER and protocol 3.2 as its users have them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPython, libpq as connect, type LibpqAnswer } from '../support/libpq.ts'
import { Stack } from '../support/stack.ts'

describe.skipIf(!hasPython())('libpq 18', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await Stack.start({
      configure: (config) => {
        const { sso_pool: pool } = config.connectivity_pools
        pool!['auth_methods'] = ['oauthbearer', 'cleartext']
        pool!['sso_integration'] = 'people'
        config.integrations['people']!['additional_scopes'] = ['email', 'groups']
      },
    })
  })

  afterAll(async () => {
    await stack[Symbol.asyncDispose]()
  })

  async function libpq(
    settings: Readonly<Record<string, string>>,
    options: Parameters<typeof connect>[1] = {},
  ): Promise<LibpqAnswer> {
    const gate = {
      host: 'localhost',
      port: String(stack.gateway.port),
      dbname: 'sandbox',
      user: 'app_readonly',
      sslmode: 'verify-full',
      sslrootcert: stack.caFile,
      connect_timeout: '10',
    }
    return connect({ ...gate, ...settings }, options)
  }

  test('finds out where tokens are to be had, and logs in with one', async () => {
    const before = await stack.metric('portcullis_logins_total', { outcome: 'refused' })
    const answer = await libpq(
      {
        oauth_issuer: stack.provider.issuer,
        oauth_client_id: 'portcullis-cli',
        require_auth: 'oauth',
      },
      { bearer: await stack.token(), statements: ['select current_user'] },
    )
    expect(answer).toMatchObject({
      ok: true,
      asked: [
        {
          openid_configuration: `${stack.provider.issuer}/.well-known/openid-configuration`,
          scope: 'openid email groups',
        },
      ],
      results: [{ value: 'app_readonly' }],
    })
    expect(await stack.metric('portcullis_logins_total', { outcome: 'refused' })).toBe(before)
    expect(await stack.metric('portcullis_logins_total', { outcome: 'discovered' })).toBe(1)
  })

  test('shows why a token does not do', async () => {
    const answer = await libpq(
      { oauth_issuer: stack.provider.issuer, oauth_client_id: 'portcullis-cli' },
      { bearer: await stack.token({ aud: 'others' }) },
    )
    expect(answer.ok).toBe(false)
    expect(answer.error).toContain('OAuth bearer authentication failed for user "app_readonly"')
    expect(answer.error).toContain('The token was issued for an alternate audience: "others".')
  })

  test('speaks protocol 3.2 and cancels with a long key', async () => {
    const answer = await libpq(
      {
        max_protocol_version: 'latest',
        options: '-c auth_method=cleartext',
        password: await stack.token(),
      },
      { statements: ['cancel:select pg_sleep(30)', 'select 1'] },
    )
    expect(answer).toMatchObject({
      ok: true,
      protocol: 30_002,
      results: [{ sqlstate: '57014' }, { sqlstate: '', value: '1' }],
    })
  })

  test('begins with TLS where it is told to, and cancels like that too', async () => {
    const answer = await libpq(
      {
        sslnegotiation: 'direct',
        options: '-c auth_method=cleartext',
        password: await stack.token(),
      },
      { statements: ['cancel:select pg_sleep(30)', 'select ssl from pg_stat_ssl limit 1'] },
    )
    expect(answer).toMatchObject({ ok: true, results: [{ sqlstate: '57014' }, { sqlstate: '' }] })
  })

  test('speaks protocol 3.0 where it is told to', async () => {
    const answer = await libpq(
      {
        max_protocol_version: '3.0',
        options: '-c auth_method=cleartext',
        password: await stack.token(),
      },
      { statements: ['cancel:select pg_sleep(30)'] },
    )
    expect(answer).toMatchObject({ ok: true, protocol: 30_000, results: [{ sqlstate: '57014' }] })
  })
})
