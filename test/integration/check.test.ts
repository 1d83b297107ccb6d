// `portcullis check` as an operator runs it: everything is real, and broken one by one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type Answer, answers } from '../../demo/answers.ts'
import { type CertificateAndKey, createAuthority } from '../../demo/certificates.ts'
import { Gateway } from '../../demo/gateway.ts'
import { startProvider } from '../../demo/provider.ts'
import { readConfig } from '../../src/cli/read-config.ts'
import type { Finding } from '../../src/identity/finding.ts'
import { inspect } from '../../src/inspection/inspect.ts'
import { ConnectProxy, refuseTunnel } from '../support/connect-proxy.ts'
import { type GatewayConfig, Stack } from '../support/stack.ts'
import { WireClient } from '../support/wire-client.ts'

// Not bin/portcullis, which installs packages where those of the checkout are not what it expects.
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const discovery = '/.well-known/openid-configuration'
const dayMs = 86_400_000

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface Report {
  readonly outcome: string
  readonly offline: boolean
  readonly findings: readonly Finding[]
}

let stack: Stack
let written = 0

beforeAll(async () => {
  stack = await Stack.start()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

type Change = (config: GatewayConfig) => void

async function write(change: Change): Promise<string> {
  const config = structuredClone(stack.config)
  change(config)
  written += 1
  const file = join(stack.folder, `check-${written}.yaml`)
  await writeFile(file, stringify(config))
  return file
}

/** Runs check, and makes sure that no password is in what it prints. */
async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Run> {
  const child = spawn(process.execPath, [program, 'check', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ])
  expectNoSecret(stdout + stderr)
  return { code, stdout, stderr }
}

function expectNoSecret(printed: string): void {
  for (const secret of [...Object.values(stack.passwords), 'hunter2']) {
    expect(printed).not.toContain(secret)
  }
}

async function check(
  change: Change = () => {},
  args: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<Report & { readonly code: number }> {
  const { code, stdout, stderr } = await run(
    ['--config', await write(change), '-o', 'json', ...args],
    environment,
  )
  expect(stderr).toBe('')
  return { ...(JSON.parse(stdout) as Report), code }
}

/** The same without a process of its own. */
async function find(change: Change = () => {}, isOffline = false): Promise<readonly string[]> {
  const { config } = readConfig(await write(change))
  const findings = await inspect(config, { isOffline })
  expectNoSecret(JSON.stringify(findings))
  return amiss({ findings })
}

/** What is not right, one line each. */
function amiss({ findings }: Pick<Report, 'findings'>): readonly string[] {
  return findings
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ about, check: name, verdict, found }) => `${verdict}: ${about}: ${name}: ${found}`)
}

const of =
  (name: string, changes: Readonly<Record<string, unknown>>): Change =>
  ({ integrations }) => {
    integrations[name] = { ...integrations[name], ...changes }
  }

const ofUpstream =
  (changes: Readonly<Record<string, unknown>>): Change =>
  ({ databases }) => {
    const sandbox = databases['sandbox']!
    sandbox['upstream'] = { ...(sandbox['upstream'] as object), ...changes }
  }

async function intercepted<T>(path: string, answer: Answer, use: () => Promise<T>): Promise<T> {
  const restore = stack.provider.intercept(path, answer)
  try {
    return await use()
  } finally {
    restore()
  }
}

async function withoutProvider<T>(use: () => Promise<T>): Promise<T> {
  await stack.provider.stop()
  try {
    return await use()
  } finally {
    await stack.provider.startAgain()
  }
}

/** The genuine discovery document with changes. */
function documentWith(changes: Readonly<Record<string, unknown>>): Answer {
  const { issuer } = stack.provider
  const genuine = {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    userinfo_endpoint: `${issuer}/me`,
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
  }
  return answers.json({ ...genuine, ...changes })
}

test('a deny file that cannot be used is a problem, and one that can is none', async () => {
  const denying: Change = (config) => {
    config['deny_file'] = 'deny.yaml'
  }
  expect(await find(denying, true)).toEqual([
    expect.stringMatching(/^problem: deny_file: entries: deny_file .* does not exist/),
  ])
  await writeFile(join(stack.folder, 'deny.yaml'), '[]')
  expect(await find(denying, true)).toEqual([])
})

describe('a sound configuration', () => {
  test('has every provider, role and certificate looked at, and nothing amiss', async () => {
    const report = await check(of('people', { userinfo_groups: true }))
    expect(amiss(report)).toEqual([])
    expect(report).toMatchObject({ code: 0, outcome: 'ok', offline: false })
    const checks = Object.groupBy(report.findings, ({ about }) => about)
    const namesOf = (about: string) => checks[about]?.map((one) => one.check)
    expect(namesOf('tls')).toEqual(['certificate', 'key'])
    expect(namesOf('integration people')).toEqual([
      ...['custom_ca', 'discovery', 'issuer', 'algorithms', 'userinfo_endpoint', 'key set'],
      ...['signing keys', 'clock', 'certificate'],
    ])
    expect(namesOf('database sandbox')).toEqual([
      ...['ca', 'server', 'certificate', 'role app_readonly', 'role app_readwrite'],
    ])
  })

  test('is told in text, entry by entry', async () => {
    const { code, stdout, stderr } = await run(['--config', await write(() => {})])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/valid; integrations: 2, databases: 1, connectivity pools: 1\n\ntls\n/)
    expect(stdout).toMatch(/\nintegration machines\n {2}ok +custom_ca +"portcullis test" expires/)
    expect(stdout).toMatch(/\n {2}ok +signing keys +"[\w-]+" RSA of 2048 bits for RS256; "/)
    expect(stdout).toMatch(/\n {2}ok +role app_readonly +logs in\n/)
    expect(stdout.endsWith('\n\nno problems, no warnings.\n')).toBe(true)
  })

  test('asks nobody with --offline', async () => {
    await stack.keysFetched()
    const before = stack.provider.discoveryRequests
    const report = await check(ofUpstream({ port: 1 }), ['--offline'])
    expect(amiss(report)).toEqual([])
    expect(report).toMatchObject({ code: 0, outcome: 'ok', offline: true })
    expect(stack.provider.discoveryRequests).toBe(before)
    const { stdout } = await run(['--config', await write(() => {}), '--offline'])
    expect(stdout).toMatch(/No provider and no database was asked\.\n$/)
  })
})

describe('of a provider is found', () => {
  const people = 'problem: integration people'

  test('that it is away', async () => {
    const report = await withoutProvider(async () => check())
    expect(report).toMatchObject({ code: 1, outcome: 'problem' })
    expect(amiss(report)[0]).toMatch(`${people}: discovery: ${stack.provider.issuer}${discovery}`)
    expect(amiss(report)[0]).toContain('ECONNREFUSED')
  })

  test('that it does not answer in time', async () => {
    const found = await intercepted(discovery, answers.hang(), async () =>
      find(of('people', { request_timeout: '300ms' })),
    )
    expect(found.join()).toContain('no answer within 300 ms')
  })

  test.each<[string, Answer, RegExp]>([
    ['nothing of that name', answers.status(404), /discovery: .*answered 404/],
    ['a page', answers.html(), /discovery: /],
    ['too much', answers.oversized(), /discovery: .*longer than 65536 bytes/],
  ])('that it has %s', async (_, answer, told) => {
    const found = await intercepted(discovery, answer, async () => find())
    expect(found[0]).toMatch(told)
  })

  test('that it calls itself something else', async () => {
    const found = await intercepted(
      discovery,
      documentWith({ issuer: 'https://other.example' }),
      async () => find(),
    )
    expect(found[0]).toBe(
      `${people}: issuer: the discovery document is of another issuer: https://other.example`,
    )
  })

  test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'other algorithms',
      { id_token_signing_alg_values_supported: ['HS256'] },
      /^problem: integration people: algorithms: ID tokens are signed with HS256, and only RS256/,
    ],
    ['no key set', { jwks_uri: undefined }, /key set: the discovery document has no jwks_uri$/],
    [
      'a key set in the clear',
      { jwks_uri: 'http://localhost/jwks' },
      /key set: http:\/\/localhost\/jwks: only https is fetched$/,
    ],
    ['no userinfo', { userinfo_endpoint: undefined }, /userinfo_endpoint: .* has none over https/],
  ])('that its document has %s', async (_, changes, told) => {
    const found = await intercepted(discovery, documentWith(changes), async () =>
      find(of('people', { userinfo_groups: true })),
    )
    expect(found).toContainEqual(expect.stringMatching(told))
  })

  test('that no key is for signatures, and which keys should not be there', async () => {
    const keys = [
      { kty: 'oct', k: 'c2VjcmV0', kid: 'shared' },
      { kty: 'RSA', n: 'x', e: 'AQAB', use: 'enc' },
      { kty: 7, kid: { a: 1 } },
    ]
    const found = await intercepted('/jwks', answers.json({ keys }), async () => find())
    expect(found.slice(0, 3)).toEqual([
      expect.stringMatching(`${people}: signing keys: none of 3 keys can verify a token`),
      'warning: integration people: signing keys: "shared" oct is a secret key, which is published',
      expect.stringContaining('"(object)" 7 is for other algorithms, which is not accepted'),
    ])
  })

  test.each<[number, RegExp | undefined]>([
    [120, /^problem: .*: clock: .* at least (?:119|120)(?:\.\d+)? s ahead of ours/],
    [20, /^warning: .*: clock: .* s ahead of ours/],
    [-120, /^warning: .*: clock: .* at least (?:11\d)(?:\.\d+)? s behind ours/],
    [0, undefined],
  ])('that its clock is %d seconds ahead', async (seconds, told) => {
    const answer: Answer = (_, response, next) => {
      response.setHeader('date', new Date(Date.now() + seconds * 1_000).toUTCString())
      next()
    }
    const found = await intercepted(discovery, answer, async () => find())
    const clocks = found.filter((line) => line.includes(': clock: '))
    if (told === undefined) expect(clocks).toEqual([])
    else expect(clocks[0]).toMatch(told)
  })

  test.each<[string, number, RegExp]>([
    ['has expired', -1, /^problem: .* discovery: .*certificate has expired/],
    ['expires soon', 10, /^warning: .*: certificate: "short" expires .*, in 9 d$/],
  ])('that its certificate %s', async (_, days, told) => {
    const tls = await stack.authority.issue({
      commonName: 'short',
      notBefore: new Date(Date.now() - 5 * dayMs),
      notAfter: new Date(Date.now() + days * dayMs),
    })
    await using provider = await startProvider({ tls })
    const found = await find(of('people', { issuer: provider.issuer }))
    expect(found).toEqual([expect.stringMatching(told)])
  })

  test('that nobody vouches for it without custom_ca', async () => {
    const report = await check(of('people', { custom_ca: undefined }))
    const found = report.findings.find(({ verdict }) => verdict === 'problem')
    expect(found?.found).toMatch(/certificate/)
    expect(found?.remedy).toContain('set `custom_ca`')
  })

  test('that the file of its authority is no certificate, and what is in it is not told', async () => {
    await writeFile(join(stack.folder, 'no.crt'), 'hunter2')
    for (const file of ['no.crt', 'none.crt']) {
      const found = await find(of('people', { custom_ca: file }))
      expect(found).toEqual([expect.stringContaining(`${people}: custom_ca: `)])
    }
  })

  test('whether local keys are usable, also offline', async () => {
    await writeFile(join(stack.folder, 'keys.json'), '{"keys":[{"kty":"oct","k":"aHVudGVyMg"}]}')
    for (const [file, told] of [
      ['keys.json', 'signing keys: none of 1 keys can verify a token'],
      ['gone.json', 'jwks_file: ENOENT'],
    ] as const) {
      const found = await find(of('people', { jwks_file: file }), true)
      expect(found[0]).toContain(told)
    }
  })

  test('whether it can be asked about tokens, and whether keys for encrypted ones are there', async () => {
    const asking = { client_secret: 'hunter2', introspection: {} }
    const without = documentWith({ introspection_endpoint: undefined })
    const found = await intercepted(discovery, without, async () => find(of('people', asking)))
    expect(found).toEqual([
      expect.stringMatching(`^${people}: introspection_endpoint: .* has none over https`),
    ])
    await writeFile(join(stack.folder, 'private.pem'), 'hunter2')
    for (const file of ['private.pem', 'gone.pem']) {
      const [first] = await find(of('people', { decryption_keys_file: file }), true)
      expect(first).toContain(`${people}: decryption_keys_file: `)
    }
  })

  test('whether people can sign in with a browser', async () => {
    const signingIn: Change = ({ connectivity_pools: pools }) => {
      pools['sso_pool'] = { ...pools['sso_pool'], sso_integration: 'people' }
    }
    expect(await find(signingIn)).toEqual([])
    const without = documentWith({})
    expect(await intercepted(discovery, without, async () => find(signingIn))).toEqual([
      expect.stringMatching(`^${people}: device_authorization_endpoint: .*sso_integration.`),
      expect.stringMatching(`^${people}: token_endpoint: .*sso_integration.`),
    ])
    const withPages: Change = (config) => {
      signingIn(config)
      config['web'] = { public_url: 'https://localhost:8443' }
    }
    expect(await find(withPages)).toEqual([])
    expect(await intercepted(discovery, without, async () => find(withPages))).toEqual([
      expect.stringMatching(
        `^${people}: device_authorization_endpoint or authorization_endpoint: .*sso_integration.`,
      ),
      expect.stringMatching(`^${people}: token_endpoint: .*sso_integration.`),
    ])
    const codeAlone = documentWith({
      token_endpoint: `${stack.provider.issuer}/token`,
      authorization_endpoint: `${stack.provider.issuer}/auth`,
    })
    expect(await intercepted(discovery, codeAlone, async () => find(withPages))).toEqual([])
    expect(await intercepted(discovery, codeAlone, async () => find(signingIn))).toEqual([
      expect.stringMatching(`^${people}: device_authorization_endpoint: `),
    ])
    const misnamed: Change = (config) => {
      config['web'] = { public_url: 'https://gate.example.com' }
    }
    expect(await find(misnamed)).toEqual([
      expect.stringContaining('gate.example.com is not in the certificate'),
    ])
  })

  test('whether it exchanges tokens, whose upstream is reached and not logged in to', async () => {
    const exchanging: Change = (config) => {
      of('people', { client_secret: 'hunter2' })(config)
      of('machines', { client_secret: 'hunter2' })(config)
      ofUpstream({ auth: { method: 'token' } })(config)
      config.databases['sandbox']!['exchange'] = { audience: 'postgres', integration: 'people' }
    }
    const without = documentWith({ token_endpoint: undefined })
    expect(await intercepted(discovery, without, async () => find(exchanging))).toEqual([
      expect.stringMatching(`^${people}: token_endpoint: .* and .exchange. needs it`),
    ])
    expect(await find(exchanging)).toEqual([])
  })

  test('nothing where it is switched off', async () => {
    const off: Change = (config) => {
      of('people', { enabled: false })(config)
      of('machines', { enabled: false })(config)
    }
    const found = await withoutProvider(async () => find(off))
    expect(found.join()).not.toContain('discovery')
    expect(found).not.toContainEqual(expect.stringMatching(/^problem/))
  })
})

describe('by way of a proxy', () => {
  test('the provider is asked and logins are verified', async () => {
    await using proxy = await ConnectProxy.start()
    const url = proxy.url.replace('//', '//gate:hunter2@')
    const change: Change = (config) => {
      of('people', { proxy_url: url })(config)
      of('machines', { proxy_url: url })(config)
    }
    const report = await check(change)
    expect(report.code).toBe(0)
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        check: 'discovery',
        found: expect.stringContaining(`by way of the proxy 127.0.0.1:${proxy.port}`) as string,
      }),
    )
    const authority = stack.provider.issuer.replace('https://', '')
    const authorization = `Basic ${Buffer.from('gate:hunter2').toString('base64')}`
    expect(proxy.requests).toEqual(Array.from({ length: 4 }, () => ({ authority, authorization })))

    const config = structuredClone(stack.config)
    change(config)
    config['audit'] = { sink: 'none' }
    const folder = stack.folder
    await using gateway = await Gateway.start({ folder, config })
    const client = await WireClient.connectSecurely(gateway.port, stack.authority.certificate)
    const user = { user: 'app_readonly', database: 'sandbox' }
    expect((await client.logIn(user, await stack.token())).type).toBe('R')
    client.destroy()
    expect(proxy.requests.length).toBeGreaterThan(4)
    expect(gateway.log()).not.toContain('hunter2')
  })

  test('that is spoken to over TLS itself', async () => {
    await using proxy = await ConnectProxy.start(
      await stack.authority.issue({ commonName: 'proxy' }),
    )
    const change = of('people', { proxy_url: `https://localhost:${proxy.port}` })
    const trusted = await check(change, [], { NODE_EXTRA_CA_CERTS: stack.caFile })
    expect(amiss(trusted)).toEqual([])
    expect(proxy.requests).toHaveLength(2)
    const stranger = await check(change)
    expect(stranger.code).toBe(1)
    expect(amiss(stranger)[0]).toMatch(/the proxy localhost:\d+ cannot be used: .*certificate/)
  })

  test('that refuses, it is the proxy that is named', async () => {
    await using proxy = await ConnectProxy.start()
    proxy.answer = refuseTunnel(407)
    const url = proxy.url.replace('//', '//gate:hunter2@')
    const report = await check(of('people', { proxy_url: url }))
    expect(report.code).toBe(1)
    expect(amiss(report)[0]).toContain(`the proxy 127.0.0.1:${proxy.port} answered 407`)
  })

  test('of the environment, unless the file says none; a loopback provider is asked without it', async () => {
    await using proxy = await ConnectProxy.start()
    const environment = { HTTPS_PROXY: proxy.url, https_proxy: proxy.url, NO_PROXY: '' }
    expect((await check(() => {}, [], environment)).code).toBe(0)
    expect(proxy.requests).toEqual([])
    const elsewhere = of('people', { issuer: 'https://idp.invalid', request_timeout: '2s' })
    expect((await check(elsewhere, [], environment)).code).toBe(1)
    expect(proxy.requests.map(({ authority }) => authority)).toEqual(['idp.invalid:443'])
    const excepted = { ...environment, no_proxy: '.invalid' }
    expect(amiss(await check(elsewhere, [], excepted))[0]).not.toContain('the proxy')
    const without: Change = (config) => {
      elsewhere(config)
      of('people', { proxy_url: 'none' })(config)
    }
    expect(amiss(await check(without, [], environment))[0]).not.toContain('the proxy')
    expect(proxy.requests).toHaveLength(1)
  })
})

describe('of a database is found', () => {
  const passwords = (more: Readonly<Record<string, string>>): Change => {
    const auth = { method: 'password', passwords: { ...stack.passwords, ...more } }
    return (config) => {
      ofUpstream({ auth })(config)
      for (const role of Object.keys(more)) config.groups[role] = { role }
      const [first] = Object.keys(more)
      of('people', { groups_claim_mappings: { a: first, b: 'readwrite' } })(config)
    }
  }

  test.each<[string, string, string, RegExp, boolean]>([
    ['does not exist', '', 'gone', /^problem: .*role gone: 28P01/, false],
    [
      'has another password',
      "create role other login password 'x'",
      'other',
      /^problem: .*role other: 28P01/,
      false,
    ],
    [
      'may not log in',
      "create role nol nologin password 'hunter2'",
      'nol',
      /^problem: .*role nol: 28000 .*not permitted to log in/,
      false,
    ],
    [
      'is a superuser',
      "create role chief superuser login password 'hunter2'",
      'chief',
      /^problem: .*role chief: it is a superuser, and refused$/,
      true,
    ],
    [
      'may replicate',
      "create role copier replication login password 'hunter2'",
      'copier',
      /^warning: .*role copier: it has the attribute REPLICATION/,
      true,
    ],
  ])('that a role %s', async (_, sql, role, told, canBeAllowed) => {
    if (sql !== '') await stack.postgres.sql(sql)
    const change = passwords({ [role]: 'hunter2' })
    expect(await find(change)).toEqual([expect.stringMatching(told)])
    if (canBeAllowed) {
      const allowed = await find((config) => {
        change(config)
        config.groups[role] = { role, allow_superuser: true }
      })
      expect(allowed).toEqual([])
    }
    if (sql !== '') await stack.postgres.sql(`drop role ${role}`)
  })

  test('that a group has a role without a password', async () => {
    const { app_readonly: only } = stack.passwords
    const auth = { method: 'password', passwords: { app_readonly: only } }
    const found = await find(ofUpstream({ auth }), true)
    expect(found).toEqual([
      expect.stringMatching(/^warning: database sandbox: role app_readwrite: .*no password of it/),
    ])
  })

  test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    ['is not there', { port: 1 }, /server: localhost port 1: .*ECONNREFUSED/],
    ['has a certificate of somebody else', { ca: undefined }, /server: .*certificate/],
    ['has another name', { server_name: 'db.example.com' }, /server: .*altnames/],
    ['has no such database', { database: 'nowhere' }, /role app_readonly: 3D000/],
  ])('that its server %s', async (_, changes, told) => {
    const found = await find(ofUpstream(changes))
    expect(found[0]).toMatch(told)
  })
})

test('of several hosts each is looked at', async () => {
  const several: Change = ({ databases }) => {
    const sandbox = databases['sandbox']!
    const { host, port, ...rest } = sandbox['upstream'] as { host: string; port: number }
    sandbox['upstream'] = {
      ...rest,
      hosts: [
        { host, port: 1 },
        { host, port },
      ],
    }
  }
  const { findings } = await check(several)
  const servers = findings.filter((one) => one.check === 'server')
  expect(servers.map(({ verdict }) => verdict)).toEqual(['problem', 'ok'])
  expect(servers[0]?.found).toMatch(/localhost port 1: .*ECONNREFUSED/)
  const roles = findings.filter((one) => one.check.startsWith('role app_readonly at localhost'))
  expect(roles.map(({ verdict }) => verdict)).toEqual(['ok'])
})

describe('of the own certificate is found', () => {
  async function withCertificate(
    tls: CertificateAndKey,
    address?: string,
  ): Promise<readonly string[]> {
    await writeFile(join(stack.folder, 'own.crt'), tls.certificate)
    await writeFile(join(stack.folder, 'own.key'), tls.key)
    const change: Change = (config) => {
      config['tls'] = { certificate: 'own.crt', key: 'own.key' }
      const pool = config.connectivity_pools['sso_pool']!
      const [participant] = pool['participants'] as object[]
      if (address !== undefined) {
        pool['participants'] = [{ ...participant, advertised_address: address }]
      }
    }
    const lines = await find(change, true)
    return lines.filter((line) => line.includes(': tls: '))
  }

  test('that it has expired, or will', async () => {
    const lasting = async (days: number) =>
      withCertificate(
        await stack.authority.issue({
          commonName: 'own',
          notBefore: new Date(Date.now() - 9 * dayMs),
          notAfter: new Date(Date.now() + days * dayMs),
        }),
      )
    expect(await lasting(-2)).toEqual([
      expect.stringMatching(/^problem: tls: certificate: "own" expired .*, 2 d ago$/),
    ])
    expect(await lasting(29)).toEqual([expect.stringMatching(/^warning: tls: .*, in 28 d$/)])
    expect(await lasting(31)).toEqual([])
  })

  test('that nobody is left to vouch for clients', async () => {
    const past = {
      notBefore: new Date(Date.now() - 9 * dayMs),
      notAfter: new Date(Date.now() - dayMs),
    }
    const expired = await createAuthority('clients', past)
    await writeFile(join(stack.folder, 'clients.crt'), expired.certificate)
    for (const [file, told] of [
      ['clients.crt', /^problem: tls: client_ca: "clients" expired .*, 1 d ago$/],
      ['gone.crt', /^problem: tls: client_ca: .*ENOENT/],
    ] as const) {
      const found = await find((config) => {
        config['tls'] = { ...(config['tls'] as object), client_ca: file }
      }, true)
      expect(found).toEqual([expect.stringMatching(told)])
    }
  })

  test('that the key is of another one, or none', async () => {
    const [one, other] = await Promise.all(
      ['one', 'other'].map(async (commonName) => stack.authority.issue({ commonName })),
    )
    const mixed = { certificate: one!.certificate, key: other!.key }
    expect(await withCertificate(mixed)).toEqual([
      expect.stringMatching(/^problem: tls: key: .*own\.key is not the key of the certificate$/),
    ])
    expect(await withCertificate({ ...one!, key: 'hunter2' })).toEqual([
      expect.stringMatching(/^problem: tls: key: .*own\.key: /),
    ])
    expect(await withCertificate({ ...one!, certificate: 'hunter2' })).toEqual([
      expect.stringMatching(/^problem: tls: certificate: .*there is no certificate in it$/),
    ])
  })

  test('whether that of a pool has the names of the pool', async () => {
    const own = await stack.authority.issue({ commonName: 'p', names: ['db.example.com'] })
    await writeFile(join(stack.folder, 'pool.crt'), own.certificate)
    await writeFile(join(stack.folder, 'pool.key'), own.key)
    const found = await find(({ connectivity_pools: pools }) => {
      pools['named'] = {
        ...pools['sso_pool'],
        server_names: ['db.example.com', 'other.example.com'],
        tls: { certificate: 'pool.crt', key: 'pool.key' },
      }
    }, true)
    expect(found).toEqual([
      expect.stringMatching(
        /^warning: connectivity pool named: names: other\.example\.com is not in/,
      ),
    ])
  })

  test.each([
    ['localhost', true],
    ['127.0.0.1', true],
    ['db.example.com', false],
    ['10.0.0.1', false],
  ])('whether it has the advertised address %s', async (address, isNamed) => {
    const found = await withCertificate(await stack.authority.issue({ commonName: 'x' }), address)
    expect(found).toEqual(
      isNamed ? [] : [expect.stringMatching(`^warning: tls: names: ${address} is not in`)],
    )
  })
})

test('what leads nowhere is found without asking anybody', async () => {
  const report = await check(
    (config) => {
      of('machines', { default_group: undefined, groups_claim_mappings: {} })(config)
      config.groups['spare'] = { role: 'spare' }
      config['identity_map'] = 'https://nowhere.example alice app_readonly'
      const pool = config.connectivity_pools['sso_pool']!
      config.connectivity_pools['never'] = { ...pool, source_address: '10.0.0.0/8', priority: -1 }
      of('people', { principal_regex: '(.*)@example' })(config)
    },
    ['--offline'],
  )
  expect(report).toMatchObject({ code: 1, outcome: 'problem' })
  expect(amiss(report)).toEqual([
    expect.stringMatching(/^warning: configuration: notice: .*is not anchored/),
    expect.stringMatching(/^problem: integration machines: roles: nobody gets a role by it/),
    expect.stringMatching(/^warning: identity map: issuer: .*https:\/\/nowhere\.example/),
    expect.stringMatching(/^warning: group spare: members/),
    expect.stringMatching(/^warning: connectivity pool never: reach: it serves nobody/),
    expect.stringMatching(/^warning: database sandbox: role spare: /),
  ])
})

describe('what cannot be checked', () => {
  test.each([
    [78, 'none.yaml', ['--config', '/none.yaml']],
    [64, 'required option', []],
    [64, 'Allowed choices are text, json', ['--config', '/none.yaml', '-o', 'yaml']],
  ])('ends with %d and says %s', async (code, told, args) => {
    const outcome = await run(args)
    expect(outcome).toMatchObject({ code, stdout: '' })
    expect(outcome.stderr).toContain(told)
  })

  test('ends with 78 and every problem, where the configuration is wrong', async () => {
    const file = await write((config) => {
      of('people', { isuer: 'x', proxy_url: 'socks5://hunter2' })(config)
    })
    const { code, stdout, stderr } = await run(['--config', file, '-o', 'json'])
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' })
    expect(stderr).toContain('integrations.people.isuer: unknown key; did you mean "issuer"?')
    expect(stderr).toContain('integrations.people.proxy_url: must be an http or https URL')
  })
})
