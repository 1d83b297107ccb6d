// The provider says that somebody has signed out, and their sessions are over.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send } from '../../demo/browser.ts'
import { freePort } from '../../demo/ports.ts'
import { logoutEvent } from '../../src/identity/verify-logout-token.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

const clientId = 'database-gate'

let stack: Stack
let address: string

beforeAll(async () => {
  const port = await freePort()
  const origin = `https://localhost:${port}`
  address = `${origin}/oidc/v1/backchannel-logout`
  stack = await Stack.start({
    clients: [
      {
        client_id: clientId,
        client_secret: 'of the gate',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1/callback'],
        backchannel_logout_uri: address,
        backchannel_logout_session_required: true,
        application_type: 'native',
      },
    ],
    configure: (config) => {
      config.workers = 2
      config['web'] = { public_url: origin, listen_port: port }
      config.integrations['signing'] = {
        ...config.integrations['people'],
        client_id: clientId,
        backchannel_logout: true,
      }
      config.databases['system']!['integrations'] = ['people', 'machines', 'signing']
    },
  })
  await stack.keysFetched()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function connect(token: string) {
  const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
  const isSigned = claimsOf(token)['aud'] === clientId
  const options = isSigned ? { options: '-c identityprovider=signing' } : {}
  const parameters = { user: 'app_readonly', database: 'sandbox', ...options }
  const first = await client.logIn(parameters, token)
  return { client, first }
}

async function logIn(token: string): Promise<WireClient> {
  const { client, first } = await connect(token)
  if (first.type === 'E') throw new Error(errorFields(first).message)
  await client.readUntil('Z')
  return client
}

async function goesOn(client: WireClient): Promise<void> {
  client.query('select 1')
  await client.readUntil('Z')
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const claims = Buffer.from(token.split('.')[1]!, 'base64url').toString()
  return JSON.parse(claims) as Readonly<Record<string, unknown>>
}

async function tell(body: Readonly<Record<string, string>>) {
  return send(new URL(address), {}, body, stack.authority.certificate)
}

async function logoutToken(changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const claims = {
    ...{ iss: stack.provider.issuer, aud: clientId, sub: 'carol', jti: String(Math.random()) },
    ...{ iat: nowSeconds, exp: nowSeconds + 60, events: { [logoutEvent]: {} } },
    ...changes,
  }
  return stack.provider.sign(claims, { header: { typ: 'logout+jwt' } })
}

const loggedOut = {
  severity: 'FATAL',
  sqlstate: '57P01',
  message: 'terminating connection: signed out at the identity provider',
}

describe('a logout that the provider tells', () => {
  test('ends exactly the sessions of that sign-in within a second, on every worker', async () => {
    const [here, there, bob] = await Promise.all([
      stack.provider.signIn('alice', { clientId }),
      stack.provider.signIn('alice', { clientId }),
      stack.provider.signIn('bob', { clientId }),
    ])
    const sid = String(claimsOf(here.idToken)['sid'])
    expect(sid).not.toBe(String(claimsOf(there.idToken)['sid']))
    const mine = await Promise.all(Array.from({ length: 6 }, async () => logIn(here.idToken)))
    const others = await Promise.all(
      [there, there, bob, bob].map(async (one) => logIn(one.idToken)),
    )
    mine[0]!.query('begin; select pg_sleep(60)')
    await until('the statement runs', async () => (await stack.activeStatements()) === 1)

    const toldAt = performance.now()
    await stack.provider.tellLogout(clientId, 'alice', sid)
    for (const client of mine) expect(await client.readUntilError()).toMatchObject(loggedOut)
    expect(performance.now() - toldAt).toBeLessThan(1_000)
    await until('their backends are gone', async () => (await stack.backends()) === 4)

    await Promise.all(others.map(goesOn))
    const { first } = await connect(here.idToken)
    expect(errorFields(first)).toMatchObject({ sqlstate: '28000', message: 'access is denied' })
    for (const client of others) client.destroy()
    const again = await logIn((await stack.provider.signIn('alice', { clientId })).idToken)
    again.destroy()
    const ends = async () =>
      (await stack.audit()).filter(({ status_detail: why }) => why === 'logged-out')
    await until('the audit has it', async () => (await ends()).length === 6)
  })

  test('of a person ends all of their sessions, whatever client they are by', async () => {
    const old = { sub: 'carol', iat: Math.floor(Date.now() / 1_000) - 5 }
    const carol = await logIn(await stack.token(old))
    const bob = await logIn(await stack.token({ sub: 'bob' }))
    expect(await tell({ logout_token: await logoutToken() })).toMatchObject({ status: 200 })
    expect(await carol.readError()).toMatchObject(loggedOut)
    await goesOn(bob)
    bob.destroy()
    expect((await connect(await stack.token(old))).first.type).toBe('E')
  })

  test('is taken once, and nothing is ended by what is not genuine', async () => {
    const dave = await logIn(await stack.token({ sub: 'dave' }))
    const used = await logoutToken({ sub: 'nobody' })
    expect(await tell({ logout_token: used })).toMatchObject({ status: 200 })
    const bad = [
      used,
      await logoutToken({ sub: 'dave', aud: 'portcullis-cli' }),
      await logoutToken({ sub: 'dave', nonce: 'n' }),
      await logoutToken({ sub: 'dave', events: {} }),
      await stack.token({ sub: 'dave', aud: clientId }),
      'a.b.c',
    ]
    for (const token of bad) {
      const answer = await tell({ logout_token: token })
      expect([answer.status, JSON.parse(answer.body)]).toEqual([400, { error: 'invalid_request' }])
    }
    await goesOn(dave)
    dave.destroy()
    expect(await stack.metric('portcullis_backchannel_logouts_total', { outcome: 'refused' })).toBe(
      6,
    )
    for (const token of bad) expect(stack.gateway.log()).not.toContain(token.slice(0, 40))
  })

  test('is remembered for workers that are started later', async () => {
    const old = { sub: 'erin', iat: Math.floor(Date.now() / 1_000) - 5 }
    await tell({ logout_token: await logoutToken({ sub: 'erin' }) })
    for (const worker of stack.workers()) process.kill(worker, 'SIGKILL')
    await until('somebody listens', async () =>
      stack
        .token()
        .then(logIn)
        .then(
          (client) => (client.destroy(), true),
          () => false,
        ),
    )
    await until('two workers', () => stack.workers().length === 2)
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => connect(await stack.token(old))),
    )
    expect(answers.map(({ first }) => first.type)).toEqual(answers.map(() => 'E'))
  })
})
