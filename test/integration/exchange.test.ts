// Tokens that are passed on (upstream.auth.method token), as they are or exchanged (RFC 8693). The first
// gateway is in front of the second, which is in front of PostgreSQL.
import { copyFile, mkdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, answers } from '../../demo/answers.ts'
import { Gateway } from '../../demo/gateway.ts'
import { exchangeGrant, warehouseAudience } from '../../demo/token-exchange.ts'
import { type AuditRecord, Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { type ErrorFields, errorFields, message, WireClient } from '../support/wire-client.ts'

const clientSecret = 'the secret of the gateway'
const tokenPath = '/token'
const front = 'front'

let stack: Stack
/** The gateway that clients connect to; `stack.gateway` is its upstream. */
let gateway: Gateway
/** Asks for an MD5 password, whoever it is. */
let oldServer: Server
const restorations: (() => void)[] = []

beforeAll(async () => {
  oldServer = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      const isRequest = bytes.length === 8
      const md5 = message('R', Buffer.from([0, 0, 0, 5, 1, 2, 3, 4]))
      socket.write(isRequest ? 'N' : md5)
    })
  })
  await new Promise<void>((resolve) => oldServer.listen(0, '127.0.0.1', resolve))
  stack = await Stack.start({
    clients: [
      {
        client_id: 'gateway',
        client_secret: clientSecret,
        grant_types: [exchangeGrant],
        response_types: [],
        redirect_uris: [],
      },
    ],
    configure: (config) => {
      // The second gateway takes tokens for the warehouse alone.
      config.integrations = {
        people: {
          ...config.integrations['people'],
          client_id: undefined,
          additional_audiences: [warehouseAudience],
        },
      }
      config.databases['system'] = { integrations: ['people'] }
      config.databases['scram'] = {
        upstream: { ...(config.databases['sandbox']!['upstream'] as object), database: 'sandbox' },
      }
    },
  })
  gateway = await startFront()
})

afterEach(() => {
  for (const restore of restorations.splice(0)) restore()
})

afterAll(async () => {
  await gateway.stop()
  oldServer.close()
  await stack[Symbol.asyncDispose]()
})

async function startFront(): Promise<Gateway> {
  const folder = join(stack.folder, front)
  await mkdir(folder)
  for (const file of ['ca.crt', 'server.crt', 'server.key']) {
    await copyFile(join(stack.folder, file), join(folder, file))
  }
  const { port } = stack.gateway
  const { port: postgresPort } = stack.postgres
  const oldPort = (oldServer.address() as { port: number }).port
  const upstream = { host: 'localhost', port, ca: 'ca.crt', auth: { method: 'token' } }
  const exchange = { client_id: 'gateway', client_secret: clientSecret }
  return Gateway.start({
    folder,
    config: {
      ...stack.config,
      integrations: {
        people: {
          ...stack.config.integrations['people'],
          additional_audiences: [],
          client_id: 'portcullis-cli',
          request_timeout: '1s',
        },
      },
      databases: {
        system: { integrations: ['people'] },
        sandbox: { upstream, exchange: { ...exchange, audience: warehouseAudience } },
        by_resource: {
          upstream: { ...upstream, database: 'sandbox' },
          exchange: { ...exchange, resource: warehouseAudience, authentication: 'post' },
        },
        as_it_is: { upstream: { ...upstream, database: 'sandbox' } },
        unknown_target: {
          upstream: { ...upstream, database: 'sandbox' },
          exchange: { ...exchange, audience: 'https://elsewhere.example.com' },
        },
        unknown_client: {
          upstream: { ...upstream, database: 'sandbox' },
          exchange: { ...exchange, client_secret: 'wrong', audience: warehouseAudience },
        },
        scram: {
          upstream: { ...upstream, port: postgresPort, database: 'sandbox' },
          exchange: { ...exchange, audience: warehouseAudience },
        },
        without_tls: {
          upstream: { ...upstream, port: oldPort },
          exchange: { ...exchange, audience: warehouseAudience },
        },
      },
    },
  })
}

let count = 0

/** A token that no other test has exchanged. */
async function aliceToken(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  return stack.token({ jti: `exchange ${++count}`, ...claims })
}

async function logIn(token: string, database = 'sandbox'): Promise<ErrorFields | 'ok'> {
  const client = await WireClient.connectSecurely(gateway.port, stack.authority.certificate)
  const answer = await client.logIn({ user: 'app_readonly', database }, token)
  if (answer.type === 'E') {
    client.destroy()
    return errorFields(answer)
  }
  await client.readUntil('Z')
  client.query('select 1')
  await client.readUntil('Z')
  client.destroy()
  return 'ok'
}

function exchanges(): number {
  return stack.provider.requestsFor(tokenPath)
}

function answering(answer: Answer): void {
  restorations.push(stack.provider.intercept(tokenPath, answer))
}

async function issuing(claims: Readonly<Record<string, unknown>>): Promise<void> {
  const now = Math.floor(Date.now() / 1_000)
  const token = await stack.provider.sign({
    iss: stack.provider.issuer,
    sub: 'alice',
    aud: warehouseAudience,
    iat: now,
    exp: now + 600,
    ...claims,
  })
  answering(answers.json(tokenResponse(token)))
}

function tokenResponse(token: string): object {
  return {
    access_token: token,
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: 600,
  }
}

/** The first login in the audit of a gateway that is like this. */
async function recordOf(
  file: string,
  isIt: (record: AuditRecord) => boolean,
): Promise<AuditRecord> {
  const find = async () =>
    (await stack.audit(file)).find((one) => one.activity_id === 1 && isIt(one))
  await until('the record', async () => (await find()) !== undefined)
  return (await find())!
}

describe('a token that is exchanged', () => {
  test('opens a session behind the second gateway as the role, by a token for it alone', async () => {
    const token = await aliceToken({ act: { sub: 'dashboard' } })
    expect(await logIn(token)).toBe('ok')

    const has = (name: string, value: string) => (record: AuditRecord) =>
      JSON.stringify(record.unmapped.portcullis[name] ?? '').includes(value)
    const first = await recordOf(join(front, 'audit.jsonl'), has('actors', 'dashboard'))
    expect(first.unmapped.portcullis).toMatchObject({
      subject: 'alice',
      role: 'app_readonly',
      actors: ['dashboard'],
      upstream_actors: ['gateway', 'dashboard'],
    })
    const second = await recordOf('audit.jsonl', has('actors', 'dashboard'))
    expect(second.unmapped.portcullis).toMatchObject({
      subject: 'alice',
      role: 'app_readonly',
      actors: ['gateway', 'dashboard'],
      token_id_hash: first.unmapped.portcullis['upstream_token_id_hash'],
    })
  })

  test('may be for a resource, by a client that sends its secret in the form', async () => {
    expect(await logIn(await aliceToken(), 'by_resource')).toBe('ok')
  })

  test('is exchanged once for all its logins', async () => {
    const token = await aliceToken()
    const before = exchanges()
    expect(await logIn(token)).toBe('ok')
    expect(await logIn(token)).toBe('ok')
    expect(exchanges() - before).toBe(1)
  })

  test('is exchanged again when what was issued is about to expire', async () => {
    await issuing({ exp: Math.floor(Date.now() / 1_000) + 20 })
    const token = await aliceToken()
    const before = exchanges()
    expect(await logIn(token)).toBe('ok')
    expect(await logIn(token)).toBe('ok')
    expect(exchanges() - before).toBe(2)
  })

  test('is not exchanged before it is verified, nor for whoever may not log in', async () => {
    const before = exchanges()
    expect(await logIn(await aliceToken({ aud: 'another' }))).toMatchObject({ sqlstate: '28P01' })
    const nobody = await logIn(await aliceToken(), 'nowhere')
    expect(nobody).toMatchObject({ sqlstate: '3D000' })
    expect(exchanges()).toBe(before)
  })
})

test('without an exchange the token of the client is passed on', async () => {
  // It is for the first gateway, so that the second one refuses it: that is how it is seen to arrive.
  expect(await logIn(await aliceToken(), 'as_it_is')).toMatchObject({
    sqlstate: '08001',
    message: 'could not connect to the database',
  })
  await recordOf('audit.jsonl', (record) => record.status_detail === 'token-audience')
  const both = await aliceToken({
    aud: ['portcullis-cli', warehouseAudience],
    azp: 'portcullis-cli',
  })
  expect(await logIn(both, 'as_it_is')).toBe('ok')
})

describe('the login is refused, and the log alone has the reason,', () => {
  async function refusal(reason: string, logged: RegExp, database?: string): Promise<void> {
    const from = gateway.log().length
    const before = await stack.metric('portcullis_logins_total')
    const answer = await logIn(await aliceToken(), database)
    const isRefused = reason === 'exchange-refused'
    expect(answer).toMatchObject({
      sqlstate: isRefused ? '28000' : '08006',
      detail: expect.stringMatching(/^The log of the gateway has more under session /) as string,
    })
    expect(JSON.stringify(answer)).not.toMatch(/warehouse|invalid_|localhost/)
    const lines = () => gateway.log().slice(from).split('\n')
    const told = () => lines().find((line) => line.includes(`"reason":"${reason}"`))
    await until('the log', () => told() !== undefined)
    expect(told()).toMatch(logged)
    expect(await stack.metric('portcullis_logins_total')).toBe(before)
  }

  test('when the provider does not know the audience', async () => {
    await refusal('exchange-refused', /answered 400: invalid_target/, 'unknown_target')
  })

  test('when it does not know the client', async () => {
    await refusal('exchange-refused', /answered 401: invalid_client/, 'unknown_client')
  })

  test.each([
    ['for another audience', { aud: 'elsewhere' }, /token-audience/],
    ['of another subject', { sub: 'bob' }, /of another subject/],
    ['that has expired', { exp: 1_700_000_000 }, /token-expired/],
  ])('when it issues a token %s', async (_, claims, logged) => {
    await issuing(claims)
    await refusal('exchange-refused', logged)
  })

  test('when it issues an opaque token', async () => {
    answering(answers.json(tokenResponse('an-opaque-token')))
    await refusal('exchange-refused', /opaque/)
  })

  test.each([
    ['fails', answers.status(500), /answered 500/],
    ['shows a page', answers.html(), /answered 200, and no token response/],
    ['does not answer', answers.hang(), /no answer within 1000 ms/],
    ['does not stop', answers.oversized(), /longer than 65536 bytes/],
  ])('when it %s', async (_, answer, logged) => {
    answering(answer)
    await refusal('exchange-failed', logged)
  })
})

test.each([
  ['an upstream that asks for SCRAM', 'scram', 'offers SCRAM-SHA-256', 'upstream-authentication'],
  ['an upstream without TLS', 'without_tls', 'does not offer TLS', 'upstream-tls'],
])('no token is shown to %s', async (_, database, logged, reason) => {
  const from = gateway.log().length
  expect(await logIn(await aliceToken(), database)).toMatchObject({ sqlstate: '08001' })
  const lines = () => gateway.log().slice(from).split('\n')
  await until('the log', () => lines().some((line) => line.includes(`"reason":"${reason}"`)))
  await expect.poll(() => gateway.log().slice(from)).toContain(logged)
})

test('no token is in a log or an audit record', async () => {
  const texts = [
    gateway.log(),
    stack.gateway.log(),
    JSON.stringify(await stack.audit()),
    JSON.stringify(await stack.audit(join(front, 'audit.jsonl'))),
  ]
  for (const one of texts) {
    expect(one).not.toMatch(/eyJ[\w-]{10,}/)
    expect(one).not.toContain(clientSecret)
    expect(one).not.toContain('an-opaque-token')
  }
})
