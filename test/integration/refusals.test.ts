// Every reason of the closed list, provoked from outside: what the client reads, one audit record, one
// count, and nothing at PostgreSQL unless the reason is about PostgreSQL.
import {
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
} from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { CompactEncrypt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer as ProviderAnswer, answers } from '../../demo/answers.ts'
import { Gateway } from '../../demo/gateway.ts'
import { freePort } from '../../demo/ports.ts'
import { generateSigningKey } from '../../demo/provider.ts'
import { type Reason, reasons, Refusal } from '../../src/refusal.ts'
import { Console, consoleGroups } from '../support/console.ts'
import { sessionTokenOf, webSecret } from '../support/session-tokens.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { WebBrowser } from '../support/web-browser.ts'
import {
  type ErrorFields,
  errorFields,
  message,
  sslRequest,
  startupPacket,
  untyped,
  WireClient,
} from '../support/wire-client.ts'

interface Answer extends Partial<ErrorFields> {
  readonly sqlstate: string
  readonly message: string
}

interface Scenario {
  /** Returns what the client read; undefined where nothing can be said to it. */
  readonly provoke: () => Promise<Answer | undefined>
  readonly expected: { readonly sqlstate: string; readonly message: string; detail?: RegExp }
  /** Whether PostgreSQL is asked before the refusal. */
  readonly reachesUpstream?: true
  /** Another gateway than the main one. */
  readonly gateway?: () => Side
}

/** A gateway with its own audit file. */
interface Side {
  readonly gateway: Gateway
  readonly auditFile: string
}

let stack: Stack
let main: Side
let impatient: Side
let full: Side
let crowded: Side
let limited: Side
let hasty: Side
let paused: Side
let silent: Server
let babbling: Server
/** An address that has to wait. */
let delayed: string
let pages: string

const elsewhere = ['internal-error', 'draining', 'oauth-discovery', 'audit-unavailable'] as const

const wrongCredential = 'password authentication failed for user "app_readonly"'
/** Whoever is verified is told what its own token says. */
const verifiedDetail = /^The token names the principal/
const couldNotConnect = 'could not connect to the database'

beforeAll(async () => {
  silent = await listening(() => {})
  babbling = await listening((bytes) =>
    bytes.length > 8 ? message('Z', Buffer.from('I')) : undefined,
  )
  const pagesPort = await freePort()
  pages = `https://localhost:${pagesPort}`
  stack = await Stack.start({
    settings: { log_connections: 'on' },
    prepare: async (folder) => {
      const entries = [{ subject: 'mallory', reason: 'left in March' }]
      await writeFile(join(folder, 'deny.json'), JSON.stringify(entries))
    },
    configure: (config) => {
      config['deny_file'] = 'deny.json'
      const people = config.integrations['people']!
      const sandbox = config.databases['sandbox']!['upstream'] as Record<string, unknown>
      const upstream = (changes: object): Record<string, unknown> => ({
        upstream: { ...sandbox, ...changes },
      })
      const personal = (provisioner: object): Record<string, unknown> => ({
        integrations: ['personal'],
        ...upstream({ database: 'sandbox', auth: { method: 'trust' }, provisioner }),
      })
      const noTls = { host: '127.0.0.1', tls: 'disable', connect_timeout: '500ms', ca: undefined }
      config.integrations = {
        ...config.integrations,
        groupless: { ...people, default_group: undefined, groups_claim_mappings: {} },
        dark: { ...people, issuer: 'https://localhost:1' },
        off: { ...people, enabled: false },
        blocking: { ...people, blocked_groups: ['engineering'] },
        asking: { ...people, userinfo_groups: true, groups_claim_ids: ['not_in_the_token'] },
        demanding: {
          ...people,
          required_claims: { email: { pattern: '[a-z]+@example\\.org' }, email_verified: true },
        },
        strict: { ...people, enable_id_token_authentication: false },
        patterned: { ...people, principal_regex: '^(nobody)@example\\.com$' },
        superior: { ...people, default_group: 'superior' },
        introspecting: {
          ...people,
          introspection: { client_id: 'm2m', client_secret: 'not its secret', cache: '0' },
        },
        decrypting: { ...people, decryption_keys_file: 'server.key' },
        accessing: { ...people, token_kinds: ['at+jwt'] },
        personal: { ...people, map_principal: true, provisioning: { enabled: true } },
      }
      config['tls'] = { ...(config['tls'] as object), client_ca: 'ca.crt' }
      config['web'] = { public_url: pages, listen_port: pagesPort, secret: webSecret }
      config.groups['superior'] = { role: 'chief' }
      config.databases = {
        ...config.databases,
        groupless: { integrations: ['groupless'], ...upstream({}) },
        dark: { integrations: ['dark'], ...upstream({}) },
        off: { integrations: ['off'], ...upstream({}) },
        blocking: { integrations: ['blocking'], ...upstream({}) },
        asking: { integrations: ['asking'], ...upstream({}) },
        demanding: { integrations: ['demanding'], ...upstream({}) },
        strict: { integrations: ['strict'], ...upstream({}) },
        patterned: { integrations: ['patterned'], ...upstream({}) },
        introspecting: { integrations: ['introspecting'], ...upstream({}) },
        decrypting: { integrations: ['decrypting'], ...upstream({}) },
        accessing: { integrations: ['accessing'], ...upstream({}) },
        superior: {
          integrations: ['superior'],
          ...upstream({
            database: 'sandbox',
            auth: { method: 'password', passwords: { chief: 'chief' } },
          }),
        },
        telling: {
          ...upstream({ database: 'sandbox' }),
          session_settings: { identity: true, claims: ['sub', 'filler'] },
        },
        unreachable: upstream({ port: 1 }),
        silent: upstream({ ...noTls, port: portOf(silent) }),
        babbling: upstream({ ...noTls, port: portOf(babbling) }),
        standbyless: upstream({ database: 'sandbox', target_session_attrs: 'standby' }),
        misnamed: upstream({ server_name: 'elsewhere.example.com' }),
        locked: upstream({ auth: { method: 'password', passwords: { app_readonly: 'wrong' } } }),
        exchanging: {
          exchange: { audience: 'elsewhere', client_id: 'nobody', client_secret: 'nothing' },
          ...upstream({ auth: { method: 'token' } }),
        },
        missing: upstream({ database: 'not_there' }),
        taken: personal({ role: 'maker', password: 'maker' }),
        unprovided: personal({ role: 'beginner', password: 'beginner' }),
        unmade: personal({ role: 'maker', password: 'wrong' }),
      }
      config.connectivity_pools = {
        ...config.connectivity_pools,
        far: {
          source_address: '192.0.2.0/24',
          participants: [{ node: 'gw0', listen_address: '127.0.0.2', listen_port: 0 }],
        },
        open: { participants: [{ node: 'gw0', listen_address: '127.0.0.3', listen_port: 0 }] },
        balanced: {
          participants: [
            {
              node: 'gw0',
              listen_address: '127.0.0.4',
              listen_port: 0,
              proxy_protocol: 'required',
            },
          ],
        },
        certified: {
          client_certificate: 'required',
          participants: [{ node: 'gw0', listen_address: '127.0.0.5', listen_port: 0 }],
        },
        interactive: {
          sso_integration: 'people',
          participants: [{ node: 'gw0', listen_address: '127.0.0.6', listen_port: 0 }],
        },
        relaying: {
          auth_methods: ['scram-sha-256', 'cleartext'],
          participants: [{ node: 'gw0', listen_address: '127.0.0.7', listen_port: 0 }],
        },
        paged: {
          sso_integration: 'people',
          sso_flows: ['authorizationCode'],
          participants: [{ node: 'gw0', listen_address: '127.0.0.8', listen_port: 0 }],
        },
        apart: {
          sso_integration: 'strict',
          participants: [{ node: 'gw0', listen_address: '127.0.0.9', listen_port: 0 }],
        },
        closed: {
          login_hours: [{ days: [theDayAfterTomorrow()] }],
          participants: [{ node: 'gw0', listen_address: '127.0.0.10', listen_port: 0 }],
        },
        grouped: {
          allowed_groups: ['superior'],
          participants: [{ node: 'gw0', listen_address: '127.0.0.11', listen_port: 0 }],
        },
        chosen: {
          allowed_integrations: ['machines'],
          participants: [{ node: 'gw0', listen_address: '127.0.0.12', listen_port: 0 }],
        },
      }
    },
  })
  await stack.postgres.sql(
    `create role chief login superuser password 'chief';
     create role maker login createrole password 'maker';
     grant app_readonly, app_readwrite to maker with admin true, inherit false, set false;
     create role beginner login createrole password 'beginner';
     create role alice`,
  )
  main = { gateway: stack.gateway, auditFile: 'audit.jsonl' }
  impatient = await anotherGateway('impatient', {
    timeouts: { startup: '1s', tls_handshake: '1s', authentication: '1s' },
    databases: { system: {}, sandbox: stack.config.databases['sandbox'] },
    integrations: {},
  })
  crowded = await anotherGateway('crowded', {
    limits: { max_unauthenticated: 2, max_unauthenticated_per_address: 1 },
  })
  limited = await anotherGateway('limited', { workers: 2, limits: { max_sessions_per_role: 1 } })
  hasty = await anotherGateway('hasty', {
    limits: { logins_per_second_per_address: 1, login_burst_per_address: 1 },
  })
  paused = await anotherGateway('paused', {
    console: consoleGroups,
    timeouts: { pause: '1s' },
    limits: { max_paused_logins: 1 },
  })
  delayed = await delayedAddress('app_readwrite')
  full = await anotherGateway('full', {
    limits: { max_sessions: 1, max_sign_ins: 0, max_relays: 0, max_console_sessions: 1 },
    console: { admin_groups: ['readonly'] },
    connectivity_pools: {
      sso_pool: {
        ...stack.config.connectivity_pools['sso_pool'],
        sso_integration: 'people',
        auth_methods: ['scram-sha-256', 'cleartext'],
        password_users: ['breakglass'],
      },
    },
  })
})

afterAll(async () => {
  await Promise.all(
    [impatient, full, crowded, limited, hasty, paused].map(async ({ gateway }) => gateway.stop()),
  )
  silent.close()
  babbling.close()
  await stack[Symbol.asyncDispose]()
})

async function listening(answer: (bytes: Buffer) => Buffer | undefined): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      const reply = answer(bytes)
      if (reply !== undefined) socket.write(reply)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function anotherGateway(name: string, changes: object): Promise<Side> {
  const folder = join(stack.folder, name)
  await mkdir(folder)
  for (const file of ['ca.crt', 'server.crt', 'server.key']) {
    await copyFile(join(stack.folder, file), join(folder, file))
  }
  const { connectivity_pools: pools } = stack.config
  const gateway = await Gateway.start({
    folder,
    config: {
      ...stack.config,
      web: undefined,
      deny_file: undefined,
      connectivity_pools: { sso_pool: pools['sso_pool'] },
      ...changes,
    },
  })
  return { gateway, auditFile: join(name, 'audit.jsonl') }
}

const user = 'app_readonly'
const inSandbox = { user, database: 'sandbox' }

/** Logs in over TLS and returns the refusal. */
async function refusedWith(
  password: string,
  parameters: Readonly<Record<string, string>> = inSandbox,
  port = main.gateway.port,
): Promise<Answer> {
  const client = await WireClient.connectSecurely(port, stack.authority.certificate)
  const answer = errorFields(await client.logIn(parameters, password))
  expect(answer.severity).toBe('FATAL')
  await client.closed()
  client.destroy()
  return answer
}

/** Connects to the gateway with few places, and says nothing. */
async function silentClient(from = '127.0.0.1'): Promise<WireClient> {
  const before = await connectionsOpen(crowded)
  const { port } = crowded.gateway
  const client = await WireClient.connect(port, '127.0.0.1', from)
  await until('its place', async () => (await connectionsOpen(crowded)) === before + 1)
  return client
}

async function leave(client: WireClient, side: Side): Promise<void> {
  const before = await connectionsOpen(side)
  client.destroy()
  await until('its leave', async () => (await connectionsOpen(side)) === before - 1)
}

async function connectionsOpen({ gateway }: Side): Promise<number> {
  return stack.metric('portcullis_connections_open', {}, gateway)
}

/** A session that is open. */
async function inClient({ gateway }: Side): Promise<WireClient> {
  const client = await WireClient.connectSecurely(gateway.port, stack.authority.certificate)
  await client.logIn(inSandbox, await stack.token())
  await client.readUntil('Z')
  return client
}

/** Whoever logs in where these commands were given waits, or is refused. */
async function refusedAfter(
  commands: readonly string[],
  act: (console: Console) => Promise<Answer>,
): Promise<Answer> {
  const console = await Console.connect(stack, paused.gateway)
  for (const command of commands) await console.done(command)
  const answer = await act(console)
  for (const command of ['RESUME sandbox', 'ENABLE sandbox']) await console.say(command)
  await console.close()
  return answer
}

/** Logs in where it has to wait. */
async function waitingClient(): Promise<WireClient> {
  const { gateway } = paused
  const client = await WireClient.connectSecurely(gateway.port, stack.authority.certificate)
  client.startup(inSandbox)
  await client.read()
  client.password(await stack.token())
  await until(
    'it to wait',
    async () => (await stack.metric('portcullis_logins_paused', {}, gateway)) === 1,
  )
  return client
}

const inPaused = async (): Promise<Answer> =>
  refusedWith(await stack.token(), inSandbox, paused.gateway.port)

async function tokenRefused(changes: Readonly<Record<string, unknown>>): Promise<Answer> {
  return refusedWith(await stack.token(changes))
}

/** Sends bytes without TLS and returns the refusal. */
async function refusedInClear(bytes: Buffer, gateway = main.gateway): Promise<Answer> {
  const client = await WireClient.connect(gateway.port)
  client.send(bytes)
  const answer = await client.readError()
  await client.closed()
  client.destroy()
  return answer
}

async function bob(database: string, asUser = user): Promise<Answer> {
  return refusedWith(await stack.provider.mintIdToken('bob'), { user: asUser, database })
}

/** Tries so many wrong passwords at once on the pool that takes them. */
async function guessPasswords(
  role: string,
  from: string,
  count: number,
): Promise<readonly Answer[]> {
  const port = main.gateway.portOf(2)
  const parameters = { user: role, database: 'sandbox' }
  const clients = await Promise.all(
    Array.from({ length: count }, async () => {
      const client = await WireClient.connect(port, '127.0.0.3', from)
      await client.startTls(stack.authority.certificate)
      return client
    }),
  )
  // All are asked before one has failed: whoever comes behind that is not counted.
  for (const client of clients) client.startup(parameters)
  await Promise.all(clients.map(async (client) => client.read()))
  for (const [index, client] of clients.entries()) client.password(`not the password ${index}`)
  return Promise.all(clients.map(async (client) => client.readError()))
}

/**
 * An address that has to wait for minutes: eight guesses of it count, since they were tried at once. On a busy
 * machine one of them may come behind the first answer, which is not tried; then it is another address' turn.
 */
async function delayedAddress(role: string): Promise<string> {
  for (let last = 99; last > 89; last--) {
    const address = `127.0.0.${last}`
    const answers = await guessPasswords(role, address, 8)
    if (answers.every(({ sqlstate }) => sqlstate === '28P01')) return address
  }
  throw new Error('guesses of one address were never tried at once')
}

async function alice(database: string): Promise<Answer> {
  return refusedWith(await stack.token(), { user, database })
}

/** By another listener than the first. */
async function aliceAt(host: string, listener: number): Promise<Answer> {
  const client = await WireClient.connect(main.gateway.portOf(listener), host)
  await client.startTls(stack.authority.certificate)
  const answer = errorFields(await client.logIn(inSandbox, await stack.token()))
  client.destroy()
  return answer
}

function theDayAfterTomorrow(): string {
  const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
  return days[(new Date().getUTCDay() + 2) % 7] ?? ''
}

/** As whoever the token names, where everybody has a role of their own. */
async function personal(database: string, name: string): Promise<Answer> {
  return refusedWith(await stack.provider.mintIdToken(name), { user: 'id_token', database })
}

/** A token that says nothing of itself, of the user for access tokens. */
async function opaque(database: string): Promise<Answer> {
  return refusedWith('0paque-t0ken', { user: 'access_token', database })
}

const samlResponse = Buffer.from(
  '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0"/>',
).toString('base64')

/** To the key of nobody. */
async function encrypted(content: string): Promise<string> {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return new CompactEncrypt(Buffer.from(content))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', cty: 'JWT' })
    .encrypt(publicKey)
}

/** Asks for interactive sign-in, and returns the refusal, behind the notice if there is one. */
async function signInRefused(
  parameters: Readonly<Record<string, string>>,
  host = '127.0.0.1',
  listener = 0,
): Promise<Answer> {
  const client = await WireClient.connect(main.gateway.portOf(listener), host)
  await client.startTls(stack.authority.certificate)
  client.startup({ user: 'sso', database: 'sandbox', ...parameters })
  const answer = await client.readUntilError()
  client.destroy()
  return answer
}

/** Asks for sign-in by way of our own pages, and returns the refusal after what a browser does there. */
async function onPage(act: (browser: WebBrowser) => Promise<void>): Promise<Answer> {
  const client = await WireClient.connect(main.gateway.portOf(7), '127.0.0.8')
  await client.startTls(stack.authority.certificate)
  client.startup({ user: 'sso', database: 'sandbox' })
  const { body } = await client.readUntil('N')
  const [address = ''] = /https:\S+/.exec(body.toString()) ?? []
  const browser = new WebBrowser(stack.authority.certificate)
  await browser.open(address)
  await act(browser)
  const answer = await client.readUntilError()
  client.destroy()
  return answer
}

/** The same on the pool for it, while the provider answers some paths differently. */
async function interactively(
  interceptions: readonly (readonly [string, ProviderAnswer])[],
): Promise<Answer> {
  const restore = interceptions.map(([path, answer]) => stack.provider.intercept(path, answer))
  try {
    return await signInRefused({}, '127.0.0.6', 5)
  } finally {
    for (const one of restore) one()
  }
}

function deviceGrant(expiresIn: number): ProviderAnswer {
  return answers.json({
    device_code: 'device',
    user_code: 'ABCD-EFGH',
    verification_uri: `${stack.provider.issuer}/device`,
    expires_in: expiresIn,
    interval: 1,
  })
}

function oauthError(error: string): ProviderAnswer {
  return (_, response) => {
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
  }
}

/** Answers the offer of OAUTHBEARER with a message, and returns the refusal. */
async function saslRefused(answer: Buffer, method = 'oauthbearer'): Promise<Answer> {
  const client = await WireClient.connectSecurely(main.gateway.port, stack.authority.certificate)
  client.startup({ ...inSandbox, options: `-c auth_method=${method}` })
  if (method !== 'oauthbearer') return client.readError()
  await client.read()
  client.send(answer)
  const refused = await client.readError()
  client.destroy()
  return refused
}

/** Begins a password that is relayed, and returns the refusal. */
async function relayRefused(
  first: string,
  {
    gateway,
    asUser,
    host,
    listener,
  }: { gateway: Gateway; asUser: string; host: string; listener: number } = {
    gateway: main.gateway,
    asUser: user,
    host: '127.0.0.7',
    listener: 6,
  },
): Promise<Answer> {
  const client = await WireClient.connect(gateway.portOf(listener), host)
  await client.startTls(stack.authority.certificate)
  client.startup({ user: asUser, database: 'sandbox' })
  await client.read()
  client.send(saslInitialResponse(first, 'SCRAM-SHA-256'))
  const refused = await client.readError()
  client.destroy()
  return refused
}

function saslInitialResponse(response: string, mechanism = 'OAUTHBEARER'): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(response.length)
  return message('p', Buffer.concat([Buffer.from(`${mechanism}\0`), length, Buffer.from(response)]))
}

const scenarios: Readonly<Record<Exclude<Reason, (typeof elsewhere)[number]>, Scenario>> = {
  'malformed-startup': {
    provoke: async () => refusedInClear(Buffer.from('GET / HTTP/1.1\r\n\r\n')),
    expected: { sqlstate: '08P01', message: 'invalid startup packet' },
  },
  'unsupported-protocol': {
    provoke: async () => refusedInClear(untyped(4 << 16, Buffer.alloc(300))),
    expected: {
      sqlstate: '0A000',
      message: 'unsupported frontend protocol 4.0: server supports 3.0 to 3.2',
    },
  },
  'early-data': {
    provoke: async () => refusedInClear(Buffer.concat([sslRequest, startupPacket(inSandbox)])),
    expected: { sqlstate: '08P01', message: 'received unencrypted data after SSL request' },
  },
  'startup-timeout': {
    provoke: async () => {
      const client = await WireClient.connect(impatient.gateway.port)
      return client.readError()
    },
    gateway: () => impatient,
    expected: { sqlstate: '08006', message: 'startup timeout' },
  },
  'tls-failed': {
    provoke: async () => {
      const client = await WireClient.connect(impatient.gateway.port)
      client.send(sslRequest)
      await client.readBytes(1)
      await client.closed()
      return undefined
    },
    gateway: () => impatient,
    expected: { sqlstate: '08006', message: 'the TLS handshake failed' },
  },
  'tls-required': {
    provoke: async () => refusedInClear(startupPacket(inSandbox)),
    expected: {
      sqlstate: '28000',
      message: 'connection is insecure (try using `sslmode=require`)',
    },
  },
  'client-certificate': {
    provoke: async () => {
      const client = await WireClient.connect(main.gateway.portOf(4), '127.0.0.5')
      await client.startTls(stack.authority.certificate)
      client.startup(inSandbox)
      return client.readError()
    },
    expected: { sqlstate: '28000', message: 'connection requires a valid client certificate' },
  },
  'no-pool': {
    provoke: async () => {
      const client = await WireClient.connect(main.gateway.portOf(1), '127.0.0.2')
      await client.startTls(stack.authority.certificate)
      client.startup(inSandbox)
      return client.readError()
    },
    expected: {
      sqlstate: '28000',
      message: 'no entry for host "127.0.0.1", user "app_readonly", database "sandbox"',
    },
  },
  'login-hours': {
    provoke: async () => {
      const client = await WireClient.connect(main.gateway.portOf(9), '127.0.0.10')
      await client.startTls(stack.authority.certificate)
      client.startup(inSandbox)
      return client.readError()
    },
    expected: { sqlstate: '28000', message: 'pool "closed" takes no logins at this time' },
  },
  'proxy-required': {
    provoke: async () => {
      const client = await WireClient.connect(main.gateway.portOf(3), '127.0.0.4')
      return client.readError()
    },
    expected: { sqlstate: '28000', message: 'this listener is for load balancers' },
  },
  'too-many-sessions': {
    provoke: async () => {
      const { port } = full.gateway
      const first = await WireClient.connectSecurely(port, stack.authority.certificate)
      await first.logIn(inSandbox, await stack.token())
      await first.readUntil('Z')
      const answer = await refusedWith(await stack.token(), inSandbox, port)
      first.destroy()
      return answer
    },
    gateway: () => full,
    reachesUpstream: true,
    expected: { sqlstate: '53300', message: 'sorry, too many clients already' },
  },
  'console-not-allowed': {
    provoke: async () => refusedWith(await stack.token(), { user, database: 'portcullis' }),
    expected: {
      sqlstate: '28000',
      message: 'identity "alice" may not use the console',
      detail: verifiedDetail,
    },
  },
  'console-integration': {
    provoke: async () => {
      const client = await WireClient.connect(main.gateway.portOf(8), '127.0.0.9')
      await client.startTls(stack.authority.certificate)
      client.startup({ user: 'sso', database: 'system' })
      return client.readError()
    },
    expected: {
      sqlstate: '28000',
      message: 'this connectivity pool does not sign in to the console',
    },
  },
  'database-disabled': {
    provoke: async () => refusedAfter(['DISABLE sandbox'], inPaused),
    gateway: () => paused,
    expected: { sqlstate: '57P03', message: 'database "sandbox" is disabled' },
  },
  'pause-timeout': {
    provoke: async () => refusedAfter(['PAUSE sandbox'], inPaused),
    gateway: () => paused,
    expected: {
      sqlstate: '57P03',
      message: 'database "sandbox" is paused, and was not resumed within 1 seconds',
    },
  },
  'too-many-waiting': {
    provoke: async () =>
      refusedAfter(['PAUSE sandbox'], async (console) => {
        const first = await waitingClient()
        const answer = await inPaused()
        await console.done('RESUME sandbox')
        await first.readUntil('Z')
        first.destroy()
        return answer
      }),
    gateway: () => paused,
    reachesUpstream: true,
    expected: {
      sqlstate: '53300',
      message: 'database "sandbox" is paused, and too many clients wait for it',
    },
  },
  'database-killed': {
    provoke: async () =>
      refusedAfter(['PAUSE sandbox'], async (console) => {
        const client = await waitingClient()
        await console.done('KILL sandbox')
        const answer = await client.readError()
        client.destroy()
        return answer
      }),
    gateway: () => paused,
    expected: {
      sqlstate: '57P01',
      message: 'terminating connection due to administrator command',
    },
  },
  'console-limit': {
    provoke: async () => {
      const { port } = full.gateway
      const atConsole = { user, database: 'pgbouncer' }
      const first = await WireClient.connectSecurely(port, stack.authority.certificate)
      await first.logIn(atConsole, await stack.token())
      await first.readUntil('Z')
      const answer = await refusedWith(await stack.token(), atConsole, port)
      first.destroy()
      return answer
    },
    gateway: () => full,
    expected: { sqlstate: '53300', message: 'too many sessions at the console' },
  },
  'too-many-unauthenticated': {
    provoke: async () => {
      const silent = [await silentClient(), await silentClient('127.0.0.2')]
      const answer = await refusedWith('', inSandbox, crowded.gateway.port)
      for (const one of silent) await leave(one, crowded)
      return answer
    },
    gateway: () => crowded,
    expected: { sqlstate: '53300', message: 'too many connections are logging in' },
  },
  'too-many-from-address': {
    provoke: async () => {
      const silent = await silentClient()
      const answer = await refusedWith('', inSandbox, crowded.gateway.port)
      await leave(silent, crowded)
      return answer
    },
    gateway: () => crowded,
    expected: {
      sqlstate: '53300',
      message: 'too many connections from address "127.0.0.1" are logging in',
    },
  },
  'no-user': {
    provoke: async () => refusedInClear(startupPacket({ database: 'sandbox' })),
    expected: {
      sqlstate: '28000',
      message: 'no PostgreSQL user name specified in startup packet',
    },
  },
  'replication-not-allowed': {
    provoke: async () => refusedInClear(startupPacket({ ...inSandbox, replication: 'database' })),
    expected: {
      sqlstate: '28000',
      message: 'pool "sso_pool" does not allow replication connections',
    },
  },
  'unknown-database': {
    provoke: async () => alice('nowhere'),
    expected: {
      sqlstate: '3D000',
      message: 'database "nowhere" does not exist',
      detail: verifiedDetail,
    },
  },
  'malformed-password': {
    provoke: async () => {
      const client = await WireClient.connectSecurely(
        main.gateway.port,
        stack.authority.certificate,
      )
      client.startup(inSandbox)
      await client.read()
      client.query('select 1')
      return client.readError()
    },
    expected: { sqlstate: '08P01', message: 'expected password response, got something else' },
  },
  'auth-method-unavailable': {
    provoke: async () => saslRefused(Buffer.alloc(0), 'kerberos'),
    expected: {
      sqlstate: '28000',
      message: 'authentication method "kerberos" is not available in pool "sso_pool"',
    },
  },
  'sign-in-unavailable': {
    provoke: async () => signInRefused({}),
    expected: {
      sqlstate: '28000',
      message: 'interactive sign-in is not available in pool "sso_pool"',
    },
  },
  'sign-in-flow': {
    provoke: async () => signInRefused({ options: '-c ssoOAuthFlow=implicit' }),
    expected: {
      sqlstate: '0A000',
      message: 'the sign-in flow "implicit" is not supported',
    },
  },
  'sign-in-denied': {
    provoke: async () =>
      interactively([
        ['/device/auth', deviceGrant(60)],
        ['/token', oauthError('access_denied')],
      ]),
    expected: { sqlstate: '28000', message: 'the sign-in was denied' },
  },
  'sign-in-disowned': {
    provoke: async () =>
      onPage(async (browser) => {
        await browser.press('This was not me')
        expect(browser.text).toContain('Nobody was let in')
      }),
    expected: {
      sqlstate: '28000',
      message: 'the sign-in was refused by somebody who did not begin it',
    },
  },
  'sign-in-other-browser': {
    provoke: async () =>
      onPage(async (browser) => {
        await browser.press('Continue to sign in', ({ pathname }) => pathname === '/auth')
        const state = browser.leadsTo?.searchParams.get('state') ?? ''
        const another = new WebBrowser(stack.authority.certificate)
        await another.open(`${pages}/sign-in/callback?code=any&state=${state}`)
        expect(another.status).toBe(403)
      }),
    expected: {
      sqlstate: '28000',
      message: 'the sign-in was completed in another browser than the one that began it',
    },
  },
  'sign-in-timeout': {
    provoke: async () => interactively([['/device/auth', deviceGrant(1)]]),
    expected: { sqlstate: '28000', message: 'nobody signed in within 1 seconds' },
  },
  'sign-in-failed': {
    provoke: async () => interactively([['/device/auth', oauthError('unauthorized_client')]]),
    expected: {
      sqlstate: '08006',
      message: 'identity provider for pool "interactive" is unavailable',
    },
  },
  'too-many-sign-ins': {
    provoke: async () => {
      const client = await WireClient.connectSecurely(
        full.gateway.port,
        stack.authority.certificate,
      )
      client.startup({ user: 'sso', database: 'sandbox' })
      return client.readError()
    },
    gateway: () => full,
    expected: { sqlstate: '53300', message: 'too many people are signing in' },
  },
  'malformed-sasl-response': {
    provoke: async () => saslRefused(message('Q', Buffer.from('select 1\0'))),
    expected: { sqlstate: '08P01', message: 'expected SASL response, got something else' },
  },
  'sasl-mechanism': {
    provoke: async () => saslRefused(saslInitialResponse('n,,', 'SCRAM-SHA-256')),
    expected: {
      sqlstate: '08P01',
      message: 'client selected an invalid SASL authentication mechanism',
    },
  },
  'malformed-scram': {
    provoke: async () => relayRefused('n,,correct horse battery staple'),
    expected: { sqlstate: '08P01', message: 'malformed SCRAM message' },
  },
  'channel-binding': {
    provoke: async () => relayRefused('y,,n=,r=clientnonce'),
    reachesUpstream: true,
    expected: {
      sqlstate: '28000',
      message: 'channel binding is not available through this gateway',
    },
  },
  'too-many-relays': {
    provoke: async () =>
      relayRefused('n,,n=,r=clientnonce', {
        ...{ gateway: full.gateway, asUser: 'breakglass', host: '127.0.0.1', listener: 0 },
      }),
    gateway: () => full,
    expected: {
      sqlstate: '53300',
      message: 'too many clients are logging in with a password',
    },
  },
  'password-not-relayed': {
    provoke: async () => {
      const client = await WireClient.connect(main.gateway.portOf(6), '127.0.0.7')
      await client.startTls(stack.authority.certificate)
      const parameters = { ...inSandbox, options: '-c auth_method=cleartext' }
      const answer = errorFields(await client.logIn(parameters, 'correct horse battery staple'))
      client.destroy()
      return answer
    },
    expected: {
      sqlstate: '28000',
      message: 'passwords are only taken by SCRAM-SHA-256 in pool "relaying"',
    },
  },
  'malformed-oauthbearer': {
    provoke: async () => saslRefused(saslInitialResponse('p=tls-exporter,,\x01auth=\x01\x01')),
    expected: {
      sqlstate: '08P01',
      message: 'malformed OAUTHBEARER message',
      detail: /channel binding/,
    },
  },
  'authorization-identity': {
    provoke: async () => saslRefused(saslInitialResponse('n,a=alice,\x01auth=\x01\x01')),
    expected: {
      sqlstate: '0A000',
      message: 'client uses authorization identity, but it is not supported',
    },
  },
  'password-too-long': {
    provoke: async () => refusedWith('x'.repeat(65_531)),
    expected: { sqlstate: '08P01', message: 'password is longer than 65530 bytes' },
  },
  'authentication-timeout': {
    provoke: async () => {
      const client = await WireClient.connectSecurely(
        impatient.gateway.port,
        stack.authority.certificate,
      )
      client.startup(inSandbox)
      await client.read()
      return client.readError()
    },
    gateway: () => impatient,
    expected: { sqlstate: '08006', message: 'authentication timeout' },
  },
  'empty-password': {
    provoke: async () => refusedWith(''),
    expected: { sqlstate: '28P01', message: 'empty password returned by client' },
  },
  'sso-required': {
    provoke: async () => refusedWith('correct horse battery staple'),
    expected: {
      sqlstate: '28000',
      message: 'This connectivity pool requires SSO authentication',
    },
  },
  'integration-none': {
    provoke: async () => refusedWith(await stack.token(), inSandbox, impatient.gateway.port),
    gateway: () => impatient,
    expected: {
      sqlstate: '28000',
      message: 'single sign-on is not configured for database "sandbox"',
    },
  },
  'integration-unknown': {
    provoke: async () =>
      refusedWith(await stack.token(), { ...inSandbox, options: '-c identityprovider=other' }),
    expected: {
      sqlstate: '28000',
      message: 'identity provider "other" is not available for database "sandbox"',
    },
  },
  'integration-disabled': {
    provoke: async () => alice('off'),
    expected: {
      sqlstate: '28000',
      message: 'single sign-on with this identity provider is switched off',
    },
  },
  'integration-not-allowed': {
    provoke: async () => aliceAt('127.0.0.12', 11),
    expected: {
      sqlstate: '28000',
      message: 'single sign-on with this identity provider is not available in pool "chosen"',
    },
  },
  'id-token-disabled': {
    provoke: async () => refusedWith(await stack.token(), { user: 'id_token', database: 'strict' }),
    expected: {
      sqlstate: '28000',
      message: 'token authentication is not enabled for this identity provider',
    },
  },
  'access-token-unsupported': {
    provoke: async () => opaque('sandbox'),
    expected: {
      sqlstate: '0A000',
      message:
        'the OpenID provider does not support the request: there is no introspection_endpoint',
    },
  },
  'saml-unsupported': {
    provoke: async () => refusedWith(samlResponse),
    expected: { sqlstate: '0A000', message: 'cannot log in with a SAML assertion' },
  },
  // The provider does not know the secret, and answers 401.
  'introspection-unavailable': {
    provoke: async () => opaque('introspecting'),
    expected: {
      sqlstate: '08006',
      message: 'identity provider for pool "sso_pool" is unavailable',
    },
  },
  'token-inactive': {
    provoke: async () => {
      const inactive = answers.json({ active: false })
      const restore = stack.provider.intercept('/token/introspection', inactive)
      return opaque('introspecting').finally(restore)
    },
    expected: {
      sqlstate: '28P01',
      message: 'password authentication failed for user "access_token"',
    },
  },
  'keys-unavailable': {
    provoke: async () => alice('dark'),
    expected: {
      sqlstate: '08006',
      message: 'identity provider for pool "sso_pool" is unavailable',
    },
  },
  // The provider takes access tokens at its userinfo endpoint, and this is an ID token.
  'userinfo-unavailable': {
    provoke: async () => alice('asking'),
    expected: {
      sqlstate: '08006',
      message: 'identity provider for pool "sso_pool" is unavailable',
    },
  },
  'token-malformed': {
    provoke: async () => refusedWith((await stack.token()).split('.').slice(0, 2).join('.')),
    expected: { sqlstate: '28P01', message: wrongCredential },
  },
  'token-encrypted': {
    provoke: async () => refusedWith(await encrypted(await stack.token())),
    expected: { sqlstate: '0A000', message: 'encrypted tokens are not accepted' },
  },
  'token-decryption': {
    provoke: async () =>
      refusedWith(await encrypted(await stack.token()), { user, database: 'decrypting' }),
    expected: { sqlstate: '28P01', message: wrongCredential },
  },
  'token-algorithm': {
    provoke: async () => refusedWith(await forgedWithPublicKey()),
    expected: { sqlstate: '28P01', message: wrongCredential },
  },
  'token-issuer': {
    provoke: async () => tokenRefused({ iss: 'https://elsewhere.example.com' }),
    expected: { sqlstate: '28P01', message: wrongCredential },
  },
  'token-unknown-key': {
    provoke: async () => {
      const key = { ...(await generateSigningKey('RS256')), kid: 'made-up' }
      return refusedWith(await stack.provider.mintIdToken('alice', {}, { key }))
    },
    expected: { sqlstate: '28P01', message: wrongCredential },
  },
  'token-signature': {
    provoke: async () => {
      const [header, , signature] = (await stack.token()).split('.')
      const [, claims] = (await stack.token({ email: 'eve@example.com' })).split('.')
      return refusedWith([header, claims, signature].join('.'))
    },
    expected: { sqlstate: '28P01', message: wrongCredential },
  },
  'token-expired': {
    provoke: async () => tokenRefused({ exp: 1_700_000_000 }),
    expected: {
      sqlstate: '28P01',
      message: wrongCredential,
      detail: /^The token expired at 2023-11-14T22:13:20.000Z, \d+ seconds ago\.$/,
    },
  },
  'session-tokens-disabled': {
    provoke: async () => {
      const { token } = await sessionTokenOf(stack)
      return refusedWith(token, inSandbox, limited.gateway.port)
    },
    gateway: () => limited,
    expected: { sqlstate: '28000', message: 'session tokens are not accepted' },
  },
  'session-token-outdated': {
    provoke: async () => {
      const { token } = await sessionTokenOf(stack, {
        by: (config) => ({
          ...config,
          integrations: {
            ...config.integrations,
            people: { ...config.integrations['people']!, required_acr: ['before'] },
          },
        }),
      })
      return refusedWith(token)
    },
    expected: {
      sqlstate: '28P01',
      message: 'the session token is of before a change of the configuration',
    },
  },
  'session-token-bounds': {
    provoke: async () => {
      const { token } = await sessionTokenOf(stack, { bounds: { user: 'app_readwrite' } })
      return refusedWith(token)
    },
    expected: {
      sqlstate: '28000',
      message: 'the session token is not good for user "app_readonly"',
      detail: /^The session token is good for user "app_readwrite" alone\.$/,
    },
  },
  'session-token-upstream': {
    provoke: async () => {
      const { token } = await sessionTokenOf(stack)
      return refusedWith(token, { user, database: 'exchanging' })
    },
    expected: { sqlstate: '28000', message: 'database "exchanging" takes no session tokens' },
  },
  'token-not-yet-valid': {
    provoke: async () => tokenRefused({ nbf: 4_000_000_000, exp: 4_000_000_100 }),
    expected: {
      sqlstate: '28P01',
      message: wrongCredential,
      detail: /^The token is not valid before 2096-10-02T07:06:40.000Z\.$/,
    },
  },
  'token-audience': {
    provoke: async () => tokenRefused({ aud: 'another-application' }),
    expected: {
      sqlstate: '28P01',
      message: wrongCredential,
      detail: /^The token was issued for an alternate audience: "another-application"\.$/,
    },
  },
  'token-authorized-party': {
    provoke: async () => tokenRefused({ azp: 'another-application' }),
    expected: {
      sqlstate: '28P01',
      message: wrongCredential,
      detail: /does not match the configured client_id/,
    },
  },
  'token-type': {
    provoke: async () =>
      refusedWith(await stack.provider.mintIdToken('alice', {}, { header: { typ: 'logout+jwt' } })),
    expected: {
      sqlstate: '28P01',
      message: wrongCredential,
      detail: /^The token is of type "logout\+jwt"\.$/,
    },
  },
  'token-claim': {
    provoke: async () => tokenRefused({ exp: undefined }),
    expected: {
      sqlstate: '28P01',
      message: wrongCredential,
      detail: /^The claim "exp" is missing or not of the right type\.$/,
    },
  },
  'token-sender-constraint': {
    provoke: async () => tokenRefused({ cnf: { 'x5t#S256': 'A'.repeat(43) } }),
    expected: {
      sqlstate: '28P01',
      message: wrongCredential,
      detail: /^The token is bound to a client certificate, and this connection has none\.$/,
    },
  },
  'group-blocked': {
    provoke: async () => bob('blocking'),
    expected: {
      sqlstate: '28000',
      message: 'identity "bob" may not use pool "sso_pool"',
      detail: verifiedDetail,
    },
  },
  'no-group': {
    provoke: async () => bob('groupless'),
    expected: {
      sqlstate: '28000',
      message: 'identity "bob" may not use pool "sso_pool"',
      detail: /^The token names the principal "bob" and the groups engineering\.$/,
    },
  },
  'group-not-allowed': {
    provoke: async () => aliceAt('127.0.0.11', 10),
    expected: {
      sqlstate: '28000',
      message: 'identity "alice" may not use pool "grouped"',
      detail: verifiedDetail,
    },
  },
  'principal-unmapped': {
    provoke: async () => alice('patterned'),
    expected: {
      sqlstate: '28000',
      message: 'identity "alice" may not use pool "sso_pool"',
      detail: verifiedDetail,
    },
  },
  'role-not-allowed': {
    provoke: async () => bob('sandbox', 'app_readwrite'),
    expected: {
      sqlstate: '28000',
      message: 'identity "bob" may not log in as user "app_readwrite"',
      detail: verifiedDetail,
    },
  },
  'role-reserved': {
    provoke: async () => refusedWith(await stack.token(), { user: 'chief', database: 'superior' }),
    reachesUpstream: true,
    expected: {
      sqlstate: '28000',
      message: 'user "chief" is reserved and cannot log in by single sign-on',
    },
  },
  'role-taken': {
    provoke: async () => personal('taken', 'alice'),
    reachesUpstream: true,
    expected: {
      sqlstate: '28000',
      message: 'the role of identity "alice" exists already and is not its own',
    },
  },
  // It may create roles, and not grant those of the groups.
  'provisioning-failed': {
    provoke: async () => personal('unprovided', 'bob'),
    reachesUpstream: true,
    expected: { sqlstate: '08004', message: 'the role of this identity could not be made ready' },
  },
  'provisioning-unavailable': {
    provoke: async () => personal('unmade', 'bob'),
    reachesUpstream: true,
    expected: { sqlstate: '08001', message: couldNotConnect },
  },
  'setting-reserved': {
    provoke: async () =>
      refusedWith(await stack.token(), {
        user,
        database: 'telling',
        options: '-c portcullis.subject=bob',
      }),
    expected: {
      sqlstate: '55P02',
      message: 'parameter "portcullis.subject" cannot be set by a client',
    },
  },
  'identity-unusable': {
    provoke: async () =>
      refusedWith(await stack.token({ filler: 'f'.repeat(10_000) }), { user, database: 'telling' }),
    reachesUpstream: true,
    expected: {
      sqlstate: '54000',
      message: 'identity "alice" cannot be told to database "telling"',
    },
  },
  denied: {
    provoke: async () => tokenRefused({ sub: 'mallory' }),
    expected: { sqlstate: '28000', message: 'access is denied' },
  },
  'exchange-failed': {
    provoke: async () => {
      const restore = stack.provider.intercept('/token', answers.status(500))
      const answer = await alice('exchanging')
      restore()
      return answer
    },
    expected: {
      sqlstate: '08006',
      message: 'identity provider for pool "sso_pool" is unavailable',
    },
  },
  // The provider knows neither the client nor the audience.
  'exchange-refused': {
    provoke: async () => alice('exchanging'),
    expected: {
      sqlstate: '28000',
      message: 'identity provider for pool "sso_pool" issued no token for database "exchanging"',
    },
  },
  'upstream-unreachable': {
    provoke: async () => alice('unreachable'),
    expected: { sqlstate: '08001', message: couldNotConnect },
  },
  'upstream-timeout': {
    provoke: async () => alice('silent'),
    expected: { sqlstate: '08001', message: couldNotConnect },
  },
  'upstream-unwanted': {
    provoke: async () => alice('standbyless'),
    reachesUpstream: true,
    expected: { sqlstate: '08001', message: couldNotConnect },
  },
  'upstream-tls': {
    provoke: async () => alice('misnamed'),
    reachesUpstream: true,
    expected: { sqlstate: '08001', message: couldNotConnect },
  },
  'upstream-authentication': {
    provoke: async () => alice('locked'),
    reachesUpstream: true,
    expected: { sqlstate: '08001', message: couldNotConnect },
  },
  'wrong-password': {
    provoke: async () => {
      const client = await WireClient.connect(main.gateway.portOf(2), '127.0.0.3')
      await client.startTls(stack.authority.certificate)
      return errorFields(await client.logIn(inSandbox, 'not the password'))
    },
    reachesUpstream: true,
    expected: { sqlstate: '28P01', message: wrongCredential },
  },
  'session-limit': {
    provoke: async () => {
      const first = await inClient(limited)
      const answer = await refusedWith(await stack.token(), inSandbox, limited.gateway.port)
      await leave(first, limited)
      return answer
    },
    gateway: () => limited,
    reachesUpstream: true,
    expected: { sqlstate: '53300', message: 'too many sessions for role "app_readonly"' },
  },
  // The primary, which counts, is stopped; its workers are not.
  'limits-unavailable': {
    provoke: async () => {
      const { process: primary } = limited.gateway
      primary.kill('SIGSTOP')
      try {
        return await refusedWith(await stack.token(), inSandbox, limited.gateway.port)
      } finally {
        primary.kill('SIGCONT')
      }
    },
    gateway: () => limited,
    expected: { sqlstate: '57P03', message: 'the gateway cannot take new sessions at the moment' },
  },
  throttled: {
    provoke: async () => (await guessPasswords('app_readwrite', delayed, 1))[0],
    expected: {
      sqlstate: '53300',
      message: expect.stringMatching(
        /^too many failed authentication attempts; retry in [12]\d\d s$/,
      ) as string,
    },
  },
  'too-many-logins': {
    provoke: async () => {
      const first = await WireClient.connect(hasty.gateway.port)
      const answer = await refusedWith(await stack.token(), inSandbox, hasty.gateway.port)
      first.destroy()
      return answer
    },
    gateway: () => hasty,
    expected: {
      sqlstate: '53300',
      message: 'too many connections from address "127.0.0.1" within a short time',
    },
  },
  'upstream-protocol': {
    provoke: async () => alice('babbling'),
    expected: { sqlstate: '08001', message: couldNotConnect },
  },
  'upstream-refused': {
    provoke: async () => alice('missing'),
    reachesUpstream: true,
    expected: { sqlstate: '3D000', message: 'database "not_there" does not exist' },
  },
}

/** The claims of a genuine token under another header, signed by whoever calls. */
async function forge(
  header: Readonly<Record<string, unknown>>,
  sign: (signed: string) => string,
): Promise<string> {
  const [, claims] = (await stack.token()).split('.')
  const signed = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims!}`
  return `${signed}.${sign(signed)}`
}

/** HS256 with the issuer's public key as the secret (RFC 8725, 2.1). */
async function forgedWithPublicKey(): Promise<string> {
  const response = await getJson(`${stack.provider.issuer}/jwks`)
  const { keys } = response as { keys: (JsonWebKey & { kid: string })[] }
  const key = keys.find(({ kty }) => kty === 'RSA')!
  const pem = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  return forge({ alg: 'HS256', typ: 'JWT', kid: key.kid }, (signed) =>
    createHmac('sha256', pem).update(signed).digest('base64url'),
  )
}

async function getJson(url: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    get(url, { ca: stack.authority.certificate, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => {
        resolve(JSON.parse(body))
      })
    }).on('error', reject)
  })
}

/** More ways to the same reasons. */
const variants: readonly (readonly [string, Reason, Scenario])[] = [
  [
    'a claim without the value that is required',
    'token-claim',
    {
      provoke: async () => alice('demanding'),
      expected: {
        sqlstate: '28P01',
        message: wrongCredential,
        detail: /^The claim "email" is missing or does not have a value that is accepted\.$/,
      },
    },
  ],
  [
    'a token without a signature (alg none)',
    'token-algorithm',
    {
      provoke: async () => refusedWith(await forge({ alg: 'none' }, () => '')),
      expected: { sqlstate: '28P01', message: wrongCredential },
    },
  ],
  [
    'an ID token where access tokens alone are accepted',
    'token-type',
    {
      provoke: async () => alice('accessing'),
      expected: {
        sqlstate: '28P01',
        message: wrongCredential,
        detail: /^The token is an ID token \(id_token\); accepted here: at\+jwt\.$/,
      },
    },
  ],
  [
    'an ID token of the user for access tokens',
    'token-type',
    {
      provoke: async () =>
        refusedWith(await stack.token(), { user: 'access_token', database: 'sandbox' }),
      expected: {
        sqlstate: '28P01',
        message: 'password authentication failed for user "access_token"',
        detail: /^The token is an ID token .* the user says that it is an access token\.$/,
      },
    },
  ],
  [
    'a logout token without a type',
    'token-type',
    {
      provoke: async () => tokenRefused({ events: {} }),
      expected: { sqlstate: '28P01', message: wrongCredential, detail: /claim "events"/ },
    },
  ],
  [
    'a token of garbage',
    'token-malformed',
    {
      provoke: async () => refusedWith('eyJhbGciOiJSUzI1NiJ9.bm90.anNvbg'),
      expected: { sqlstate: '28P01', message: wrongCredential },
    },
  ],
  [
    'a token for a token-type user on another integration than its own',
    'token-audience',
    {
      provoke: async () =>
        refusedWith(await stack.token(), { ...inSandbox, options: '-c identityprovider=machines' }),
      expected: {
        sqlstate: '28P01',
        message: wrongCredential,
        detail: /^The token was issued for an alternate audience: "portcullis-cli"\.$/,
      },
    },
  ],
]

function connectionsAtPostgres(): number {
  return stack.postgres.log().split('connection received').length - 1
}

function isVague(reason: Reason): boolean {
  return new Refusal(reason).isVague
}

describe('each reason of a refusal', () => {
  test('has a scenario here or says where it has', () => {
    expect([...Object.keys(scenarios), ...elsewhere].sort()).toEqual(Object.keys(reasons).sort())
  })

  const all = Object.entries(scenarios).map(
    ([reason, scenario]) => [reason, reason, scenario] as const,
  )

  test.each([...all, ...variants])(
    '%s is told to the client, recorded once and counted once',
    async (_, reason, { provoke, expected, reachesUpstream, gateway = () => main }) => {
      const side = gateway()
      const failures = async (): Promise<readonly string[]> =>
        (await stack.audit(side.auditFile))
          .filter((record) => record.status === 'Failure')
          .map((record) => record.status_detail ?? '')
      const recordsBefore = (await failures()).length
      const countBefore = await stack.metric(
        'portcullis_logins_total',
        { reason, outcome: 'refused' },
        side.gateway,
      )
      const connectionsBefore = connectionsAtPostgres()

      const answer = await provoke()
      if (answer !== undefined) {
        const { sqlstate, message: text } = answer
        expect({ sqlstate, message: text }).toEqual({
          sqlstate: expected.sqlstate,
          message: expected.message,
        })
        const detail = expected.detail ?? (isVague(reason as Reason) ? /under session/ : /^$/)
        if (reason !== 'upstream-refused') expect(answer.detail ?? '').toMatch(detail)
      }

      await until('the audit record', async () => (await failures()).length > recordsBefore)
      expect((await failures()).slice(recordsBefore)).toEqual([reason])
      const count = await stack.metric(
        'portcullis_logins_total',
        { reason, outcome: 'refused' },
        side.gateway,
      )
      expect(count - countBefore).toBe(1)
      if (reachesUpstream !== true) expect(connectionsAtPostgres()).toBe(connectionsBefore)
    },
  )

  test.each(['Bearer ', 'bearer  ', ' ', '\n'])(
    'a token behind %j is a token and no password, and the audit says how it came',
    async (prefix) => {
      const client = await WireClient.connect(main.gateway.portOf(2), '127.0.0.3')
      await client.startTls(stack.authority.certificate)
      const jti = `behind ${JSON.stringify(prefix)}`
      const token = await stack.token({ jti })
      const answer = await client.logIn(inSandbox, `${prefix}${token}\n`)
      expect(answer.type).toBe('R')
      await client.readUntil('Z')
      client.destroy()
      const hash = createHash('sha256').update(jti).digest('hex')
      await until('the audit record', async () =>
        (await stack.audit()).some(
          ({ unmapped: { portcullis: one } }) =>
            one['token_id_hash'] === hash && one['credential_unwrapped'] === true,
        ),
      )
    },
  )

  test.each([
    ['at 4,095 bytes', 4_095, /cut short after 4095 bytes, where terminals and old clients cut/],
    ['at 1,023 bytes', 1_023, /cut short after 1023 bytes, where terminals/],
    ['at 99 bytes', 99, /cut short after 99 bytes, where terminals/],
    ['somewhere in its claims', 300, /cut short after 300 bytes\. Pass it in/],
  ])('a token that was cut %s is told so', async (_, bytes, hint) => {
    const whole = await stack.token({ filler: 'f'.repeat(4_000) })
    const answer = await refusedWith(whole.slice(0, bytes))
    expect(answer).toMatchObject({ sqlstate: '28P01', hint: expect.stringMatching(hint) as string })
  })

  test('a token that was cut in its signature where terminals cut is told so', async () => {
    const short = await stack.token()
    const padding = Math.floor(((4_100 - short.length) * 3) / 4)
    const whole = await stack.token({ filler: 'f'.repeat(padding) })
    expect(whole.length).toBeGreaterThan(4_095)
    expect(whole.lastIndexOf('.')).toBeLessThan(4_095)
    const answer = await refusedWith(whole.slice(0, 4_095))
    expect(answer.hint).toMatch(/cut short after 4095 bytes, where terminals/)
  })

  test.each([
    ['a SAML response in base64', samlResponse],
    ['a SAML response', Buffer.from(samlResponse, 'base64').toString()],
    ['a SAML response behind Bearer', `Bearer ${samlResponse}`],
    ['a SAML response behind blanks', `\r\n ${samlResponse}`],
  ])('%s never goes to PostgreSQL as a password', async (_, password) => {
    const before = connectionsAtPostgres()
    const client = await WireClient.connect(main.gateway.portOf(2), '127.0.0.3')
    await client.startTls(stack.authority.certificate)
    const answer = errorFields(await client.logIn(inSandbox, password))
    expect(answer).toMatchObject({ sqlstate: '0A000' })
    expect(connectionsAtPostgres()).toBe(before)
  })

  test('no refusal left anything at PostgreSQL', async () => {
    await until('no backends', async () => (await stack.backends()) === 0)
  })

  test('no token, password or part of one is in a log or an audit record', async () => {
    const token = await stack.token()
    const texts = [
      main.gateway.log(),
      impatient.gateway.log(),
      full.gateway.log(),
      JSON.stringify(await stack.audit()),
    ]
    const header = token.split('.')[0]!
    for (const text of texts) {
      expect(text).not.toContain(header)
      expect(text).not.toContain('correct horse')
      expect(text).not.toContain('0paque-t0ken')
      expect(text).not.toContain(samlResponse.slice(0, 40))
      expect(text).not.toMatch(/eyJ[\w-]{10,}\./)
      for (const password of Object.values(stack.passwords)) expect(text).not.toContain(password)
    }
  })
})
