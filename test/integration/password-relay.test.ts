// Passwords that are relayed, with PostgreSQL and stock clients at the ends: in is who knows the password,
// and Portcullis never does.
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPsql, psql } from '../support/psql.ts'
import { Recorder } from '../support/recorder.ts'
import { type AuditRecord, Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { cancelRequest, WireClient } from '../support/wire-client.ts'

const password = 'correct horse battery staple'
const roles = ['oncall', 'chief', 'asked_plainly', 'let_in']

let stack: Stack
let ca: string
/** Between the client and Portcullis, and between Portcullis and PostgreSQL, both without TLS. */
let near: Recorder
let far: Recorder

beforeAll(async () => {
  far = await Recorder.start()
  near = await Recorder.start('127.0.0.3')
  stack = await Stack.start({
    hba: [
      'host all asked_plainly 127.0.0.1/32 password',
      'host all let_in 127.0.0.1/32 trust',
      'host all all 127.0.0.1/32 scram-sha-256',
    ].join('\n'),
    configure: (config) => {
      const upstream = config.databases['sandbox']!['upstream'] as Record<string, unknown>
      const plain = { host: '127.0.0.1', port: far.port, tls: 'disable', ca: undefined }
      config.databases['plain'] = { upstream: { ...upstream, ...plain, database: 'sandbox' } }
      // Wrong passwords are many here, one soon after the other.
      config.limits = { throttle: [] }
      const methods = ['scram-sha-256', 'cleartext']
      config.connectivity_pools = {
        sso_pool: {
          ...config.connectivity_pools['sso_pool'],
          auth_methods: methods,
          password_users: ['oncall'],
        },
        open_pool: {
          auth_methods: methods,
          participants: [{ node: 'gw0', listen_address: '127.0.0.2', listen_port: 0 }],
        },
        near_pool: {
          auth_methods: ['scram-sha-256'],
          participants: [
            { node: 'gw0', listen_address: '127.0.0.3', listen_port: 0, allow_cleartext: true },
          ],
        },
      }
    },
  })
  for (const role of roles) {
    const superuser = role === 'chief' ? 'superuser' : ''
    await stack.postgres.sql(`create role ${role} login ${superuser} password '${password}'`)
  }
  far.target = stack.postgres.port
  near.target = stack.gateway.portOf(2)
  ca = await readFile(stack.caFile, 'utf8')
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
  await Promise.all([near[Symbol.asyncDispose](), far[Symbol.asyncDispose]()])
})

/** The last record of a login of this user, once there is one. */
async function record(user: string, count = 1): Promise<AuditRecord> {
  const found = async (): Promise<readonly AuditRecord[]> =>
    (await stack.audit()).filter(
      ({ activity_id: activity, unmapped: { portcullis } }) =>
        activity === 1 && portcullis['requested_user'] === user,
    )
  await until('the audit record', async () => (await found()).length >= count)
  return (await found()).at(-1)!
}

async function gatewayLog(): Promise<string> {
  return JSON.stringify([await stack.audit(), stack.gateway.log()])
}

function client(user: string, secret: string, more: pg.ClientConfig = {}): pg.Client {
  return new pg.Client({
    ...{ host: 'localhost', port: stack.gateway.port, database: 'sandbox', user, password: secret },
    ssl: { ca },
    ...more,
  })
}

describe('node-postgres', () => {
  test('logs a break-glass user in with no option at all, and the audit says so', async () => {
    const oncall = client('oncall', password)
    await oncall.connect()
    const { rows } = await oncall.query('select session_user')
    expect(rows).toEqual([{ session_user: 'oncall' }])
    await oncall.end()
    expect(await record('oncall')).toMatchObject({
      status: 'Success',
      severity: 'Medium',
      unmapped: {
        portcullis: {
          credential: 'password',
          password_travelled: 'relayed',
          break_glass: true,
          auth_method: 'scram-sha-256',
          role: 'oncall',
        },
      },
    })
  })

  test('logs everybody else in with a token there, with no option either', async () => {
    const alice = client('app_readonly', await stack.token())
    await alice.connect()
    const { rows } = await alice.query('select session_user')
    expect(rows).toEqual([{ session_user: 'app_readonly' }])
    await alice.end()
  })

  test('has its statement cancelled', async () => {
    const oncall = client('oncall', password)
    await oncall.connect()
    const slow = expect(oncall.query('select pg_sleep(60)')).rejects.toMatchObject({
      code: '57014',
    })
    await until('the statement', async () => (await stack.activeStatements()) === 1)
    const { processID, secretKey } = oncall as unknown as { processID: number; secretKey: number }
    const secret = Buffer.alloc(4)
    secret.writeInt32BE(secretKey)
    const canceller = await WireClient.connect(stack.gateway.port)
    canceller.send(cancelRequest(processID, secret))
    expect(await canceller.closed()).toHaveLength(0)
    await slow
    await oncall.end()
  })

  test('is told of a wrong password as by PostgreSQL, and the audit has the reason', async () => {
    const stranger = client('oncall', 'incorrect')
    await expect(stranger.connect()).rejects.toMatchObject({
      code: '28P01',
      message: 'password authentication failed for user "oncall"',
      hint: expect.stringContaining('auth_method=cleartext') as string,
    })
    await until('the refusal', async () =>
      (await stack.audit()).some(({ status_detail: detail }) => detail === 'wrong-password'),
    )
    expect(await stack.metric('portcullis_logins_total', { reason: 'wrong-password' })).toBe(1)
  })

  test('learns nothing of who there is: an unknown user is a wrong password', async () => {
    const port = stack.gateway.portOf(1)
    const nobody = client('nobody_at_all', password, {
      host: '127.0.0.2',
      port,
      ssl: { ca, host: 'localhost' },
    })
    await expect(nobody.connect()).rejects.toMatchObject({
      code: '28P01',
      message: 'password authentication failed for user "nobody_at_all"',
    })
  })

  test.each([
    ['asks for the password itself', 'asked_plainly'],
    ['lets in without a password', 'let_in'],
  ])('is not let in where PostgreSQL %s', async (_, user) => {
    const port = stack.gateway.portOf(1)
    const one = client(user, password, { host: '127.0.0.2', port, ssl: { ca, host: 'localhost' } })
    await expect(one.connect()).rejects.toMatchObject({ code: '08001' })
    expect(await record(user)).toMatchObject({ status_detail: 'upstream-authentication' })
  })
})

describe.runIf(hasPsql())('psql', () => {
  const environment = (user: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
    ...stack.environment(password),
    PGUSER: user,
    ...more,
  })
  /** Behind the recorders, without TLS, as only loopback may. */
  const recorded = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv =>
    environment('app_readonly', {
      PGHOST: '127.0.0.1',
      PGPORT: String(near.port),
      PGDATABASE: 'plain',
      PGSSLMODE: 'disable',
      PGPASSWORD: stack.passwords['app_readonly'],
      ...more,
    })

  test('logs in without channel binding', async () => {
    const run = environment('oncall', { PGCHANNELBINDING: 'disable' })
    expect((await psql(run, 'select session_user')).stdout).toBe('oncall\n')
  })

  test('is told what to do when it supports channel binding and says so', async () => {
    const { code, stderr } = await psql(environment('oncall'), 'select 1')
    expect(code).not.toBe(0)
    expect(stderr).toContain('channel binding is not available through this gateway')
    expect(stderr).toContain('channel_binding=disable')
  })

  test('refuses by itself when it requires channel binding', async () => {
    const run = environment('oncall', { PGCHANNELBINDING: 'require' })
    const { stderr } = await psql(run, 'select 1')
    expect(stderr).toMatch(/channel binding (?:is )?required/)
  })

  test('needs no option before a PostgreSQL without TLS, to which nobody can be bound', async () => {
    const { code, stdout } = await psql(recorded(), 'select session_user')
    expect([code, stdout]).toEqual([0, 'app_readonly\n'])
  })

  test('shows its password to nobody on the way, and what it shows is SCRAM', async () => {
    near.take()
    far.take()
    const { stdout } = await psql(recorded(), "select 'in'")
    expect(stdout).toBe('in\n')
    const secret = stack.passwords['app_readonly']!
    for (const said of [near.take(), far.take()]) {
      const text = said.toString('latin1')
      expect(text).toContain('SCRAM-SHA-256')
      expect(text).toMatch(/n,,n=,r=.+r=.+,s=.+,i=4096.+c=biws,r=.+,p=.{44}.+v=.{44}/s)
      expect(text).not.toContain(secret)
      expect(text).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''))
    }
    expect(await gatewayLog()).not.toContain(secret)
  })

  test('is the role of its password, and no other by an option', async () => {
    const run = recorded({ PGOPTIONS: '-c role=app_readwrite' })
    const { code, stderr } = await psql(run, 'select 1')
    expect(code).not.toBe(0)
    expect(stderr).toContain('app_readwrite')
  })

  test('with a token needs to say so where a password may be had', async () => {
    const more = {
      PGHOST: 'localhost',
      PGPASSWORD: await stack.token(),
      PGOPTIONS: '-c auth_method=cleartext',
      PGPORT: String(stack.gateway.portOf(1)),
      PGHOSTADDR: '127.0.0.2',
    }
    const { stdout } = await psql(environment('app_readonly', more), 'select session_user')
    expect(stdout).toBe('app_readonly\n')
    const { stderr } = await psql(
      environment('app_readonly', { ...more, PGOPTIONS: '', PGCHANNELBINDING: 'disable' }),
      'select 1',
    )
    expect(stderr).toContain('password authentication failed')
    expect(stderr).toContain('auth_method=cleartext')
  })
})
