// The right of a session, looked at again while it is open: at the provider, and by a new configuration.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answers } from '../../demo/answers.ts'
import { send } from '../../demo/browser.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

const endpoint = '/token/introspection'
const revoked = {
  severity: 'FATAL',
  sqlstate: '57P01',
  message: 'terminating connection: access was revoked',
}

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      config.workers = 2
      config['enforce_on_reload'] = true
    },
  })
  const { people } = stack.config.integrations
  stack.config.integrations['asking'] = {
    ...people,
    introspection: { client_id: 'm2m', client_secret: stack.provider.clientSecret('m2m') },
    recheck: '1s',
    recheck_max_stale: '2s',
    request_timeout: '1s',
  }
  stack.config.databases['asking'] = {
    integrations: ['asking'],
    upstream: {
      ...(stack.config.databases['sandbox']!['upstream'] as object),
      database: 'sandbox',
    },
  }
  await stack.gateway.reload(stack.config)
  await stack.keysFetched()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function logIn(user: string, database: string, token: string): Promise<WireClient> {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const first = await client.logIn({ user, database }, token)
  if (first.type === 'E') throw new Error(errorFields(first).message)
  await client.readUntil('Z')
  return client
}

async function accessToken(): Promise<string> {
  return (await stack.provider.signIn('alice', { audience: undefined })).accessToken
}

async function revoke(token: string): Promise<void> {
  const url = new URL('/token/revocation', stack.provider.issuer)
  const answer = await send(url, {}, { token, client_id: 'portcullis-cli' })
  expect(answer.status).toBe(200)
}

async function goesOn(client: WireClient): Promise<void> {
  client.query('select 1')
  await client.readUntil('Z')
}

async function rechecks(count: number): Promise<void> {
  const before = stack.provider.requestsFor(endpoint)
  await until('the provider is asked', () => stack.provider.requestsFor(endpoint) >= before + count)
}

describe('a session that is looked at again', () => {
  test('is ended when its token is revoked, and others of the person are not', async () => {
    const [token, other] = [await accessToken(), await accessToken()]
    const sessions = await Promise.all(
      [1, 2, 3].map(async () => logIn('access_token', 'asking', token)),
    )
    const kept = await logIn('access_token', 'asking', other)
    await rechecks(4)
    for (const client of sessions) await goesOn(client)
    await revoke(token)
    for (const client of sessions) expect(await client.readError()).toMatchObject(revoked)
    await rechecks(1)
    await goesOn(kept)
    kept.destroy()
  })

  test('goes on while the provider is away, and for no longer than is allowed', async () => {
    const client = await logIn('access_token', 'asking', await accessToken())
    const restore = stack.provider.intercept(endpoint, answers.status(500))
    await rechecks(1)
    await goesOn(client)
    expect(await client.readError()).toMatchObject(revoked)
    restore()
    await until('the log says why', () =>
      stack.gateway.log().includes('the provider could not be asked for too long'),
    )
  })
})

describe('a new configuration that is enforced', () => {
  test('ends what it would not let in, on every worker, and nothing else', async () => {
    const sessions = async (user: string) =>
      Promise.all([1, 2, 3, 4].map(async () => logIn(user, 'sandbox', await stack.token())))
    const [writers, readers] = [await sessions('app_readwrite'), await sessions('app_readonly')]
    const { people } = stack.config.integrations
    const integrations = {
      ...stack.config.integrations,
      people: { ...people, groups_claim_mappings: {} },
    }
    await stack.gateway.reload({ ...stack.config, integrations })
    for (const client of writers) expect(await client.readError()).toMatchObject(revoked)
    for (const client of readers) await goesOn(client)
    await stack.gateway.reload({ ...stack.config, integrations, enforce_on_reload: false })
    await stack.gateway.reload({
      ...stack.config,
      enforce_on_reload: false,
      integrations: { ...integrations, people: { ...people, enabled: false } },
    })
    for (const client of readers) await goesOn(client)
    for (const client of readers) client.destroy()
    const ends = async () =>
      (await stack.audit()).filter(({ status_detail: why }) => why === 'revoked')
    await until('the audit has it', async () => (await ends()).length === 8)
  })
})
