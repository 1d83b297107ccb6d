import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, get } from 'node:https'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { json } from 'node:stream/consumers'
import {
  checkServerIdentity,
  connect,
  createServer as createTlsServer,
  type TLSSocket,
} from 'node:tls'
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  jwtVerify,
  type JSONWebKeySet,
  type JWTPayload,
} from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answers } from '../../demo/answers.ts'
import { createAuthority, type Authority, type CertificateAndKey } from '../../demo/certificates.ts'
import { startPostgres, type PostgresServer } from '../../demo/postgres.ts'
import { groupsClaim } from '../../demo/provider-configuration.ts'
import { generateSigningKey, startProvider, type IdentityProvider } from '../../demo/provider.ts'
import { seedDatabase, type Seed } from '../../demo/seed.ts'

let authority: Authority
let tls: CertificateAndKey

beforeAll(async () => {
  authority = await createAuthority('Test authority')
  tls = await authority.issue({ commonName: 'localhost' })
})

describe('a certificate of the demo authority', () => {
  test.each([
    ['localhost', 'ecdsa-p256'],
    ['127.0.0.1', 'ecdsa-p256'],
    ['localhost', 'rsa-2048'],
  ] as const)('is accepted for %s with a key of %s', async (name, keyType) => {
    const own = await authority.issue({ commonName: 'x', keyType })
    await expect(handshake(own, name, authority.certificate)).resolves.toBe(true)
  })

  test('is refused for another name', async () => {
    const own = await authority.issue({ commonName: 'x', names: ['db.example.com'] })
    await expect(handshake(own, 'localhost', authority.certificate)).rejects.toThrow('altnames')
  })

  test('is refused by somebody who trusts another authority of the same name', async () => {
    const other = await createAuthority('Test authority')
    await expect(handshake(tls, 'localhost', other.certificate)).rejects.toThrow()
  })

  test('is refused once it has expired', async () => {
    const own = await authority.issue({
      commonName: 'x',
      notBefore: new Date(Date.now() - 7_200_000),
      notAfter: new Date(Date.now() - 3_600_000),
    })
    await expect(handshake(own, 'localhost', authority.certificate)).rejects.toThrow('expired')
  })

  test('names its holder, its addresses and its issuer', async () => {
    const { certificate } = await authority.issue({ commonName: 'a, CN=b' })
    const read = new X509Certificate(certificate)
    expect(read.subject).toBe(String.raw`CN=a\, CN=b`)
    expect(read.subjectAltName).toBe(
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    )
    expect(read.ca).toBe(false)
    expect(read.checkIssued(new X509Certificate(authority.certificate))).toBe(true)
  })
})

describe('PostgreSQL', () => {
  let postgres: PostgresServer
  let seed: Seed

  beforeAll(async () => {
    const clients = authority.certificate
    const byCertificate = 'hostssl all certified 127.0.0.1/32 cert'
    postgres = await startPostgres({
      tls: { ...tls, clientAuthority: clients },
      hba: `${byCertificate}\nhost all all 127.0.0.1/32 scram-sha-256`,
      settings: { log_connections: 'on', application_name: "it's" },
    })
    seed = await seedDatabase(postgres)
  })

  afterAll(async () => postgres[Symbol.asyncDispose]())

  test('is version 18 and has the settings that were asked for', async () => {
    const [row] = await postgres.sql(`
      select current_setting('server_version_num')::int / 10000 as version,
        current_setting('max_connections') as connections,
        current_setting('password_encryption') as encryption,
        current_setting('listen_addresses') as addresses,
        current_setting('unix_socket_directories') as sockets`)
    expect(row).toEqual({
      version: 18,
      connections: '300',
      encryption: 'scram-sha-256',
      addresses: '127.0.0.1',
      sockets: '',
    })
  })

  test('is reached over TLS with the certificate and the name verified', async () => {
    const rows = await query(postgres, seed, {
      ca: authority.certificate,
      servername: 'localhost',
    })
    expect(rows).toEqual([{ ssl: true, user: 'app_readonly' }])
  })

  test('is reached without TLS too', async () => {
    expect(await query(postgres, seed, false)).toEqual([{ ssl: false, user: 'app_readonly' }])
  })

  test('takes a client certificate where pg_hba.conf asks for one', async () => {
    await postgres.sql('create role certified login')
    const own = await authority.issue({ commonName: 'certified', usage: 'clientAuth' })
    const client = new pg.Client({
      ...address(postgres),
      user: 'certified',
      ssl: {
        ca: authority.certificate,
        servername: 'localhost',
        cert: own.certificate,
        key: own.key,
      },
    })
    await client.connect()
    const { rows } = await client.query('select current_user::text as user')
    await client.end()
    expect(rows).toEqual([{ user: 'certified' }])
  })

  test('lets one seeded role read and the other write', async () => {
    const as = (user: keyof Seed['passwords']) => ({
      database: seed.database,
      user,
      password: seed.passwords[user],
    })
    const insert = `insert into orders (customer, item, quantity) values ('Ken', 'rope', 1)`
    expect(await postgres.sql('select from orders', as('app_readonly'))).toHaveLength(4)
    await expect(postgres.sql(insert, as('app_readonly'))).rejects.toThrow('permission denied')
    await postgres.sql(insert, as('app_readwrite'))
    expect(await postgres.sql('select from orders', as('app_readwrite'))).toHaveLength(5)
  })

  test('refuses a wrong password, and says so in its log', async () => {
    const wrong = { user: 'app_readonly', password: 'wrong' }
    await expect(postgres.sql('select', wrong)).rejects.toThrow('password authentication failed')
    await expect
      .poll(() => postgres.log())
      .toContain('password authentication failed for user "app_readonly"')
  })

  test('stops and starts again on its port with its data', async () => {
    const first = postgres.pid!
    await postgres.stop()
    expect(postgres.pid).toBeUndefined()
    expect(isRunning(first)).toBe(false)
    await expect(postgres.sql('select')).rejects.toThrow('ECONNREFUSED')
    await postgres.startAgain()
    expect(await postgres.sql('select from orders', { database: seed.database })).not.toEqual([])
  })

  test.each(['fast', 'immediate'] as const)('restarts in mode %s', async (mode) => {
    const first = postgres.pid
    await postgres.restart(mode)
    expect(postgres.pid).not.toBe(first)
    expect(await postgres.sql('select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('what PostgreSQL leaves behind', { timeout: 30_000 }, () => {
  let parent: string

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'portcullis-parts-'))
    // So that the server's user finds its folder below, where we are root.
    await chmod(parent, 0o755)
  })

  afterAll(async () => rm(parent, { recursive: true, force: true }))

  test('is nothing after its disposal', async () => {
    const postgres = await startPostgres({ folder: parent })
    const pid = postgres.pid!
    await postgres[Symbol.asyncDispose]()
    expect(isRunning(pid)).toBe(false)
    expect(await readdir(parent)).toEqual([])
    await expect.poll(() => postgres.log()).toContain('database system is shut down')
  })

  test('is nothing after a failed start', async () => {
    const settings = { shared_buffers: 'a lot' }
    await expect(startPostgres({ folder: parent, settings })).rejects.toThrow('shared_buffers')
    expect(await readdir(parent)).toEqual([])
  })

  test('is nothing after a start on a port that is taken', async () => {
    await using taken = await listen(createTcpServer())
    await expect(startPostgres({ folder: parent, port: taken.port })).rejects.toThrow(
      'Address already in use',
    )
    expect(await readdir(parent)).toEqual([])
  })

  test.each(['SIGINT', 'SIGKILL'] as const)(
    'is nothing after its process was ended by %s',
    async (signal) => {
      const module = new URL('../../demo/postgres.ts', import.meta.url).href
      const script = `
        import { startPostgres } from ${JSON.stringify(module)}
        const postgres = await startPostgres({ folder: ${JSON.stringify(parent)} })
        console.log(postgres.pid)
        setInterval(() => {}, 1000)`
      const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
      const pid = Number(line)
      expect(isRunning(pid)).toBe(true)
      child.kill(signal)
      await once(child, 'exit')
      await expect.poll(async () => readdir(parent), { timeout: 10_000 }).toEqual([])
      await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false)
    },
  )
})

describe('the provider', () => {
  let provider: IdentityProvider

  beforeAll(async () => {
    provider = await startProvider({ tls })
  })

  afterAll(async () => provider[Symbol.asyncDispose]())

  test('publishes its keys where its discovery document says', async () => {
    const before = provider.jwksRequests
    const { issuer, keys } = await discover(provider)
    expect(issuer).toBe(provider.issuer)
    expect(keys.keys.map(({ alg }) => alg)).toEqual(['RS256', 'ES256'])
    expect(provider.jwksRequests).toBe(before + 1)
    expect(provider.discoveryRequests).toBeGreaterThan(0)
  })

  test('signs alice in, and her ID token has her groups', async () => {
    const { idToken, refreshToken } = await provider.signIn('alice')
    const claims = await verify(provider, idToken, 'portcullis-cli')
    expect(claims).toMatchObject({
      sub: 'alice',
      email: 'alice@example.com',
      email_verified: true,
      name: 'Alice Archer',
      [groupsClaim]: ['readwrite-role', 'engineering'],
    })
    expect(refreshToken).not.toBe('')
  })

  test('gives people an access token for the database that names the client', async () => {
    const { accessToken } = await provider.signIn('bob')
    const claims = await verify(provider, accessToken, 'https://db.example.com')
    expect(claims).toMatchObject({ client_id: 'portcullis-cli', [groupsClaim]: ['engineering'] })
  })

  test('gives a machine an access token that is a JWT', async () => {
    const token = await provider.clientCredentialsToken()
    expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'at+jwt', alg: 'RS256' })
    const claims = await verify(provider, token, 'https://db.example.com')
    expect(claims).toMatchObject({ sub: 'm2m', client_id: 'm2m' })
    expect(claims['azp']).toBeUndefined()
  })

  test('exchanges a refresh token for a new ID token', async () => {
    const { refreshToken } = await provider.signIn('alice')
    const tokens = await provider.requestTokens('portcullis-cli', {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
    })
    await verify(provider, tokens.id_token!, 'portcullis-cli')
  })

  test('signs in nobody whom it does not know', async () => {
    await expect(provider.signIn('mallory')).rejects.toThrow('not signed in')
  })

  test('mints ID tokens with the claims of those that it issues', async () => {
    const minted = await verify(provider, await provider.mintIdToken('alice'), 'portcullis-cli')
    const { idToken } = await provider.signIn('alice')
    const issued = await verify(provider, idToken, 'portcullis-cli')
    expect(Object.keys(minted).sort()).toEqual(Object.keys(issued).sort())
    expect(decodeProtectedHeader(await provider.mintIdToken('alice'))).toEqual(
      decodeProtectedHeader(idToken),
    )
  })

  test('signs whatever a test needs, also with a key that is not its own', async () => {
    const expired = await provider.mintIdToken('alice', { exp: 1, iat: undefined })
    await expect(verify(provider, expired, 'portcullis-cli')).rejects.toThrow('"exp"')
    const foreign = await provider.sign({ sub: 'alice' }, { key: await generateSigningKey() })
    await expect(verify(provider, foreign, 'x')).rejects.toThrow('no applicable key')
    const elliptic = await provider.sign({ iss: provider.issuer, aud: 'x' }, { key: 'ES256' })
    await verify(provider, elliptic, 'x')
  })

  test('keeps old keys in the key set when it rotates them, unless they are withdrawn', async () => {
    const before = await provider.mintIdToken('alice')
    await provider.rotateKeys()
    expect((await discover(provider)).keys.keys).toHaveLength(4)
    await verify(provider, before, 'portcullis-cli')
    await provider.rotateKeys({ withdraw: true })
    await expect(verify(provider, before, 'portcullis-cli')).rejects.toThrow('no applicable key')
    await verify(provider, (await provider.signIn('alice')).idToken, 'portcullis-cli')
  })

  test('answers a path differently until that is undone', async () => {
    const undo = provider.intercept('/jwks', answers.status(500))
    await expect(discover(provider)).rejects.toThrow('500')
    undo()
    await discover(provider)
  })

  test.each([
    ['a page', answers.html(), 'not valid JSON'],
    ['a redirect', answers.redirect('https://example.com/'), 'status 302'],
    ['a slow drip', answers.slowDrip(10), 'aborted'],
    ['silence', answers.hang(), 'aborted'],
  ])('can answer with %s', async (_, answer, problem) => {
    const undo = provider.intercept('/jwks', answer)
    await expect(fetchJson(`${provider.issuer}/jwks`, 200)).rejects.toThrow(problem)
    undo()
  })

  test('can answer with a body of any size, or late', async () => {
    const large = provider.intercept('/jwks', answers.oversized(10_000_000))
    const { padding } = (await fetchJson(`${provider.issuer}/jwks`)) as { padding: string }
    expect(padding.length).toBeGreaterThanOrEqual(10_000_000)
    large()
    const late = provider.intercept('/jwks', answers.late(20))
    await discover(provider)
    late()
  })

  test('stops, so that connections are refused, and starts again on its port', async () => {
    const undo = provider.intercept('/jwks', answers.hang())
    const waiting = discover(provider)
    waiting.catch(() => {})
    const reached = provider.jwksRequests
    await expect.poll(() => provider.jwksRequests).toBe(reached + 1)
    await provider.stop()
    undo()
    await expect(waiting).rejects.toThrow()
    await expect(discover(provider)).rejects.toThrow()
    await provider.startAgain()
    await discover(provider)
  })
})

async function handshake(own: CertificateAndKey, host: string, ca: string): Promise<boolean> {
  const server = createTlsServer({ cert: own.certificate, key: own.key }, (socket: TLSSocket) => {
    socket.on('error', () => {}).end()
  })
  await using listening = await listen(server.on('tlsClientError', () => {}))
  const socket = connect({
    host: '127.0.0.1',
    port: listening.port,
    ca,
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  })
  try {
    await once(socket, 'secureConnect')
    return socket.authorized
  } finally {
    socket.destroy()
  }
}

interface Listening extends AsyncDisposable {
  readonly port: number
}

async function listen(server: ReturnType<typeof createTcpServer>): Promise<Listening> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

function address(postgres: PostgresServer) {
  return { host: postgres.host, port: postgres.port, database: 'postgres' }
}

async function query(
  postgres: PostgresServer,
  seed: Seed,
  ssl: pg.ClientConfig['ssl'],
): Promise<unknown[]> {
  const client = new pg.Client({
    ...address(postgres),
    user: 'app_readonly',
    password: seed.passwords.app_readonly,
    ssl,
  })
  await client.connect()
  const { rows } = await client.query<Record<string, unknown>>(
    'select ssl, current_user::text as user from pg_stat_ssl where pid = pg_backend_pid()',
  )
  await client.end()
  return rows
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

interface Discovered {
  readonly issuer: string
  readonly keys: JSONWebKeySet
}

async function discover(provider: IdentityProvider): Promise<Discovered> {
  const document = (await fetchJson(`${provider.issuer}/.well-known/openid-configuration`)) as {
    issuer: string
    jwks_uri: string
  }
  const keys = (await fetchJson(document.jwks_uri)) as JSONWebKeySet
  return { issuer: document.issuer, keys }
}

async function fetchJson(url: string, deadlineMs = 5000): Promise<unknown> {
  const agent = new Agent({ ca: authority.certificate })
  const request = get(url, { agent, signal: AbortSignal.timeout(deadlineMs) })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode ?? 0}`)
  return json(response)
}

async function verify(
  provider: IdentityProvider,
  token: string,
  audience: string,
): Promise<JWTPayload> {
  const { issuer, keys } = await discover(provider)
  const { payload } = await jwtVerify(token, createLocalJWKSet(keys), { issuer, audience })
  return payload
}
