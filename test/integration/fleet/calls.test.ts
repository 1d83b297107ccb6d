// Two replicas with one store: whichever is asked, the right one does it.
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send } from '../../../demo/browser.ts'
import { freePort } from '../../../demo/ports.ts'
import { logoutEvent } from '../../../src/identity/verify-logout-token.ts'
import { Console } from '../../support/console.ts'
import { Fleet } from '../../support/fleet.ts'
import { addPages, alice, clientOfPages } from '../../support/pages.ts'
import { RoundRobin } from '../../support/round-robin.ts'
import { until } from '../../support/until.ts'
import { WebBrowser } from '../../support/web-browser.ts'
import { cancelRequest, WireClient } from '../../support/wire-client.ts'

const belongings = new AsyncDisposableStack()
let fleet: Fleet
let balancer: RoundRobin
let publicUrl: string

beforeAll(async () => {
  balancer = belongings.use(await RoundRobin.start())
  publicUrl = `https://localhost:${balancer.port}`
  const ports = [await freePort(), await freePort()]
  fleet = belongings.use(
    await Fleet.start({
      clients: [clientOfPages(publicUrl)],
      configure: (config) => {
        addPages(config, publicUrl, 0)
        // Session tokens and cookies are good everywhere by the secret of the fleet.
        config.integrations['people']!['backchannel_logout'] = true
        delete (config['web'] as Record<string, unknown>)['secret']
      },
      configureReplica: (config, index) => {
        config.workers = index + 1
        Object.assign(config['web'] as object, { listen_port: ports[index] })
      },
    }),
  )
  balancer.nodes = ports
})

afterAll(async () => belongings.disposeAsync())

async function consoleAt(index: number): Promise<Console> {
  return Console.connect(fleet.stack, fleet.replica(index).gateway)
}

async function cancelAt(index: number, processId: number, secretKey: Buffer): Promise<void> {
  const canceller = await WireClient.connect(fleet.replica(index).gateway.port)
  canceller.send(cancelRequest(processId, secretKey))
  await canceller.closed()
}

async function readiness(index: number): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${fleet.replica(index).gateway.httpAddress}/readiness`)
  return { status: response.status, body: await response.json() }
}

async function signIn(path = '/'): Promise<WebBrowser> {
  const me = new WebBrowser(fleet.stack.authority.certificate)
  await me.open(`${publicUrl}/oidc/v1/login?return_to=${encodeURIComponent(path)}`)
  await me.press(alice)
  return me
}

test.each([
  [0, 1],
  [1, 0],
])('a cancel request at replica %i reaches a session of replica %i', async (asked, has) => {
  const { client, processId, secretKey } = await fleet.logIn(has)
  client.query('select pg_sleep(60)')
  await until('it runs', async () => (await fleet.stack.activeStatements()) === 1)
  await cancelAt(asked, processId, secretKey)
  expect(await client.readUntilError()).toMatchObject({ sqlstate: '57014' })
  client.destroy()
})

describe('the console of one', () => {
  test('shows all replicas, and the sessions of all', async () => {
    const sessions = [await fleet.logIn(0), await fleet.logIn(1)]
    const admin = await consoleAt(0)
    const replicas = await admin.rows('SHOW REPLICAS')
    expect(replicas).toMatchObject([
      { replica: 'replica-0', node: 'gw0', state: 'active', self: true },
      { replica: 'replica-1', node: 'gw0', state: 'active', self: false },
    ])
    const shown = await admin.rows('SHOW SESSIONS')
    // That of the console is one as well.
    expect(shown.map(({ replica }) => replica).sort()).toEqual([
      ...['replica-0', 'replica-0', 'replica-1'],
    ])
    for (const { client } of sessions) client.destroy()
    await admin.close()
  })

  test('ends sessions of the other, and those that come later', async () => {
    const old = { sub: 'carol', iat: Math.floor(Date.now() / 1_000) - 5 }
    const token = await fleet.stack.token(old)
    const sessions = [
      await fleet.logIn(0, undefined, token),
      await fleet.logIn(1, undefined, token),
    ]
    const admin = await consoleAt(1)
    const until = new Date(Date.now() + 3_600_000).toISOString()
    await admin.done(`REVOKE SUBJECT 'carol' UNTIL '${until}'`)
    for (const { client } of sessions) {
      expect(await client.readUntilError()).toMatchObject({ sqlstate: '57P01' })
    }
    for (const index of [0, 1]) {
      await expect(fleet.logIn(index, undefined, token)).rejects.toThrow('access is denied')
    }
    await admin.close()
  })

  test('knows why the other has refused somebody', async () => {
    const client = await WireClient.connectSecurely(
      fleet.replica(1).gateway.port,
      fleet.stack.authority.certificate,
    )
    await client.logIn({ user: 'nobody', database: 'sandbox' }, await fleet.stack.token())
    client.destroy()
    const admin = await consoleAt(0)
    const denials = await admin.rows('SHOW DENIALS')
    expect(denials.some(({ user }) => user === 'nobody')).toBe(true)
    await admin.close()
  })
})

test('somebody who is signed in at one lets a client in that waits at the other', async () => {
  const client = await WireClient.connectSecurely(
    fleet.replica(0).gateway.port,
    fleet.stack.authority.certificate,
  )
  client.startup({ user: 'sso', database: 'sandbox' })
  const { body } = await client.readUntil('N')
  const [, code = ''] = /code ([A-Z]{4}-[A-Z]{4})/.exec(body.toString()) ?? []
  const only = balancer.nodes
  // By the other alone.
  balancer.nodes = only.slice(1)
  const me = await signIn(`/device?code=${code}`)
  await me.press('Approve as alice')
  balancer.nodes = only
  const { type } = await client.readUntil('Z')
  expect(type).toBe('Z')
  await me.open(`${publicUrl}/sessions`)
  expect(me.text).toContain('replica-0')
  client.destroy()
})

test('a logout that the provider tells one of them ends sessions of the other', async () => {
  const { provider, authority } = fleet.stack
  const at = Math.floor(Date.now() / 1_000)
  const old = await fleet.stack.token({ sub: 'dave', iat: at - 5 })
  const { client } = await fleet.logIn(0, undefined, old)
  const claims = {
    ...{ iss: provider.issuer, aud: 'portcullis-cli', sub: 'dave', jti: 'of dave' },
    ...{ iat: at, exp: at + 60, events: { [logoutEvent]: {} } },
  }
  const token = await provider.sign(claims, { header: { typ: 'logout+jwt' } })
  const address = new URL(`https://localhost:${balancer.nodes[1] ?? 0}/oidc/v1/backchannel-logout`)
  const answer = await send(address, {}, { logout_token: token }, authority.certificate)
  expect(answer.status).toBe(200)
  expect(await client.readUntilError()).toMatchObject({ sqlstate: '57P01' })
  await expect(fleet.logIn(0, undefined, old)).rejects.toThrow('access is denied')
})

describe('while the store is away', () => {
  test('logins go on, readiness says so, and all of it is caught up with', async () => {
    const other = await fleet.logIn(1)
    const lost = await fleet.metric(0, 'portcullis_fleet_store_lost_total')
    await fleet.stopStore()
    await until(
      'it is noticed',
      async () => (await fleet.metric(0, 'portcullis_fleet_store_up')) === 0,
    )
    const { client } = await fleet.logIn(0)
    expect(await readiness(0)).toMatchObject({
      status: 200,
      body: { status: 'ok', remarks: [expect.stringContaining('the store of the fleet is away')] },
    })
    expect(await fleet.metric(0, 'portcullis_fleet_store_lost_total')).toBe(lost + 1)
    const admin = await consoleAt(0)
    const replicasWithSessions = async (): Promise<ReadonlySet<unknown>> =>
      new Set((await admin.rows('SHOW SESSIONS')).map(({ replica }) => replica))
    expect(await replicasWithSessions()).toEqual(new Set(['replica-0']))
    await fleet.startStore()
    for (const index of [0, 1]) {
      await until(
        'it is back',
        async () => (await fleet.metric(index, 'portcullis_fleet_store_up')) === 1,
      )
    }
    expect(await replicasWithSessions()).toEqual(new Set(['replica-0', 'replica-1']))
    expect((await readiness(0)).body).toEqual({ status: 'ok' })
    client.destroy()
    other.client.destroy()
    await admin.close()
  })
})

test('one that drains says so, and one that has stopped is not waited for', async () => {
  const held = await fleet.logIn(1)
  const { gateway } = fleet.replica(1)
  held.client.query('begin')
  await held.client.readUntil('Z')
  gateway.process.kill('SIGTERM')
  const admin = await consoleAt(0)
  await until('it drains', async () =>
    (await admin.rows('SHOW REPLICAS')).some(({ state }) => state === 'draining'),
  )
  held.client.query('commit')
  await once(gateway.process, 'exit')
  await until('it is gone', async () => (await admin.rows('SHOW REPLICAS')).length === 1)
  const before = performance.now()
  await admin.rows('SHOW SESSIONS')
  expect(performance.now() - before).toBeLessThan(1_000)
  await admin.close()
})
