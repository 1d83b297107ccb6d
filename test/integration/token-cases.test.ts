// Tokens of every kind through a stock client: those that log in, and those that are refused. Whoever is
// refused reads a FATAL error, is gone, has one audit record, and has never been at PostgreSQL.
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../demo/certificates.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import {
  goodClaims,
  issuer,
  type Json,
  makeToken as makeTokenOf,
  signingKey,
  signToken,
  toJwk,
} from '../unit/identity/tokens.ts'

const nowSeconds = Math.floor(Date.now() / 1_000)
const current = { ...goodClaims, iat: nowSeconds - 60, exp: nowSeconds + 3_600 }
const other = 'https://other.example'

const rsa = signingKey('rsa', 'RSA')
const ec = signingKey('ec')
const p384 = signingKey('p384', 'P-384')
const p521 = signingKey('p521', 'P-521')
const ed = signingKey('ed', 'Ed25519')
const second = signingKey('second', 'RSA')
/** Another key of the same id. */
const stranger = signingKey('ec')
const theirs = [signingKey('ec'), signingKey('rsa', 'RSA')] as const
const lone = signingKey(undefined, 'Ed25519')

/** Keys that are not for signatures, or not of any kind that is known, in front of the good ones. */
const strangeKeys = [
  { kty: 'RSA', use: 'enc', alg: 'RSA-OAEP', kid: 'rsa', n: 'AQ', e: 'AQAB' },
  { kty: 'OKP', crv: 'X25519', kid: 'ed', x: 'AQ' },
  { kty: 'PQC-9', kid: 'ec', p: 'AQ' },
  { kty: 'EC', crv: 'secp256k1', kid: 'ec', x: 'AQ', y: 'AQ' },
]

function makeToken(key: typeof ec, claims: Json = {}, header: Json = {}, ...alg: string[]): string {
  return makeTokenOf(key, { ...current, ...claims }, header, ...alg)
}

let stack: Stack
let ca: string
let attacker: Server
let attackerUrl: string
let attackerConnections = 0

beforeAll(async () => {
  stack = await Stack.start({
    settings: { log_connections: 'on' },
    configure: (config) => {
      const integration = {
        issuer,
        client_id: 'portcullis',
        additional_audiences: ['https://db.example'],
        groups_claim_ids: ['https://example.com/groups'],
        default_group: 'readonly',
        enable_id_token_authentication: true,
        leeway: '30s',
      }
      const keys = [rsa, ec, p384, p521, ed, second].map((key) => toJwk(key))
      config.integrations = {
        ours: { ...integration, jwks: { keys: [...strangeKeys, ...keys] } },
        theirs: {
          ...integration,
          issuer: other,
          jwks: { keys: [...theirs.map((key) => toJwk(key)), toJwk(lone, { kid: 'any' })] },
        },
        aged: { ...integration, jwks: { keys }, max_token_age: '10m', leeway: '0s' },
        named: { ...integration, jwks: { keys }, principal_claim: 'name', map_principal: true },
        weak: { ...integration, jwks: { keys: [toJwk(signingKey('weak', 'RSA', 1_024))] } },
        off: { ...integration, jwks: { keys }, enabled: false },
      }
      const upstream = {
        ...(config.databases['sandbox']!['upstream'] as Record<string, unknown>),
        database: 'sandbox',
      }
      config.databases = {
        system: { integrations: ['ours', 'theirs'], primary: 'ours' },
        sandbox: { upstream },
        ...Object.fromEntries(
          ['aged', 'named', 'weak', 'off'].map((name) => [
            name,
            { integrations: [name], upstream },
          ]),
        ),
      }
    },
  })
  ca = await readFile(stack.caFile, 'utf8')
  const { certificate, key } = await (await createAuthority('x')).issue({ commonName: 'localhost' })
  attacker = createServer({ cert: certificate, key })
  attacker.on('connection', (socket) => {
    attackerConnections++
    socket.destroy()
  })
  attacker.listen(0, '127.0.0.1')
  await once(attacker, 'listening')
  attackerUrl = `https://localhost:${(attacker.address() as AddressInfo).port}/keys`
})

afterAll(async () => {
  attacker.close()
  await stack[Symbol.asyncDispose]()
})

function clientOf(password: string, database: string, user: string): pg.Client {
  const client = new pg.Client({
    ...{ host: 'localhost', port: stack.gateway.port, ssl: { ca }, database, user, password },
    connectionTimeoutMillis: 15_000,
  })
  client.on('error', () => {})
  return client
}

/** Whom PostgreSQL sees. */
async function logIn(token: string, database = 'sandbox', user = 'app_readonly'): Promise<unknown> {
  const client = clientOf(token, database, user)
  await client.connect()
  const { rows } = await client.query<{ session_user: string }>('select session_user')
  await client.end()
  return rows[0]?.session_user
}

async function failures(): Promise<readonly string[]> {
  return (await stack.audit())
    .filter(({ status }) => status === 'Failure')
    .map((record) => record.status_detail ?? '')
}

const connections = (): number => stack.postgres.log().split('connection received').length

async function expectRefused(
  password: string,
  reason: string,
  { database = 'sandbox', user = 'app_readonly', sqlstate = '28P01' } = {},
): Promise<void> {
  const recordsBefore = (await failures()).length
  const connectionsBefore = connections()
  const client = clientOf(password, database, user)
  const ended = once(client, 'end')
  await expect(client.connect()).rejects.toMatchObject({ severity: 'FATAL', code: sqlstate })
  await ended
  await until('the audit record', async () => (await failures()).length > recordsBefore)
  expect((await failures()).slice(recordsBefore)).toEqual([reason])
  expect(connections()).toBe(connectionsBefore)
}

describe('a stock client logs in with a token', () => {
  test.each([
    ['RS256', rsa],
    ['RS384', rsa],
    ['RS512', rsa],
    ['PS256', rsa],
    ['PS384', rsa],
    ['PS512', rsa],
    ['ES256', ec],
    ['ES384', p384],
    ['ES512', p521],
    ['EdDSA', ed],
  ] as const)('signed %s, with a key that does not say so', async (alg, key) => {
    expect(await logIn(makeToken(key, {}, {}, alg))).toBe('app_readonly')
  })

  test.each([
    ['in quotes', (token: string) => `"${token}"`],
    ['followed by a newline', (token: string) => `${token}\n`],
    ['behind the word Bearer', (token: string) => `Bearer ${token}`],
    ['behind a space', (token: string) => ` ${token}`],
  ])('%s', async (_, wrapped) => {
    expect(await logIn(wrapped(makeToken(ec)))).toBe('app_readonly')
  })

  test('of either of two issuers and either of two keys of each, in any order', async () => {
    const foreign = { iss: other }
    const tokens = [
      makeToken(rsa),
      makeToken(theirs[0], foreign),
      makeToken(second),
      makeToken(theirs[1], foreign),
    ]
    for (const token of [...tokens, ...tokens.toReversed()]) {
      expect(await logIn(token)).toBe('app_readonly')
    }
  })

  test.each<[string, string]>([
    [
      'whose issuer has escaped slashes',
      signToken(
        { alg: 'ES256', kid: 'ec' },
        JSON.stringify(current).replaceAll('/', String.raw`\/`),
        ec,
      ),
    ],
    ['whose audience is an array of one', makeToken(ec, { aud: ['portcullis'] })],
    ['whose audience is ours as the second', makeToken(ec, { aud: ['other', 'portcullis'] })],
    ['for an additional audience', makeToken(ec, { aud: 'https://db.example', scope: 'db' })],
    ['without key id, of a kind that its issuer has one key of', makeToken(lone, { iss: other })],
    ['that expired within the leeway', makeToken(ec, { exp: nowSeconds - 5 })],
    ['that expires at a fraction of a second', makeToken(ec, { exp: nowSeconds + 3_600.5 })],
    ['that expires at the end of time', makeToken(ec, { exp: 1e308 })],
    ['that begins within the leeway', makeToken(ec, { nbf: nowSeconds + 10 })],
    ['with a thousand levels of brackets', deepToken()],
  ])('%s', async (_, token) => {
    expect(await logIn(token)).toBe('app_readonly')
  })

  test.each([8_000, 16_000, 60_000])('of %d bytes', async (bytes) => {
    const name = (i: number): string => `group-${String(i).padStart(5, '0')}-of-organisation`
    const groups = Array.from({ length: Math.ceil(bytes / 39) }, (_, i) => name(i))
    const token = makeToken(ec, { 'https://example.com/groups': groups })
    expect(token.length).toBeGreaterThan(bytes)
    expect(await logIn(token)).toBe('app_readonly')
  })

  test('as the name that a claim has, as it is written', async () => {
    await stack.postgres.sql(`create role "Amélie" login password 'x'`)
    // No password is configured for her, so that this is as far as she gets.
    const client = clientOf(makeToken(ec, { name: 'Amélie' }), 'named', 'Amélie')
    await expect(client.connect()).rejects.toMatchObject({ code: '08001' })
    await expectRefused(makeToken(ec, { name: 'Ame\u0301lie' }), 'role-not-allowed', {
      ...{ database: 'named', user: 'Amélie', sqlstate: '28000' },
    })
  })
})

function deepToken(): string {
  const brackets = '['.repeat(1_000) + ']'.repeat(1_000)
  const claims = JSON.stringify(current).replace('{', `{"x":${brackets},`)
  return signToken({ alg: 'ES256', kid: 'ec' }, claims, ec)
}

const good = makeToken(ec)
const [head = '', body = '', signature = ''] = good.split('.')
const claimsText = JSON.stringify(current)
const es256 = { alg: 'ES256', kid: 'ec' }
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()

function withHmac(secret: string): string {
  const unsigned = signToken({ alg: 'HS256', kid: 'rsa' }, current, rsa)
  const input = unsigned.slice(0, unsigned.lastIndexOf('.'))
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

function unsigned(header: Json): string {
  const token = signToken(header, current, ec)
  return token.slice(0, token.lastIndexOf('.') + 1)
}

describe('a stock client is refused with a token', () => {
  test.each<[string, string, string]>([
    ['that says alg none', unsigned({ alg: 'none' }), 'token-algorithm'],
    ['that says alg NONE', unsigned({ alg: 'NONE' }), 'token-algorithm'],
    ['that has lost its signature', `${head}.${body}.`, 'token-signature'],
    ['signed HS256 with the public key as PEM', withHmac(pem), 'token-algorithm'],
    ['signed HS256 with the modulus', withHmac(toJwk(rsa).n!), 'token-algorithm'],
    [
      'signed RS256 that says PS256',
      makeToken(rsa, {}, { alg: 'PS256' }, 'RS256'),
      'token-signature',
    ],
    [
      'signed PS256 that says RS256',
      makeToken(rsa, {}, { alg: 'RS256' }, 'PS256'),
      'token-signature',
    ],
    ['signed RS256 that says ES256', makeToken(rsa, {}, { alg: 'ES256' }), 'token-unknown-key'],
    ['signed by another key of the same id', makeToken(stranger), 'token-signature'],
    ['signed by the key of another issuer', makeToken(theirs[0]), 'token-signature'],
    ['that says to be of another issuer', makeToken(ec, { iss: other }), 'token-signature'],
    [
      'without key id, of a kind that there are two keys of',
      makeToken(rsa, {}, { kid: undefined }),
      'token-unknown-key',
    ],
    ['that expired beyond the leeway', makeToken(ec, { exp: nowSeconds - 60 }), 'token-expired'],
    ['without expiry', makeToken(ec, { exp: undefined }), 'token-claim'],
    ['whose expiry is a text', makeToken(ec, { exp: String(current.exp) }), 'token-claim'],
    ['whose expiry is negative', makeToken(ec, { exp: -1 }), 'token-expired'],
    ['whose expiry is before all time', makeToken(ec, { exp: -1e308 }), 'token-expired'],
    ['that begins in a minute', makeToken(ec, { nbf: nowSeconds + 120 }), 'token-not-yet-valid'],
    [
      'that was issued in the future',
      makeToken(ec, { iat: nowSeconds + 120 }),
      'token-not-yet-valid',
    ],
    ['without issuer', makeToken(ec, { iss: undefined }), 'token-issuer'],
    [
      'of an issuer that nobody configured',
      makeToken(ec, { iss: 'https://x.example' }),
      'token-issuer',
    ],
    ['of the issuer with a slash', makeToken(ec, { iss: `${issuer}/` }), 'token-issuer'],
    ['of the issuer in upper case', makeToken(ec, { iss: issuer.toUpperCase() }), 'token-issuer'],
    ['without audience', makeToken(ec, { aud: undefined }), 'token-audience'],
    ['of no audience', makeToken(ec, { aud: [] }), 'token-audience'],
    ['for another audience', makeToken(ec, { aud: 'foo' }), 'token-audience'],
    ['for other audiences', makeToken(ec, { aud: ['foo', 'bar'] }), 'token-audience'],
    ['of another authorized party', makeToken(ec, { azp: 'other' }), 'token-authorized-party'],
    ['of another type', makeToken(ec, {}, { typ: 'logout+jwt' }), 'token-type'],
    ['with a critical claim', makeToken(ec, {}, { crit: ['exp'], exp: 1 }), 'token-malformed'],
    ['with a critical extension', makeToken(ec, {}, { crit: ['x'], x: 1 }), 'token-malformed'],
    ['without subject', makeToken(ec, { sub: undefined }), 'token-claim'],
    ['whose subject is an object', makeToken(ec, { sub: {} }), 'token-claim'],
    ['whose subject is empty', makeToken(ec, { sub: '' }), 'token-claim'],
    ['whose subject has a NUL', makeToken(ec, { sub: 'alice\0' }), 'token-claim'],
    ['whose subject has a newline', makeToken(ec, { sub: 'alice\nroot' }), 'token-claim'],
    ['of three segments and a dot', `${good}.`, 'token-malformed'],
    ['of two segments', `${head}.${body}`, 'token-malformed'],
    ['in base64 with padding', `${head}==.${body}.${signature}`, 'token-malformed'],
    ['whose signature has padding', `${good}==`, 'token-malformed'],
    [
      'with a name twice in its header',
      signToken('{"alg":"ES256","alg":"ES256"}', claimsText, ec),
      'token-malformed',
    ],
    [
      'with a name twice in its claims',
      signToken(es256, `{"sub":"eve",${claimsText.slice(1)}`, ec),
      'token-malformed',
    ],
    ['behind a byte order mark', signToken(es256, `\uFEFF${claimsText}`, ec), 'token-malformed'],
  ])('%s', async (_, token, reason) => {
    await expectRefused(token, reason)
  })

  test.each<[string, string, string, string]>([
    [
      'that is older than its integration wants',
      'aged',
      makeToken(ec, { iat: nowSeconds - 900 }),
      'token-expired',
    ],
    ['of no age, where that is limited', 'aged', makeToken(ec, { iat: undefined }), 'token-claim'],
    [
      'that expired a second ago, without leeway',
      'aged',
      makeToken(ec, { exp: nowSeconds - 1 }),
      'token-expired',
    ],
    ['without the claim that names the principal', 'named', good, 'token-claim'],
    ['whose name is an object', 'named', makeToken(ec, { name: { a: 1 } }), 'token-claim'],
    [
      'whose name is too long for anybody',
      'named',
      makeToken(ec, { name: 'x'.repeat(256) }),
      'token-claim',
    ],
  ])('%s', async (_, database, token, reason) => {
    await expectRefused(token, reason, { database })
  })

  test('whose name PostgreSQL would cut to that of somebody else', async () => {
    const token = makeToken(ec, { name: 'x'.repeat(64) })
    const as = { database: 'named', user: 'x'.repeat(63), sqlstate: '28000' }
    await expectRefused(token, 'role-not-allowed', as)
  })

  test('whose name differs from the role by case', async () => {
    const as = { database: 'named', user: 'alice', sqlstate: '28000' }
    await expectRefused(makeToken(ec, { name: 'Alice' }), 'role-not-allowed', as)
  })

  test('signed by an RSA key of 1,024 bits', async () => {
    const weak = signingKey('weak', 'RSA', 1_024)
    await expectRefused(makeToken(weak), 'token-signature', { database: 'weak' })
  })

  test('of an integration that is switched off', async () => {
    const as = { database: 'off', sqlstate: '28000' }
    await expectRefused(good, 'integration-disabled', as)
  })

  test.each(['jku', 'x5u'])('that brings its key by %s, and nothing is fetched', async (name) => {
    attackerConnections = 0
    await expectRefused(makeToken(stranger, {}, { [name]: attackerUrl }), 'token-signature')
    await expectRefused(makeToken(stranger, {}, { jwk: toJwk(stranger) }), 'token-signature')
    expect(attackerConnections).toBe(0)
  })

  test.each<[string, string, string, string]>([
    ['nothing', '', 'empty-password', '28P01'],
    ['spaces', '   ', 'sso-required', '28000'],
    ['a dot', '.', 'sso-required', '28000'],
    ['three dots', '...', 'sso-required', '28000'],
    ['one byte more than the limit', 'a'.repeat(65_531), 'password-too-long', '08P01'],
    ['a mebibyte', 'a'.repeat(1_048_576), 'password-too-long', '08P01'],
  ])('that is %s', async (_, password, reason, sqlstate) => {
    await expectRefused(password, reason, { sqlstate })
  })
})

test('a key that a reload withdraws is not believed any more, nor what was verified with it', async () => {
  expect(await logIn(good)).toBe('app_readonly')
  const replaced = { ...stack.config.integrations['ours'], jwks: { keys: [toJwk(second)] } }
  await stack.gateway.reload({
    ...stack.config,
    integrations: { ...stack.config.integrations, ours: replaced },
  })
  await expectRefused(good, 'token-unknown-key')
  expect(await logIn(makeToken(second))).toBe('app_readonly')
  await stack.gateway.reload(stack.config)
  expect(await logIn(good)).toBe('app_readonly')
})
