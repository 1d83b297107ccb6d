// Two nodes with one address and one secret, and nothing else in common, behind a load balancer that sends each
// request to the next.
import { copyFile, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Gateway } from '../../demo/gateway.ts'
import { freePort } from '../../demo/ports.ts'
import { ApiClient, type ApiAnswer } from '../support/api-client.ts'
import { addPages, alice, bob, clientOfPages } from '../support/pages.ts'
import { RoundRobin } from '../support/round-robin.ts'
import { type GatewayConfig, Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WebBrowser } from '../support/web-browser.ts'
import { WireClient } from '../support/wire-client.ts'

interface Node {
  readonly url: string
  readonly pagesPort: number
  readonly folder: string
  readonly config: GatewayConfig
  gateway: Gateway
}

const sessionCookie = '__Host-portcullis-session'
const belongings = new AsyncDisposableStack()
let balancer: RoundRobin
let publicUrl: string
let stack: Stack
let nodes: readonly [Node, Node]

beforeAll(async () => {
  balancer = belongings.use(await RoundRobin.start())
  publicUrl = `https://localhost:${balancer.port}`
  const ports = [await freePort(), await freePort()] as const
  const urls = ports.map((port) => `https://localhost:${port}`)
  const { redirect_uris: common = [], ...client } = clientOfPages(publicUrl)
  const ownUris = urls.map((url) => `${url}/sign-in/callback`)
  stack = belongings.use(
    await Stack.start({
      clients: [{ ...client, redirect_uris: [...common, ...ownUris] }],
      configure: (config) => {
        addPages(config, publicUrl, ports[0])
        const listener = { listen_address: '127.0.0.1', listen_port: 0 }
        config.connectivity_pools['sso_pool']!['participants'] = [
          { node: 'gw0', ...listener },
          { node: 'gw1', ...listener },
        ]
        configureNode(config, 'gw0', ports[0])
      },
    }),
  )
  const folder = belongings.use(await mkdtempDisposable(join(tmpdir(), 'portcullis-test-node-')))
  for (const file of ['ca.crt', 'server.crt', 'server.key'])
    await copyFile(join(stack.folder, file), join(folder.path, file))
  const config = structuredClone(stack.config)
  configureNode(config, 'gw1', ports[1])
  const other = belongings.use(await Gateway.start({ folder: folder.path, config }))
  nodes = [nodeOf(stack.folder, stack.config, stack.gateway), nodeOf(folder.path, config, other)]
  balancer.nodes = ports
})

afterAll(async () => belongings.disposeAsync())

function nodeOf(folder: string, config: GatewayConfig, gateway: Gateway): Node {
  const { listen_port: pagesPort } = config['web'] as { listen_port: number }
  return { url: `https://localhost:${pagesPort}`, pagesPort, folder, config, gateway }
}

function configureNode(config: GatewayConfig, name: string, port: number): void {
  config['node'] = name
  Object.assign(config['web'] as object, {
    listen_port: port,
    node_url: `https://localhost:${port}`,
  })
}

/** On the ports that it had. */
async function restart(node: Node): Promise<void> {
  await node.gateway.stop()
  node.gateway = await Gateway.start({ folder: node.folder, config: node.config })
  belongings.use(node.gateway)
}

function browser(): WebBrowser {
  return new WebBrowser(stack.authority.certificate)
}

/** Signs in by way of the load balancer, and gives what the browser is told to open next at the end. */
async function signIn(who: string, me = browser()): Promise<WebBrowser> {
  await me.open(`${publicUrl}/oidc/v1/login`)
  await me.press(who)
  return me
}

async function isIn(me: WebBrowser, url = publicUrl): Promise<boolean> {
  await me.open(`${url}/login`)
  return me.text.includes('You are signed in as')
}

test('a sign-in is begun at one node, completed at the other, and known to both', async () => {
  const from = balancer.served.length
  const me = await signIn(alice)
  const [begun, completed] = balancer.served.slice(from)
  expect(new Set([begun, completed])).toEqual(new Set(nodes.map(({ pagesPort }) => pagesPort)))
  expect(await isIn(me)).toBe(true)
  expect(await isIn(me)).toBe(true)
})

test('a sign-in that is begun before all nodes start again is completed after it', async () => {
  const me = browser()
  await me.open(`${publicUrl}/oidc/v1/login`)
  await me.press(alice, ({ pathname }) => pathname === '/oidc/v1/callback')
  const back = me.leadsTo
  for (const node of nodes) await restart(node)
  await me.open(back ?? '')
  expect(await isIn(me)).toBe(true)
})

test('a sign-in goes on where one node is down', async () => {
  const me = await signIn(alice)
  const [first] = nodes
  await first.gateway.stop()
  try {
    expect(await isIn(me)).toBe(true)
    expect(await isIn(me)).toBe(true)
    expect(await isIn(await signIn(bob))).toBe(true)
  } finally {
    await restart(first)
  }
})

test('somebody signs out by way of any node', async () => {
  const me = await signIn(alice)
  const cookie = me.cookies('localhost').get(sessionCookie) ?? ''
  expect(cookie).not.toBe('')
  await me.open(`${publicUrl}/login`)
  const port = balancer.served.at(-1)
  await me.press('Sign out')
  expect(await isIn(me)).toBe(false)
  // The node that was told knows a copy of the cookie again. The other hears of it with a shared store.
  const told = nodes.find(({ pagesPort }) => pagesPort !== port)
  const thief = browser()
  thief.setCookie('localhost', sessionCookie, cookie)
  expect(await isIn(thief, told?.url)).toBe(false)
})

test.each([0, 1] as const)(
  'a client that waits at node %d has its page there, whichever node the others are at',
  async (number) => {
    const node = nodes[number]
    const client = await WireClient.connectSecurely(node.gateway.port, stack.authority.certificate)
    client.startup({ user: 'sso', database: 'sandbox' })
    const { body } = await client.readUntil('N')
    const [address = ''] = /https:[^ ]+/.exec(body.toString()) ?? []
    expect(address).toMatch(new RegExp(`^${node.url}/sign-in/`))
    const me = browser()
    await me.open(address)
    await me.press('Continue to sign in')
    await me.press(alice)
    expect(me.text).toContain('You are signed in')
    expect((await client.readUntil('Z')).type).toBe('Z')
    client.destroy()
  },
)

async function logsIn(token: string): Promise<readonly boolean[]> {
  return Promise.all(
    nodes.map(async ({ gateway }) => {
      const client = await WireClient.connectSecurely(gateway.port, stack.authority.certificate)
      const { type } = await client.logIn({ user: 'app_readwrite', database: 'sandbox' }, token)
      client.destroy()
      return type === 'R'
    }),
  )
}

test('a session token of the pages is a password at all nodes, whichever issued it', async () => {
  const me = await signIn(alice)
  const issuers = new Set<number | undefined>()
  await until('each node to have issued one', async () => {
    await me.open(`${publicUrl}/connect`)
    await me.press('Connect')
    issuers.add(balancer.served.at(-1))
    const [, token = ''] = /<code id="token"><span class="secret">([^<]+)</.exec(me.page.body) ?? []
    expect(await logsIn(token)).toEqual([true, true])
    // With a request between, the next round ends at the other node.
    await isIn(me)
    return issuers.size === nodes.length
  })
})

/** A tool whose every call is another connection, and so to another node. */
async function call(name: string, body: object, bearer?: string): Promise<ApiAnswer> {
  const tool = new ApiClient(publicUrl, stack.authority.certificate)
  const headers = { connection: 'close' }
  return tool.post(`/v1/${name}`, body, { headers, ...(bearer !== undefined && { bearer }) })
}

test('a session token that a tool gets of one node is renewed by the other', async () => {
  const from = balancer.served.length
  const id_token = await stack.token()
  const issued = await call('sso_token', { database: 'sandbox', id_token })
  const token = String(issued.json['access_token'])
  expect(await logsIn(token)).toEqual([true, true])
  const renewed = await call('token_refresh', {}, token)
  expect(renewed.status, renewed.text).toBe(200)
  expect(await logsIn(String(renewed.json['access_token']))).toEqual([true, true])
  expect(new Set(balancer.served.slice(from)).size).toBe(nodes.length)
})

test('a device grant that a tool begins at one node is waited for at the other', async () => {
  const from = balancer.served.length
  const { json } = await call('sso_device_grant', { database: 'sandbox' })
  const { user_code, device_code } = json
  await stack.provider.approveDevice(String(user_code), 'alice')
  const done = await call('sso_device_grant_verify', { user_code, device_code, timeout: 10 })
  expect(done.status, done.text).toBe(200)
  expect(await logsIn(String(done.json['access_token']))).toEqual([true, true])
  expect(new Set(balancer.served.slice(from)).size).toBe(nodes.length)
})
