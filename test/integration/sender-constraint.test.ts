// Tokens bound to a client certificate (RFC 8705), with real clients, certificates and handshakes.
import { createHash, X509Certificate } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Authority, type CertificateAndKey, createAuthority } from '../../demo/certificates.ts'
import { Gateway } from '../../demo/gateway.ts'
import { hasPsql, psql, type PsqlResult } from '../support/psql.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

let stack: Stack
/** The same gateway with `tls.client_ca`. */
let trusting: Gateway
/** One without either, which asks nobody for a certificate. */
let plain: Gateway
let clients: Authority
let alices: CertificateAndKey
let bobs: CertificateAndKey
let strangers: CertificateAndKey

const isPsqlHere = hasPsql()
const trustingFolder = 'trusting'

beforeAll(async () => {
  clients = await createAuthority('clients')
  const elsewhere = await createAuthority('elsewhere')
  const issue = async (authority: Authority, commonName: string): Promise<CertificateAndKey> =>
    authority.issue({ commonName, usage: 'clientAuth' })
  alices = await issue(clients, 'alice')
  bobs = await issue(clients, 'bob')
  strangers = await issue(elsewhere, 'stranger')
  stack = await Stack.start({
    configure: (config) => {
      const people = config.integrations['people']!
      config.integrations['bound'] = { ...people, require_sender_constraint: true }
      config.databases['strict'] = {
        integrations: ['bound'],
        upstream: {
          ...(config.databases['sandbox']!['upstream'] as object),
          database: 'sandbox',
        },
      }
    },
  })
  for (const [name, pair] of Object.entries({ alices, bobs, strangers })) {
    await writeFile(join(stack.folder, `${name}.crt`), pair.certificate)
    await writeFile(join(stack.folder, `${name}.key`), pair.key, { mode: 0o600 })
  }
  trusting = await anotherGateway(trustingFolder, {
    tls: { certificate: 'server.crt', key: 'server.key', client_ca: 'clients.crt' },
  })
  const { people, machines } = stack.config.integrations
  const { system, sandbox } = stack.config.databases
  plain = await anotherGateway('plain', {
    integrations: { people, machines },
    databases: { system, sandbox },
  })
})

afterAll(async () => {
  await Promise.all([trusting.stop(), plain.stop()])
  await stack[Symbol.asyncDispose]()
})

async function anotherGateway(name: string, changes: object): Promise<Gateway> {
  const folder = join(stack.folder, name)
  await mkdir(folder)
  for (const file of ['ca.crt', 'server.crt', 'server.key']) {
    await copyFile(join(stack.folder, file), join(folder, file))
  }
  await writeFile(join(folder, 'clients.crt'), clients.certificate)
  return Gateway.start({ folder, config: { ...stack.config, ...changes } })
}

function thumbprintOf({ certificate }: CertificateAndKey): string {
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url')
}

async function tokenFor(pair: CertificateAndKey): Promise<string> {
  return stack.token({ cnf: { 'x5t#S256': thumbprintOf(pair) } })
}

/** Logs in and says what came of it: `ok`, the DETAIL of the refusal, or that there was no answer. */
async function logIn(
  token: string,
  pair: CertificateAndKey | undefined,
  { gateway = stack.gateway, database = 'sandbox' } = {},
): Promise<string> {
  const client = await WireClient.connect(gateway.port)
  const identity = pair && { cert: pair.certificate, key: pair.key }
  await client.startTls(stack.authority.certificate, identity)
  const answer = await client
    .logIn({ user: 'app_readonly', database }, token)
    .catch(() => undefined)
  client.destroy()
  if (answer === undefined) return 'no answer'
  if (answer.type !== 'E') return 'ok'
  const { sqlstate, detail } = errorFields(answer)
  return `${sqlstate} ${detail ?? ''}`
}

/** What the audit has of the login with a certificate that is used for no other. */
async function recordOf(
  pair: CertificateAndKey,
  file = 'audit.jsonl',
): Promise<Readonly<Record<string, unknown>>> {
  const thumbprint = thumbprintOf(pair)
  const find = async () =>
    (await stack.audit(file)).find((one) => JSON.stringify(one.unmapped).includes(thumbprint))
  await until('the record', async () => (await find()) !== undefined)
  return (await find())!.unmapped.portcullis
}

const none = '28P01 The token is bound to a client certificate, and this connection has none.'
const another =
  '28P01 The token is bound to another client certificate than that of this connection.'
const unbound = '28P01 The token is not bound to a client certificate.'

describe('where certificates are asked for without an authority', () => {
  test('a bound token logs in with its certificate', async () => {
    expect(await logIn(await tokenFor(alices), alices)).toBe('ok')
  })

  test('a certificate that no authority vouches for proves its key all the same', async () => {
    expect(await logIn(await tokenFor(strangers), strangers)).toBe('ok')
  })

  test('a bound token is refused without a certificate', async () => {
    expect(await logIn(await tokenFor(alices), undefined)).toBe(none)
  })

  test('a bound token is refused with another certificate', async () => {
    expect(await logIn(await tokenFor(alices), bobs)).toBe(another)
  })

  test('a bound token that was verified for its owner is refused for others', async () => {
    const token = await tokenFor(alices)
    expect(await logIn(token, alices)).toBe('ok')
    expect(await logIn(token, bobs)).toBe(another)
    expect(await logIn(token, undefined)).toBe(none)
    expect(await logIn(token, alices)).toBe('ok')
  })

  test('a token that is bound to nothing logs in, with or without a certificate', async () => {
    expect(await logIn(await stack.token(), undefined)).toBe('ok')
    expect(await logIn(await stack.token(), alices)).toBe('ok')
  })

  test('a token that is bound to nothing is refused with require_sender_constraint', async () => {
    expect(await logIn(await stack.token(), alices, { database: 'strict' })).toBe(unbound)
    expect(await logIn(await tokenFor(alices), alices, { database: 'strict' })).toBe('ok')
  })

  test('a binding that is not to a certificate is refused', async () => {
    const token = await stack.token({ cnf: { jkt: thumbprintOf(alices) } })
    expect(await logIn(token, alices)).toBe(
      '28P01 The token is bound to its sender in a way that cannot be proved here.',
    )
  })

  test('the audit names the certificate by its thumbprint, and whose token it was', async () => {
    const certificate = await clients.issue({ commonName: 'bob', usage: 'clientAuth' })
    await logIn(await tokenFor(alices), certificate)
    const portcullis = await recordOf(certificate)
    expect(portcullis).toMatchObject({
      reason: 'token-sender-constraint',
      subject: 'alice',
      client_certificate: { sha256: thumbprintOf(certificate) },
    })
    expect(JSON.stringify(portcullis)).not.toContain('CN=bob')
  })
})

describe('with tls.client_ca', () => {
  const at = () => ({ gateway: trusting })

  test('a certificate of the authority is accepted, and none is too', async () => {
    expect(await logIn(await tokenFor(alices), alices, at())).toBe('ok')
    expect(await logIn(await stack.token(), undefined, at())).toBe('ok')
  })

  test('its subject is in the audit', async () => {
    const certificate = await clients.issue({ commonName: 'alice', usage: 'clientAuth' })
    await logIn(await tokenFor(certificate), certificate, at())
    const portcullis = await recordOf(certificate, join(trustingFolder, 'audit.jsonl'))
    expect(portcullis['client_certificate']).toMatchObject({ subject: 'CN=alice' })
  })

  test('a certificate of another authority is refused in the handshake', async () => {
    expect(await logIn(await tokenFor(strangers), strangers, at())).toBe('no answer')
    await until('the log to say so', () =>
      /tls-failed.*the client certificate is not accepted/.test(trusting.log()),
    )
  })

  test.each([
    ['that has expired', { notBefore: new Date(0), notAfter: new Date(1_000_000_000) }],
    ['that is not valid yet', { notBefore: new Date(4e12), notAfter: new Date(5e12) }],
    ['for a server', { usage: 'serverAuth' }],
  ] as const)('a certificate %s is refused in the handshake', async (_, request) => {
    const pair = await clients.issue({ commonName: 'alice', usage: 'clientAuth', ...request })
    expect(await logIn(await tokenFor(pair), pair, at())).toBe('no answer')
  })

  test('a new authority is taken over by a reload, and when its file is replaced', async () => {
    const elsewhere = await createAuthority('newcomers')
    const newcomer = await elsewhere.issue({ commonName: 'new', usage: 'clientAuth' })
    const token = await tokenFor(newcomer)
    expect(await logIn(token, newcomer, at())).toBe('no answer')
    const folder = join(stack.folder, trustingFolder)
    await trusting.untilLogged(/"certificate replaced"/, () => {
      void writeFile(join(folder, 'clients.crt'), `${clients.certificate}${elsewhere.certificate}`)
    })
    expect(await logIn(token, newcomer, at())).toBe('ok')
    expect(await logIn(await tokenFor(alices), alices, at())).toBe('ok')

    await writeFile(join(folder, 'others.crt'), elsewhere.certificate)
    const tls = { certificate: 'server.crt', key: 'server.key', client_ca: 'others.crt' }
    await trusting.reload({ ...stack.config, tls })
    expect(await logIn(token, newcomer, at())).toBe('ok')
    expect(await logIn(await tokenFor(alices), alices, at())).toBe('no answer')

    await writeFile(join(folder, 'empty.crt'), 'nothing')
    await trusting.reload({ ...stack.config, tls: { ...tls, client_ca: 'empty.crt' } })
    await expect.poll(() => trusting.log()).toContain('has no certificate')
    expect(await logIn(token, newcomer, at())).toBe('ok')
  })
})

test('where no certificate is asked for, a bound token is refused', async () => {
  expect(await logIn(await tokenFor(alices), alices, { gateway: plain })).toBe(none)
  expect(await logIn(await stack.token(), alices, { gateway: plain })).toBe('ok')
})

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (version) => {
  test('a session is not resumed, so that each connection proves the key', async () => {
    const token = await tokenFor(alices)
    const identity = { cert: alices.certificate, key: alices.key }
    const first = await secured({ ...identity, minVersion: version, maxVersion: version })
    const sessions: Buffer[] = []
    first.socket.on('session', (session) => sessions.push(session))
    expect((await first.client.logIn(login, token)).type).toBe('R')
    const session = sessions.at(-1) ?? first.socket.getSession()
    first.client.destroy()

    const options = { minVersion: version, maxVersion: version, ...(session && { session }) }
    const thief = await secured(options)
    expect(thief.socket.isSessionReused()).toBe(false)
    expect(errorFields(await thief.client.logIn(login, token)).detail).toMatch(
      /this connection has none/,
    )
    thief.client.destroy()
    const second = await secured({ ...options, ...identity })
    expect((await second.client.logIn(login, token)).type).toBe('R')
    second.client.destroy()
  })
})

const login = { user: 'app_readonly', database: 'sandbox' }

async function secured(
  options: ConnectionOptions,
): Promise<{ client: WireClient; socket: TLSSocket }> {
  const client = await WireClient.connect(stack.gateway.port)
  let socket: TLSSocket | undefined
  await client.startTls(stack.authority.certificate, options, (more) => (socket = connect(more)))
  return { client, socket: socket! }
}

describe.skipIf(!isPsqlHere)('psql', () => {
  async function run(token: string, name?: string): Promise<PsqlResult> {
    const files = name !== undefined && {
      PGSSLCERT: join(stack.folder, `${name}.crt`),
      PGSSLKEY: join(stack.folder, `${name}.key`),
    }
    return psql({ ...stack.environment(token), ...files }, 'select current_user')
  }

  test('with sslcert and sslkey logs in with a bound token', async () => {
    const { stdout, code } = await run(await tokenFor(alices), 'alices')
    expect({ stdout, code }).toEqual({ stdout: 'app_readonly\n', code: 0 })
  })

  test('without or with another certificate is told which is missing', async () => {
    const token = await tokenFor(alices)
    const without = await run(token)
    expect(without.code).toBe(2)
    expect(without.stderr).toContain('and this connection has none.')
    expect(without.stderr).toContain('sslcert and sslkey')
    const other = await run(token, 'bobs')
    expect(other.code).toBe(2)
    expect(other.stderr).toContain('another client certificate')
  })
})
