// Session tokens as passwords, on two workers: issued as another node with the same secret issues them.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send } from '../../demo/browser.ts'
import { freePort } from '../../demo/ports.ts'
import type { Explanation } from '../../src/cli/explanation.ts'
import { loadConfig } from '../../src/config/index.ts'
import { logoutEvent } from '../../src/identity/verify-logout-token.ts'
import { replayLogin } from '../../src/replay-login.ts'
import { hasPsql, psql } from '../support/psql.ts'
import { sessionTokenOf, webSecret } from '../support/session-tokens.ts'
import { Stack } from '../support/stack.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

const otherSecret = 'for-the-pages-of-tests-after-the-others'
const alice = { user: 'app_readonly', database: 'sandbox' }

let stack: Stack
let publicUrl: string

beforeAll(async () => {
  const port = await freePort()
  publicUrl = `https://localhost:${port}`
  stack = await Stack.start({
    configure: (config) => {
      const { sandbox } = config.databases
      config.workers = 2
      config['web'] = { public_url: publicUrl, listen_port: port, secret: webSecret }
      config['console'] = { admin_groups: ['readwrite'] }
      config.integrations['people']!['backchannel_logout'] = true
      config.databases['passing'] = {
        upstream: { ...(sandbox!['upstream'] as object), auth: { method: 'token' } },
      }
      Object.assign(config.connectivity_pools['sso_pool']!, {
        session_expiry: 'hard',
        session_grace: '0',
        auth_methods: ['cleartext', 'oauthbearer'],
      })
    },
  })
  await stack.keysFetched()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function connect(token: string, parameters: Readonly<Record<string, string>> = alice) {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  return { client, first: await client.logIn(parameters, token) }
}

async function logIn(token: string, parameters = alice): Promise<WireClient> {
  const { client, first } = await connect(token, parameters)
  if (first.type === 'E') throw new Error(errorFields(first).message)
  await client.readUntil('Z')
  return client
}

async function refusal(token: string, parameters: Readonly<Record<string, string>> = alice) {
  const { client, first } = await connect(token, parameters)
  client.destroy()
  return first.type === 'E' ? errorFields(first) : undefined
}

async function goesOn(client: WireClient): Promise<void> {
  client.query('select 1')
  await client.readUntil('Z')
}

const denied = { sqlstate: '28000' }

describe('a session token', () => {
  test.runIf(hasPsql())('is a password of psql, and shorter than what tools cut', async () => {
    const { token } = await sessionTokenOf(stack)
    expect(token.length).toBeLessThan(500)
    const { stdout, stderr } = await psql(stack.environment(token), 'select current_user')
    expect({ stdout, stderr }).toEqual({ stdout: 'app_readonly\n', stderr: '' })
  })

  test('is good on every worker, and shows in audit and metrics as what it is', async () => {
    const { token, id } = await sessionTokenOf(stack, { identity: { subject: 'audited' } })
    const before = await admitted()
    const clients = await Promise.all(Array.from({ length: 8 }, async () => logIn(token)))
    await Promise.all(clients.map(goesOn))
    expect((await admitted()) - before).toBe(8)
    const records = (await stack.audit()).filter(
      ({ unmapped, activity_id: activity }) =>
        activity === 1 && unmapped.portcullis['subject'] === 'audited',
    )
    expect(records).toHaveLength(8)
    expect(records[0]?.unmapped.portcullis).toMatchObject({
      credential: 'session-token',
      integration: 'people',
      token_id_hash: createHash('sha256').update(id).digest('hex'),
    })
    const log = await readFile(join(stack.folder, 'audit.jsonl'), 'utf8')
    expect(log).not.toContain(token.split('.')[2])
    for (const client of clients) client.destroy()
  })

  test('is taken by OAUTHBEARER and by the users of tokens', async () => {
    const { token } = await sessionTokenOf(stack)
    const client = await logIn(token, { user: 'id_token', database: 'sandbox' })
    await goesOn(client)
    client.destroy()
    const asked = { ...alice, options: '-c auth_method=oauthbearer' }
    const bearer = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    bearer.startup(asked)
    await bearer.read()
    bearer.send(initialResponse(token))
    await bearer.readUntil('Z')
    bearer.destroy()
  })

  test('opens the console to an administrator', async () => {
    const { token } = await sessionTokenOf(stack, { identity: { groups: ['readwrite-role'] } })
    const client = new pg.Client({
      ...{ host: 'localhost', port: stack.gateway.port, database: 'portcullis', user: 'alice' },
      ...{ password: token, ssl: { ca: stack.authority.certificate } },
    })
    await client.connect()
    const { rows } = await client.query('SHOW VERSION')
    expect(rows).toHaveLength(1)
    await client.end()
  })

  test('is refused outside of its bounds, and taken inside of them', async () => {
    const bounds = { user: 'app_readonly', database: 'sandbox', pool: 'sso_pool' }
    const { token } = await sessionTokenOf(stack, { bounds })
    ;(await logIn(token)).destroy()
    expect(await refusal(token, { ...alice, user: 'app_readwrite' })).toMatchObject({
      message: 'the session token is not good for user "app_readwrite"',
      detail: 'The session token is good for user "app_readonly" alone.',
    })
    const { token: elsewhere } = await sessionTokenOf(stack, { bounds: { pool: 'other' } })
    expect(await refusal(elsewhere)).toMatchObject({
      message: 'the session token is not good for pool "sso_pool"',
    })
  })

  test('is never passed on to a database that wants the token of the provider', async () => {
    const { token } = await sessionTokenOf(stack)
    const before = await stack.backends()
    expect(await refusal(token, { ...alice, database: 'passing' })).toMatchObject({
      message: 'database "passing" takes no session tokens',
    })
    expect(await stack.backends()).toBe(before)
  })

  test('ends its session as it expires', async () => {
    const { token, expiresAt } = await sessionTokenOf(stack, { lifetimeMs: 3_000 })
    const client = await logIn(token)
    expect(await client.readError()).toMatchObject({
      message: 'terminating connection: token expired',
    })
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt)
    expect(await refusal(token)).toMatchObject({ sqlstate: '28P01' })
  })
})

describe('whoever has a session token is kept out', () => {
  test('by the id of it alone, while others of the same person go on', async () => {
    const identity = { subject: 'bob', names: ['bob'] }
    const [one, other] = await Promise.all([
      sessionTokenOf(stack, { identity }),
      sessionTokenOf(stack, { identity }),
    ])
    const [first, second] = await Promise.all([logIn(one.token), logIn(other.token)])
    const console = await consoleOf()
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
    await console
      .query(`REVOKE TOKEN '${one.id}' UNTIL '${inAnHour}'`)
      .finally(async () => console.end())
    await first.readUntilError()
    expect(await refusal(one.token)).toMatchObject(denied)
    await goesOn(second)
    second.destroy()
  })

  test('by the subject of the token that it was made of', async () => {
    const identity = { subject: 'carol', names: ['carol'] }
    const { token } = await sessionTokenOf(stack, { identity })
    const client = await logIn(token)
    const console = await consoleOf()
    const done = await console.query("KILL SUBJECT 'carol'").finally(async () => console.end())
    expect(done.command).toBe('KILL')
    await client.readUntilError()
  })

  test('by a logout at the provider, of the session that it is of', async () => {
    const identity = { subject: 'dave', names: ['dave'], sid: 'session-of-dave' }
    const { token } = await sessionTokenOf(stack, { identity })
    const client = await logIn(token)
    expect(await logOut({ sub: 'dave', sid: 'session-of-dave' })).toBe(200)
    await client.readUntilError()
    expect(await refusal(token)).toMatchObject(denied)
  })

  test('by a logout behind the issue of its token, also if it was made afterwards', async () => {
    const issuedAt = Date.now() - 60_000
    const identity = { subject: 'erin', names: ['erin'], issuedAt }
    expect(await logOut({ sub: 'erin' })).toBe(200)
    const { token } = await sessionTokenOf(stack, { identity })
    expect(await refusal(token)).toMatchObject(denied)
    const { token: later } = await sessionTokenOf(stack, {
      identity: { ...identity, issuedAt: Date.now() + 2_000 },
    })
    ;(await logIn(later)).destroy()
  })
})

describe('what would become of one is explained', () => {
  test('with the secret of the configuration', async () => {
    const { token } = await sessionTokenOf(stack, { bounds: { database: 'sandbox' } })
    const granted = await explain(token, 'sandbox')
    expect(granted).toMatchObject({ outcome: 'granted', credential: 'session-token' })
    expect(granted.steps).toContainEqual(
      expect.objectContaining({ check: 'session token', passed: true, verified: true }),
    )
    const denied = await explain(token, 'passing')
    expect(denied).toMatchObject({
      outcome: 'denied',
      refusal: { reason: 'session-token-bounds' },
    })
    expect(denied.steps.at(-1)).toMatchObject({
      check: 'session token bounds',
      compared: 'database passing, good for sandbox',
      passed: false,
    })
  })

  test('by the console', async () => {
    const { token } = await sessionTokenOf(stack)
    const console = await consoleOf()
    const { rows } = await console
      .query<Record<string, unknown>>(`EXPLAIN LOGIN TOKEN '${token}' USER app_readonly`)
      .finally(async () => console.end())
    expect(rows).toContainEqual(expect.objectContaining({ check: 'session token' }))
  })
})

test('a secret that is replaced takes effect at a reload, everywhere', async () => {
  const { token } = await sessionTokenOf(stack)
  const web = stack.config['web'] as object
  const withSecret = async (secret: unknown) => {
    stack.config['web'] = { ...web, secret }
    await stack.gateway.reload(stack.config)
  }
  await withSecret([otherSecret, webSecret])
  ;(await logIn(token)).destroy()
  const { token: newer } = await sessionTokenOf(stack)
  ;(await logIn(newer)).destroy()
  await withSecret(otherSecret)
  expect(await refusal(token)).toMatchObject({ sqlstate: '28P01' })
  ;(await logIn(newer)).destroy()
  await withSecret(webSecret)
})

/** As the command does. */
async function explain(token: string, database: string): Promise<Explanation> {
  const { config } = loadConfig(stack.gateway.configFile, {})
  return replayLogin(config, {
    ...{ user: 'app_readonly', database, from: '127.0.0.1', listener: undefined },
    ...{ options: undefined, identityProvider: undefined, credential: token, claims: undefined },
    ...{ certificate: undefined, isOffline: true },
  })
}

async function admitted(): Promise<number> {
  return stack.metric('portcullis_session_token_logins_total', { outcome: 'admitted' })
}

async function consoleOf(): Promise<pg.Client> {
  const { token } = await sessionTokenOf(stack, {
    identity: { subject: 'root', groups: ['readwrite-role'] },
  })
  const client = new pg.Client({
    ...{ host: 'localhost', port: stack.gateway.port, database: 'portcullis', user: 'alice' },
    ...{ password: token, ssl: { ca: stack.authority.certificate } },
  })
  await client.connect()
  return client
}

async function logOut(claims: Readonly<Record<string, unknown>>): Promise<number> {
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const token = await stack.provider.sign(
    {
      ...{ iss: stack.provider.issuer, aud: 'portcullis-cli', jti: String(Math.random()) },
      ...{ iat: nowSeconds, exp: nowSeconds + 60, events: { [logoutEvent]: {} } },
      ...claims,
    },
    { header: { typ: 'logout+jwt' } },
  )
  const address = new URL(`${publicUrl}/oidc/v1/backchannel-logout`)
  const { status } = await send(address, {}, { logout_token: token }, stack.authority.certificate)
  return status
}

/** RFC 7628, 3.1, in the message of PostgreSQL. */
function initialResponse(token: string): Buffer {
  const response = Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`)
  const mechanism = Buffer.from('OAUTHBEARER\0')
  const body = Buffer.alloc(4 + mechanism.length + 4 + response.length)
  mechanism.copy(body, 4)
  body.writeUInt32BE(body.length, 0)
  body.writeUInt32BE(response.length, 4 + mechanism.length)
  response.copy(body, 8 + mechanism.length)
  return Buffer.concat([Buffer.from('p'), body])
}
