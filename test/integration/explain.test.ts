// `portcullis explain` as an operator runs it, against a configuration that a gateway runs by.
import { spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { CompactEncrypt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { generateSigningKey } from '../../demo/provider.ts'
import type { ExplainedStep, Explanation } from '../../src/cli/explanation.ts'
import { boundedFetch } from '../../src/identity/bounded-fetch.ts'
import { type Reason, reasons } from '../../src/refusal.ts'
import { Stack } from '../support/stack.ts'
import { errorFields, WireClient } from '../support/wire-client.ts'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const asReader = ['--user', 'app_readonly', '--database', 'sandbox']
const inOneHour = Math.floor(Date.now() / 1_000) + 3_600

const withClientAuthority = { certificate: 'server.crt', key: 'server.key', client_ca: 'ca.crt' }

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

let stack: Stack

beforeAll(async () => {
  stack = await Stack.start({
    configure: (config) => {
      const people = config.integrations['people']!
      config.integrations['groupless'] = {
        ...people,
        default_group: undefined,
        groups_claim_mappings: {},
      }
      config.databases['exchanging'] = {
        upstream: {
          ...(config.databases['sandbox']!['upstream'] as object),
          auth: { method: 'token' },
        },
        exchange: { audience: 'elsewhere', client_id: 'gateway', authentication: 'none' },
      }
      Object.assign(config.connectivity_pools['sso_pool']!, {
        auth_methods: ['scram-sha-256', 'cleartext', 'oauthbearer'],
        password_users: ['oncall'],
      })
      config.databases['telling'] = {
        upstream: config.databases['sandbox']!['upstream'],
        session_settings: {
          identity: true,
          claims: ['sub', 'email'],
          claim_settings: { 'app.tenant': 'tenant' },
          signing: { secret: 's'.repeat(32) },
        },
      }
      config.databases['ungrouped'] = {
        integrations: ['groupless'],
        upstream: config.databases['sandbox']!['upstream'],
      }
    },
  })
  // Requests of the gateway's own would be counted as explain's.
  await stack.keysFetched()
})

afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

/** Runs explain, and checks that neither output holds the credential or its signature. */
async function explain(credential: string, args: readonly string[], input?: string): Promise<Run> {
  const child = spawn(
    process.execPath,
    [program, 'explain', '--config', stack.gateway.configFile, ...args],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  // A usage error does not wait for its input.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ])
  const signature = credential.split('.')[2] ?? ''
  for (const secret of [credential, signature].filter((one) => one.length > 8)) {
    expect(stdout).not.toContain(secret)
    expect(stderr).not.toContain(secret)
  }
  return { code, stdout, stderr }
}

async function explainJson(
  credential: string,
  args: readonly string[] = asReader,
): Promise<{ code: number; explanation: Explanation }> {
  const { code, stdout, stderr } = await explain(credential, [...args, '-o', 'json'], credential)
  expect(stderr).toBe('')
  return { code, explanation: JSON.parse(stdout) as Explanation }
}

function lastOf({ steps }: Explanation): Pick<ExplainedStep, 'check' | 'passed'> {
  const { check, passed } = steps.at(-1)!
  return { check, passed }
}

test('a sign-in by a flow that there is not is denied for the flow', async () => {
  const credential = await stack.token()
  const options = '-c handshake=SSO -c ssoOAuthFlow=authorizationCode'
  const { code, explanation } = await explainJson(credential, [...asReader, '--options', options])
  expect(code).toBe(1)
  expect(explanation.refusal?.reason).toBe('sign-in-flow')
  expect(explanation.steps.at(-1)).toMatchObject({
    check: 'sign-in flow',
    compared: 'authorizationCode among deviceGrant',
    passed: false,
  })
})

describe('what the session is told', () => {
  const told = (explanation: Explanation): ExplainedStep | undefined =>
    explanation.steps.find(({ check }) => check === 'session settings')
  const toTelling = ['--user', 'app_readonly', '--database', 'telling']

  test('is shown, and the signature is not', async () => {
    const credential = await stack.token({ tenant: 'acme' })
    const { code, explanation } = await explainJson(credential, toTelling)
    expect(code).toBe(0)
    const { compared, passed, verified } = told(explanation)!
    expect({ passed, verified }).toEqual({ passed: true, verified: true })
    expect(compared.split('; ')).toEqual([
      'portcullis.subject=alice',
      `portcullis.issuer=${stack.provider.issuer}`,
      'portcullis.principal=alice',
      'portcullis.groups=["readwrite","readonly"]',
      'portcullis.session=(its id)',
      'request.jwt.claims={"sub":"alice","email":"alice@example.com"}',
      'app.tenant=acme',
      'portcullis.identity (signed)',
    ])
  })

  test('is not verified without keys', async () => {
    const { explanation } = await explainJson(await stack.token(), [...toTelling, '--offline'])
    expect(told(explanation)).toMatchObject({ verified: false, passed: true })
    expect(told(explanation)?.compared).toContain('portcullis.subject=alice')
  })

  test('cannot be asked for by the client', async () => {
    const options = '-c Portcullis.subject=bob'
    const arguments_ = [...toTelling, '--options', options]
    const { code, explanation } = await explainJson(await stack.token(), arguments_)
    expect(code).toBe(1)
    expect(explanation.refusal?.reason).toBe('setting-reserved')
    expect(lastOf(explanation)).toEqual({ check: 'session settings', passed: false })
  })

  test('is nothing at a database that tells nothing', async () => {
    const { explanation } = await explainJson(await stack.token())
    expect(told(explanation)).toBeUndefined()
  })
})

test('shows the entry of the deny file that keeps somebody out, without keys too', async () => {
  const denying = join(stack.folder, 'denying.yaml')
  await writeFile(denying, stringify({ ...stack.config, deny_file: 'deny.json' }))
  await writeFile(join(stack.folder, 'deny.json'), '[{"subject":"alice","reason":"left"}]')
  const credential = await stack.token()
  for (const args of [[], ['--offline']]) {
    const all = ['--config', denying, ...asReader, ...args]
    const { code, explanation } = await explainJson(credential, all)
    expect(code).toBe(1)
    expect(explanation.refusal).toMatchObject({ reason: 'denied', message: 'access is denied' })
    expect(explanation.steps.at(-1)).toEqual({
      check: 'denial',
      compared: 'entry 1 of the deny file: left',
      passed: false,
      verified: args.length === 0,
    })
  }
  await writeFile(join(stack.folder, 'deny.json'), '{}')
  const { code, stderr } = await explain(credential, ['--config', denying, ...asReader, credential])
  expect([code, stderr]).toEqual([2, expect.stringMatching(/deny_file .* must be a list/)])
})

test('says until when the session may go on, where anything bounds it', async () => {
  const bounded = structuredClone(stack.config)
  Object.assign(bounded.connectivity_pools['sso_pool']!, {
    session_expiry: 'hard',
    session_grace: '1m',
    idle_timeout: '1h',
  })
  const file = join(stack.folder, 'bounded.yaml')
  await writeFile(file, stringify(bounded))
  const exp = Math.floor(Date.now() / 1_000) + 300
  const [ends, atMost] = [exp, exp + 60].map((seconds) => new Date(seconds * 1_000).toISOString())
  const { explanation } = await explainJson(await stack.token({ exp }), [
    '--config',
    file,
    ...asReader,
  ])
  expect(explanation.steps.at(-1)).toEqual({
    check: 'session',
    compared: `until its transaction is over at ${ends} (token-expired), ${atMost} at most; 3600 s idle`,
    passed: true,
    verified: true,
  })
})

describe('a token that is bound to a client certificate', () => {
  test('logs in with --certificate, where the gate asks for certificates', async () => {
    const { certificate } = await stack.authority.issue({ commonName: 'c', usage: 'clientAuth' })
    const file = join(stack.folder, 'client.crt')
    await writeFile(file, certificate)
    const raw = new X509Certificate(certificate).raw
    const token = await stack.token({
      cnf: { 'x5t#S256': createHash('sha256').update(raw).digest('base64url') },
    })
    const arguments_ = [...asReader, '--certificate', file]
    const strict = join(stack.folder, 'asking.yaml')
    await writeFile(strict, stringify({ ...stack.config, tls: withClientAuthority }))

    const granted = await explainJson(token, ['--config', strict, ...arguments_])
    expect(granted.explanation.outcome).toBe('granted')
    for (const check of ['sender constraint', 'client certificate']) {
      expect(granted.explanation.steps).toContainEqual(
        expect.objectContaining({ check, passed: true }),
      )
    }
    // Neither is one sent that is not asked for, nor is there one that is not named.
    for (const args of [arguments_, ['--config', strict, ...asReader]]) {
      const { code, explanation } = await explainJson(token, args)
      expect({ code, last: lastOf(explanation) }).toEqual({
        code: 1,
        last: { check: 'client certificate', passed: false },
      })
      expect(explanation.refusal).toMatchObject({
        reason: 'token-sender-constraint',
        detail: 'The token is bound to a client certificate, and this connection has none.',
      })
    }
  })

  test('is refused for a binding of another kind', async () => {
    const { explanation } = await explainJson(await stack.token({ cnf: { jkt: 'x' } }))
    expect(lastOf(explanation)).toEqual({ check: 'sender constraint', passed: false })
  })

  test('needs a certificate that can be read', async () => {
    const { code, stderr } = await explain('x', [...asReader, '--certificate', '/not/there', 'x'])
    expect(code).toBe(64)
    expect(stderr).toContain('cannot be read as a certificate')
  })
})

describe('a token that logs in', () => {
  test('is granted its role, with every step', async () => {
    const token = await stack.token()
    const { code, stdout, stderr } = await explain(token, [...asReader, token])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('GRANTED: role "app_readonly"')
    expect(stdout).not.toContain('FAIL')
    expect(stdout).not.toContain('not verified')
    for (const part of ['sso_pool', '-> people', 'sub "alice"', 'RS256']) {
      expect(stdout).toContain(part)
    }
    // The token is good for an hour, and at most a moment old.
    expect(stdout).toMatch(/exp \S+ \(in (?:1 h 0 min|59 min \d+ s)\)/)
  })

  test('is not exchanged, which is said', async () => {
    const before = stack.provider.requestsFor('/token')
    const database = ['--user', 'app_readonly', '--database', 'exchanging']
    const { explanation } = await explainJson(await stack.token(), database)
    expect(explanation.outcome).toBe('granted')
    expect(lastOf(explanation)).toEqual({ check: 'token exchange', passed: null })
    expect(stack.provider.requestsFor('/token')).toBe(before)
  })

  test('is the same as data', async () => {
    const { code, explanation } = await explainJson(await stack.token())
    expect(code).toBe(0)
    expect(explanation).toMatchObject({
      outcome: 'granted',
      request: { user: 'app_readonly', database: 'sandbox', from: '127.0.0.1' },
      pool: 'sso_pool',
      credential: 'token',
      integration: 'people',
      principal: 'alice',
      role: 'app_readonly',
      refusal: null,
    })
    expect(explanation.steps.map(({ check }) => check)).toEqual([
      ...['pool', 'credential', 'scope', 'integration'],
      ...['format', 'algorithm', 'keys', 'issuer', 'signature', 'audience', 'times', 'type'],
      ...['kind', 'authorized party', 'principal claim'],
      ...['principal', 'groups', 'role', 'reserved role', 'database'],
    ])
    for (const step of explanation.steps)
      expect(step).toMatchObject({ passed: true, verified: true })
  })

  test.each([
    ['-', ['-']],
    ['nothing', []],
  ])('is read from standard input where %s is given', async (_, rest) => {
    const token = await stack.token()
    const { code } = await explain(token, [...asReader, ...rest], `${token}\n`)
    expect(code).toBe(0)
  })

  test('gets what its groups give without a user, and the first database', async () => {
    const { code, explanation } = await explainJson(await stack.token(), [])
    expect(code).toBe(0)
    expect(explanation.request).toMatchObject({ user: 'id_token', database: 'sandbox' })
    expect(explanation.role).toBe('app_readwrite')
  })
})

describe('a login that is denied', () => {
  interface Denial {
    readonly credential: () => Promise<string>
    readonly user?: string
    readonly database?: string
    readonly reason: Reason
    readonly check: string
  }

  const denials: Readonly<Record<string, Denial>> = {
    'an expired token': {
      credential: async () => stack.token({ exp: inOneHour - 7_200 }),
      reason: 'token-expired',
      check: 'times',
    },
    'a token of the future': {
      credential: async () => stack.token({ iat: inOneHour }),
      reason: 'token-not-yet-valid',
      check: 'times',
    },
    'a token for another audience': {
      credential: async () => stack.token({ aud: 'somebody-else' }),
      reason: 'token-audience',
      check: 'audience',
    },
    'a token of another client': {
      credential: async () => stack.token({ azp: 'somebody-else' }),
      reason: 'token-authorized-party',
      check: 'authorized party',
    },
    'a token of another issuer': {
      credential: async () => stack.token({ iss: 'https://elsewhere.example' }),
      reason: 'token-issuer',
      check: 'issuer',
    },
    'a token of a key that nobody knows': {
      credential: async () =>
        stack.provider.mintIdToken('alice', {}, { key: await generateSigningKey('RS256') }),
      reason: 'token-unknown-key',
      check: 'signature',
    },
    'a token without an end': {
      credential: async () => stack.token({ exp: undefined }),
      reason: 'token-claim',
      check: 'times',
    },
    'a token cut short': {
      credential: async () => (await stack.token()).slice(0, 300),
      reason: 'token-malformed',
      check: 'format',
    },
    'a token of nobody in any group': {
      credential: async () => stack.token(),
      database: 'ungrouped',
      reason: 'no-group',
      check: 'groups',
    },
    'a role that no group gives': {
      credential: async () => stack.token(),
      user: 'chief',
      reason: 'role-not-allowed',
      check: 'role',
    },
    'a database that there is not': {
      credential: async () => stack.token(),
      database: 'nowhere',
      reason: 'unknown-database',
      check: 'database',
    },
    'a password': {
      credential: async () => Promise.resolve('correct horse battery staple'),
      reason: 'sso-required',
      check: 'password',
    },
    'an empty password': {
      credential: async () => Promise.resolve(''),
      reason: 'empty-password',
      check: 'credential',
    },
    'an opaque token that nobody is asked about': {
      credential: async () => Promise.resolve('0paque'),
      user: 'access_token',
      reason: 'access-token-unsupported',
      check: 'introspection',
    },
    'an ID token of a user for access tokens': {
      credential: async () => stack.token(),
      user: 'access_token',
      reason: 'token-type',
      check: 'user',
    },
    'a kind of token that is no credential': {
      credential: async () => stack.token({ events: {} }),
      reason: 'token-type',
      check: 'kind',
    },
    'a SAML assertion': {
      credential: async () => Promise.resolve(`<saml:Assertion ID="_1">${'x'.repeat(64)}`),
      reason: 'saml-unsupported',
      check: 'credential',
    },
    'a token that is encrypted': {
      credential: async () =>
        Promise.resolve('eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d'),
      reason: 'token-encrypted',
      check: 'decryption',
    },
  }

  test.each(Object.entries(denials))('because of %s', async (_, denial) => {
    const { user = 'app_readonly', database = 'sandbox', reason, check } = denial
    const credential = await denial.credential()
    const args = ['--user', user, '--database', database]
    const { code, explanation } = await explainJson(credential, args)
    expect(code).toBe(1)
    const { sqlstate, remedy } = reasons[reason]
    expect(explanation).toMatchObject({ outcome: 'denied', refusal: { reason, sqlstate, remedy } })
    expect(lastOf(explanation)).toEqual({ check, passed: false })

    // The gateway itself says the same.
    const client = await WireClient.connectSecurely(stack.gateway.port, stack.authority.certificate)
    const answer = errorFields(await client.logIn({ user, database }, credential))
    expect(explanation.refusal).toMatchObject({
      sqlstate: answer.sqlstate,
      message: answer.message,
      hint: answer.hint ?? null,
    })
    client.destroy()
  })

  test('is told with the message, the reason and the remedy', async () => {
    const token = await stack.token({ exp: inOneHour - 7_200 })
    const { code, stdout } = await explain(token, asReader, token)
    expect(code).toBe(1)
    expect(stdout).toMatch(/FAIL +times +exp .* \(1 h \d+ min ago\)/)
    expect(stdout).toContain('DENIED: token-expired')
    expect(stdout).toContain('FATAL: 28P01: password authentication failed for user "app_readonly"')
    expect(stdout).toContain(reasons['token-expired'].remedy)
  })

  test('because no pool serves the address', async () => {
    await writeFile(
      join(stack.folder, 'narrow.yaml'),
      stringify({
        ...stack.config,
        connectivity_pools: {
          narrow: { ...stack.config.connectivity_pools['sso_pool'], source_address: '10.0.0.0/8' },
        },
      }),
    )
    const narrow = ['--config', join(stack.folder, 'narrow.yaml')]
    const token = await stack.token()
    const outside = await explainJson(token, [...asReader, ...narrow])
    expect(outside.code).toBe(1)
    expect(outside.explanation.refusal?.reason).toBe('no-pool')
    const inside = await explainJson(token, [...asReader, ...narrow, '--from', '10.1.2.3'])
    expect(inside.code).toBe(0)
  })

  test('because of an integration that the client names', async () => {
    const args = [...asReader, '--options', '-c identityprovider=nobody']
    const { code, explanation } = await explainJson(await stack.token(), args)
    expect(code).toBe(1)
    expect(explanation.refusal?.reason).toBe('integration-unknown')
  })
})

describe('a password that would be relayed', () => {
  const asOncall = ['--user', 'oncall', '--database', 'sandbox']

  test('is for the database alone to judge', async () => {
    const { code, explanation } = await explainJson('correct horse battery staple', asOncall)
    expect(code).toBe(2)
    expect(explanation).toMatchObject({
      ...{ outcome: 'undecided', credential: 'password', role: 'oncall', refusal: null },
    })
    expect(explanation.steps).toMatchObject([
      { check: 'pool' },
      { check: 'password', compared: 'pool sso_pool lets it pass, by scram-sha-256', passed: true },
      { check: 'credential', passed: true },
    ])
  })

  test('is none if it is a token, unless the client asks for the other way', async () => {
    const token = await stack.token()
    const { code, explanation } = await explainJson(token, asOncall)
    expect(code).toBe(1)
    expect(explanation.refusal).toMatchObject({
      reason: 'wrong-password',
      hint: expect.stringContaining('auth_method=cleartext') as string,
    })
    expect(lastOf(explanation)).toEqual({ check: 'credential', passed: false })
    const args = [...asOncall, '--options', '-c auth_method=cleartext']
    const other = await explainJson(token, args)
    expect(other.explanation.refusal?.reason).toBe('role-not-allowed')
  })
})

describe('without keys', () => {
  test('nothing is fetched with --offline, and nothing is decided in favour of anybody', async () => {
    const before = stack.provider.discoveryRequests
    const { code, explanation } = await explainJson(await stack.token(), [...asReader, '--offline'])
    expect(code).toBe(2)
    expect(explanation).toMatchObject({ outcome: 'undecided', role: 'app_readonly', refusal: null })
    const byCheck = new Map(explanation.steps.map((step) => [step.check, step]))
    expect(byCheck.get('algorithm')).toMatchObject({ passed: true, verified: true })
    expect(byCheck.get('keys')).toMatchObject({ passed: null })
    expect(byCheck.get('signature')).toMatchObject({ passed: null, verified: false })
    for (const check of ['issuer', 'audience', 'times', 'authorized party', 'role', 'database']) {
      expect(byCheck.get(check)).toMatchObject({ passed: true, verified: false })
    }
    expect(stack.provider.discoveryRequests).toBe(before)
  })

  test.each<[Reason, Readonly<Record<string, unknown>>]>([
    ['token-expired', { exp: 1_000 }],
    ['token-audience', { aud: 'somebody-else' }],
    ['token-issuer', { iss: 'https://elsewhere.example' }],
    ['token-authorized-party', { azp: 'somebody-else' }],
    ['token-claim', { sub: undefined }],
  ])('what is denied whoever signed it is denied: %s', async (reason, claims) => {
    const token = await stack.token(claims)
    const { code, stdout } = await explain(token, [...asReader, '--offline'], token)
    expect(code).toBe(1)
    expect(stdout).toContain(`DENIED: ${reason}`)
    expect(stdout).toMatch(/FAIL .* \(not verified\)/)
  })

  test.each(['jwks', 'jwks_file'])('those of `%s` are used with --offline', async (key) => {
    const keys = await boundedFetch(
      `${stack.provider.issuer}/jwks`,
      { timeoutMs: 5_000, maxBytes: 65_536 },
      stack.authority.certificate,
    )
    const keySet = await keys.text()
    await writeFile(join(stack.folder, 'keys.json'), keySet)
    const people = {
      ...stack.config.integrations['people'],
      [key]: key === 'jwks' ? keySet : 'keys.json',
    }
    // An exchange needs the discovery document.
    const { system, sandbox } = stack.config.databases
    const databases = { system, sandbox }
    const integrations = { ...stack.config.integrations, people }
    const config = { ...stack.config, databases, integrations }
    const file = join(stack.folder, `local-${key}.yaml`)
    await writeFile(file, stringify(config))
    const offline = [...asReader, '--config', file, '--offline']

    const before = stack.provider.discoveryRequests + stack.provider.jwksRequests
    const genuine = await explainJson(await stack.token(), offline)
    expect(genuine).toMatchObject({ code: 0, explanation: { outcome: 'granted' } })
    const strange = await generateSigningKey('RS256')
    const forged = await stack.provider.mintIdToken('alice', {}, { key: strange })
    const other = await explainJson(forged, offline)
    expect(other).toMatchObject({
      code: 1,
      explanation: { outcome: 'denied', refusal: { reason: 'token-unknown-key' } },
    })
    expect(stack.provider.discoveryRequests + stack.provider.jwksRequests).toBe(before)
  })

  test('the provider that is away is named, with what can be said', async () => {
    const token = await stack.token()
    await stack.provider.stop()
    try {
      const { code, stdout } = await explain(token, asReader, token)
      expect(code).toBe(2)
      expect(stdout).toMatch(/FAIL +keys .*ECONNREFUSED/)
      expect(stdout).toMatch(/ok +audience .* \(not verified\)/)
      expect(stdout).toContain('UNDECIDED')
      expect(stdout).toContain(reasons['keys-unavailable'].remedy)
      const { explanation } = await explainJson(token)
      expect(explanation.refusal).toMatchObject({ reason: 'keys-unavailable', sqlstate: '08006' })
    } finally {
      await stack.provider.startAgain()
    }
  })
})

describe('an opaque access token', () => {
  const asHolder = ['--user', 'access_token', '--database', 'asking']

  async function withIntrospection(): Promise<readonly string[]> {
    const file = join(stack.folder, 'asking.yaml')
    const people = stack.config.integrations['people']!
    const introspection = {
      client_id: 'm2m',
      client_secret: stack.provider.clientSecret('m2m'),
    }
    const { upstream } = stack.config.databases['sandbox'] as { upstream: object }
    await writeFile(
      file,
      stringify({
        ...stack.config,
        integrations: { ...stack.config.integrations, asking: { ...people, introspection } },
        databases: { ...stack.config.databases, asking: { integrations: ['asking'], upstream } },
      }),
    )
    return [...asHolder, '--config', file]
  }

  async function opaqueToken(): Promise<string> {
    return (await stack.provider.signIn('alice', { audience: undefined })).accessToken
  }

  test('is granted with what the provider says of it', async () => {
    const { code, explanation } = await explainJson(await opaqueToken(), await withIntrospection())
    expect(code).toBe(0)
    expect(explanation).toMatchObject({ outcome: 'granted', principal: 'alice' })
    expect(explanation.steps.map(({ check }) => check)).toEqual([
      ...['pool', 'credential', 'scope', 'integration', 'introspection'],
      ...['issuer', 'audience', 'times', 'kind', 'authorized party', 'principal claim', 'user'],
      ...['principal', 'groups', 'role', 'reserved role', 'database'],
    ])
    const kind = explanation.steps.find(({ check }) => check === 'kind')
    expect(kind?.compared).toBe('access_token among id_token, at+jwt, access_token')
  })

  test('is denied when the provider says that it is not active', async () => {
    const { code, explanation } = await explainJson('made-up-token', await withIntrospection())
    expect(code).toBe(1)
    expect(explanation.refusal?.reason).toBe('token-inactive')
    expect(lastOf(explanation)).toEqual({ check: 'introspection', passed: false })
  })

  test('is not decided with --offline, and nobody is asked', async () => {
    const args = await withIntrospection()
    const token = await opaqueToken()
    const before = stack.provider.requestsFor('/token/introspection')
    const { code, explanation } = await explainJson(token, [...args, '--offline'])
    expect(code).toBe(2)
    expect(explanation).toMatchObject({ outcome: 'undecided', role: null, refusal: null })
    expect(lastOf(explanation)).toEqual({ check: 'introspection', passed: null })
    expect(stack.provider.requestsFor('/token/introspection')).toBe(before)
    const { stdout } = await explain(token, [...args, '--offline'], token)
    expect(stdout).toContain('UNDECIDED: only the identity provider can say whose token it is')
  })

  test('is not decided while the provider is away, and the cause is named', async () => {
    const args = await withIntrospection()
    const token = await opaqueToken()
    await stack.provider.stop()
    try {
      const { code, stdout } = await explain(token, args, token)
      expect(code).toBe(2)
      expect(stdout).toMatch(/FAIL +introspection .*ECONNREFUSED/)
    } finally {
      await stack.provider.startAgain()
    }
  })
})

describe('an encrypted token', () => {
  test('is opened and explained like any other, also offline', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
    await writeFile(join(stack.folder, 'decryption.pem'), pem, { mode: 0o600 })
    const file = join(stack.folder, 'decrypting.yaml')
    const { people } = stack.config.integrations
    const integrations = { people: { ...people, decryption_keys_file: 'decryption.pem' } }
    const { sandbox } = stack.config.databases
    const databases = { sandbox, system: { integrations: ['people'] } }
    await writeFile(file, stringify({ ...stack.config, integrations, databases }))
    const token = await new CompactEncrypt(Buffer.from(await stack.token()))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
      .encrypt(publicKey)
    const args = [...asReader, '--config', file]
    const { code, explanation } = await explainJson(token, args)
    expect(code).toBe(0)
    const decryption = explanation.steps.find(({ check }) => check === 'decryption')
    expect(decryption?.compared).toBe(
      'alg "RSA-OAEP-256", enc "A256GCM", kid (none) among our keys',
    )
    const offline = await explainJson(token, [...args, '--offline'])
    expect(offline.code).toBe(2)
    expect(offline.explanation).toMatchObject({ outcome: 'undecided', role: 'app_readonly' })
  })
})

describe('what cannot be replayed', () => {
  test.each([
    [64, 'not an IP address', ['--from', 'somewhere']],
    [64, 'is not a listener of node gw0: 127.0.0.1:0', ['--listener', '127.0.0.1:1']],
    [64, 'Allowed choices are text, json', ['-o', 'yaml']],
    [78, 'none.yaml', ['--config', '/none.yaml']],
  ])('ends with %d and says %s', async (code, told, args) => {
    const token = await stack.token()
    const run = await explain(token, args, token)
    expect(run).toMatchObject({ code, stdout: '' })
    expect(run.stderr).toContain(told)
  })
})
