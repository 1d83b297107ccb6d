import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { SessionKeys } from '../../../src/identity/session-keys.ts'
import { maxSessionTokenBytes } from '../../../src/identity/session-token.ts'
import type { KeptIdentity } from '../../../src/identity/kept-identity.ts'
import {
  hourMs,
  identity,
  issuer,
  later,
  now,
  otherSecret,
  partsOf,
  publicUrl,
  secret,
  sessionTokens,
  terms,
} from './session-tokens.ts'

const uuid = '3f2b8c1e-9d4a-4c7b-8e21-5a6f7d8c9b0e'
const entraSubject = 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ'
const thumbprint = 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2'

const realistic: readonly (readonly [string, Partial<KeptIdentity>, string])[] = [
  [
    'Okta',
    {
      issuer: 'https://example.okta.com/oauth2/aus1a2b3c4d5e6f7g8h9',
      subject: '00u1a2b3c4d5e6f7g8h9',
      names: ['alice.liddell@example.com'],
      groups: ['g1', 'g2', 'g3', 'g4'],
      sid: 'idx1A2b3C4d5E6f7G8h9I0j1K2',
      tokenIdHash: 'ab'.repeat(32),
    },
    'https://portcullis.example.com',
  ],
  [
    'Entra',
    {
      issuer: `https://login.microsoftonline.com/${uuid}/v2.0`,
      subject: entraSubject,
      names: ['alice.liddell@contoso.com'],
      groups: ['g1', 'g2', 'g3'],
      sid: uuid,
    },
    'https://portcullis.example.com',
  ],
  [
    'Entra without a session, with another address',
    {
      issuer: `https://login.microsoftonline.com/${uuid}/v2.0`,
      subject: entraSubject,
      names: ['alice.liddell@contoso.onmicrosoft.com'],
      groups: ['g1', 'g2', 'g3', 'g4'],
    },
    'https://database-gateway.contoso.com',
  ],
  [
    'Google',
    {
      issuer: 'https://accounts.google.com',
      subject: '110169484474386276334',
      names: ['alice.liddell@example.com'],
      groups: [],
    },
    'https://database-gateway.internal.example.com',
  ],
  [
    'Keycloak',
    {
      issuer: 'https://keycloak.example.com/realms/production',
      subject: 'f7c3de3d-1fea-4d7c-a8b0-29f63c4c3454',
      names: ['alice.liddell'],
      groups: ['g1', 'g2', 'g3'],
      sid: uuid,
      tokenIdHash: 'ab'.repeat(32),
    },
    'https://portcullis.example.com',
  ],
  [
    'a machine with a certificate',
    {
      kind: 'at+jwt',
      subject: 'billing-service',
      names: ['billing-service'],
      groups: ['g1'],
      certificateThumbprint: thumbprint,
    },
    'https://portcullis.example.com',
  ],
]

test.each(realistic)('one for %s is under 500 bytes', async (_, more, url) => {
  const tokens = sessionTokens({
    publicUrl: url,
    terms: [
      {
        ...terms,
        ...(more.issuer !== undefined && { issuer: more.issuer }),
        groups: new Set(['g1', 'g2', 'g3', 'g4']),
      },
    ],
  })
  const kept = identity(more)
  const { token } = await tokens.issue({ identity: kept, bounds: {} }, now)
  expect(token.length).toBeLessThan(500)
  const { tokenIdHash, ...read } = (await tokens.read(token, now)).identity
  const { tokenIdHash: whole, ...asked } = kept
  expect(read).toEqual(asked)
  expect(tokenIdHash).toBe(whole?.slice(0, 12))
})

test('one says whose it is, what it is and until when, in the words of RFC 7519', async () => {
  const { token, id, expiresAt } = await sessionTokens().issue(
    { identity: identity(), bounds: {} },
    now,
  )
  const [header, claims] = partsOf(token)
  expect(header).toEqual({
    alg: 'ES256',
    typ: 'ps+jwt',
    kid: expect.stringMatching(/^[\w-]{8}$/) as string,
  })
  expect(claims).toMatchObject({
    iss: publicUrl,
    sub: 'auth0|alice',
    iat: now.getTime() / 1_000,
    exp: now.getTime() / 1_000 + 3_600,
    jti: id,
  })
  expect(Buffer.from(id, 'base64url')).toHaveLength(12)
  expect(expiresAt).toBe(now.getTime() + hourMs)
})

test('anybody verifies one with the published keys and nothing else', async () => {
  const tokens = sessionTokens()
  const { token } = await tokens.issue({ identity: identity(), bounds: {} }, now)
  const [header] = partsOf(token)
  const { keys } = await tokens.publicKeys(now)
  const jwk = keys.find(({ kid }) => kid === header?.['kid'])
  expect(jwk).toMatchObject({ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' })
  expect(jwk).not.toHaveProperty('d')
  const end = token.lastIndexOf('.')
  const isGood = verify(
    'sha256',
    Buffer.from(token.slice(0, end)),
    { key: createPublicKey({ format: 'jwk', key: jwk ?? {} }), dsaEncoding: 'ieee-p1363' },
    Buffer.from(token.slice(end + 1), 'base64url'),
  )
  expect(isGood).toBe(true)
})

test.each([
  ['as long as configured', {}, undefined, hourMs],
  ['as long as asked', {}, 5 * 60_000, 5 * 60_000],
  ['no longer than configured', {}, 2 * hourMs, hourMs],
  ['no longer than what it is made of', { expiresAt: now.getTime() + 90_500 }, undefined, 90_000],
])('one is good %s', async (_, more, lifetimeMs, ms) => {
  const tokens = sessionTokens()
  const issued = await tokens.issue({ identity: identity(more), bounds: {}, lifetimeMs }, now)
  expect(issued.expiresAt).toBe(now.getTime() + ms)
  await expect(tokens.read(issued.token, later(ms - 1_000))).resolves.toMatchObject({
    expiresAt: issued.expiresAt,
    identity: { expiresAt: Math.floor(identity(more).expiresAt / 1_000) * 1_000 },
  })
  await expect(tokens.read(issued.token, later(ms))).rejects.toMatchObject({
    reason: 'token-expired',
  })
})

test.each([
  ['that has expired', { expiresAt: now.getTime() }, {}],
  ['that has expired within this second', { expiresAt: now.getTime() + 999 }, {}],
  ['for no time at all', {}, { lifetimeMs: 0 }],
  ['for no number', {}, { lifetimeMs: Number.NaN }],
])('there is none for an identity %s', async (_, more, request) => {
  const issuing = sessionTokens().issue({ identity: identity(more), bounds: {}, ...request }, now)
  await expect(issuing).rejects.toMatchObject({
    name: 'UnfitForSessionToken',
    message: expect.stringMatching(/no time left.*sign in again/) as string,
  })
})

test.each([
  ['of an integration that is not there', identity({ integration: 'other' }), terms],
  ['of an integration that is switched off', identity(), { ...terms, isEnabled: false }],
  ['of another issuer', identity({ issuer: 'https://other.example' }), terms],
  [
    'of a kind that the provider is asked about',
    identity({ kind: 'at+jwt' }),
    { ...terms, unfitKinds: new Set(['at+jwt'] as const) },
  ],
])('there is none for an identity %s', async (_, kept, its) => {
  const issuing = sessionTokens({ terms: [its] }).issue({ identity: kept, bounds: {} }, now)
  await expect(issuing).rejects.toMatchObject({ name: 'UnfitForSessionToken' })
})

test('one that would be too long is not issued, and it is said which claims make it so', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `a-rather-long-name-${index}@example.com`)
  const issuing = sessionTokens().issue({ identity: identity({ names }), bounds: {} }, now)
  await expect(issuing).rejects.toMatchObject({
    name: 'UnfitForSessionToken',
    message: expect.stringMatching(/may be 499: its longest claims are n \(\d+\), /) as string,
  })
  await expect(issuing).rejects.not.toMatchObject({
    message: expect.stringContaining('a-rather-long-name') as string,
  })
})

test('the longest one is just as long as there may be', async () => {
  const tokens = sessionTokens()
  let longest = 0
  for (let length = 1; length < 200; length++) {
    const kept = identity({ subject: 's'.repeat(length) })
    const issued = await tokens.issue({ identity: kept, bounds: {} }, now).catch(() => undefined)
    if (issued === undefined) break
    longest = issued.token.length
    await expect(tokens.read(issued.token, now)).resolves.toMatchObject({ identity: kept })
  }
  expect(maxSessionTokenBytes - longest).toBeLessThanOrEqual(2)
})

test('bounds come back as they were asked for', async () => {
  const tokens = sessionTokens()
  const bounds = { user: 'analyst', database: 'sales', pool: 'main' }
  const { token } = await tokens.issue({ identity: identity(), bounds }, now)
  await expect(tokens.read(token, now)).resolves.toMatchObject({ bounds })
})

test.each([
  ['with a slash more', `${issuer}/`, issuer],
  ['with a slash less', issuer, `${issuer}/`],
  ['as it is configured', issuer, issuer],
  ['as it is configured, with a slash', `${issuer}/`, `${issuer}/`],
])('the issuer comes back in its own spelling, %s', async (_, its, configured) => {
  const tokens = sessionTokens({ terms: [{ ...terms, issuer: configured }] })
  const { token } = await tokens.issue({ identity: identity({ issuer: its }), bounds: {} }, now)
  await expect(tokens.read(token, now)).resolves.toMatchObject({ identity: { issuer: its } })
})

test.each(['id_token', 'access_token', 'at+jwt'] as const)('of %s it stays known', async (kind) => {
  const tokens = sessionTokens()
  const { token } = await tokens.issue({ identity: identity({ kind }), bounds: {} }, now)
  await expect(tokens.read(token, now)).resolves.toMatchObject({ identity: { kind } })
})

test('groups that the catalog has no use for are left out, when it is issued and when it is read', async () => {
  const kept = identity({ groups: ['readers', 'elsewhere', 'writers'] })
  const { token } = await sessionTokens().issue({ identity: kept, bounds: {} }, now)
  const fewer = sessionTokens({ terms: [{ ...terms, groups: new Set(['writers', 'new']) }] })
  await expect(sessionTokens().read(token, now)).resolves.toMatchObject({
    identity: { groups: ['readers', 'writers'] },
  })
  await expect(fewer.read(token, now)).resolves.toMatchObject({ identity: { groups: ['writers'] } })
})

test('what its integration demands has changed, so that it is void', async () => {
  const { token } = await sessionTokens().issue({ identity: identity(), bounds: {} }, now)
  const changed = sessionTokens({ terms: [{ ...terms, fingerprint: 'Ab-_08' }] })
  await expect(changed.read(token, now)).rejects.toMatchObject({ reason: 'session-token-outdated' })
})

test('the provider is asked about its kind by now, so that it is void', async () => {
  const { token } = await sessionTokens().issue({ identity: identity(), bounds: {} }, now)
  const unfitKinds = new Set(['id_token'] as const)
  const changed = sessionTokens({ terms: [{ ...terms, unfitKinds }] })
  await expect(changed.read(token, now)).rejects.toMatchObject({ reason: 'session-token-outdated' })
})

const dayMs = 24 * hourMs
/** Keys are replaced at midnight. */
const midnight = new Date('2026-03-02T00:00:00.000Z')

test.each([
  ['a second before', -1_000],
  ['at the moment', 0],
  ['a second after', 1_000],
])('nodes whose clocks differ by a minute read each other %s keys are replaced', async (_, ms) => {
  const at = new Date(midnight.getTime() + ms)
  for (const skew of [-60_000, 0, 60_000]) {
    const tokens = sessionTokens()
    const kept = identity({ expiresAt: midnight.getTime() + dayMs })
    const { token } = await tokens.issue({ identity: kept, bounds: {} }, at)
    const reader = sessionTokens()
    const readAt = new Date(at.getTime() + skew)
    await expect(reader.read(token, readAt)).resolves.toMatchObject({ identity: kept })
  }
})

test('a key of before verifies for as long as tokens of it are good, and no longer', async () => {
  const tokens = sessionTokens()
  const kidAt = async (ms: number) => tokens.publicKeys(new Date(midnight.getTime() + ms))
  const kept = identity({ expiresAt: midnight.getTime() + dayMs })
  const issued = await tokens.issue(
    { identity: kept, bounds: {} },
    new Date(midnight.getTime() - 1),
  )
  const [header] = partsOf(issued.token)
  const has = async (ms: number) =>
    (await kidAt(ms)).keys.some(({ kid }) => kid === header?.['kid'])
  expect(await has(-2 * dayMs - 1)).toBe(false)
  expect(await has(-2 * dayMs)).toBe(true)
  expect(await has(-1)).toBe(true)
  expect(await has(hourMs)).toBe(true)
  expect(await has(hourMs + 59_999)).toBe(true)
  expect(await has(hourMs + 60_000)).toBe(false)
})

test('keys are published before anything is signed with them', async () => {
  const before = await sessionTokens().publicKeys(new Date(midnight.getTime() - dayMs))
  const after = await sessionTokens().issue(
    { identity: identity({ expiresAt: midnight.getTime() + dayMs }), bounds: {} },
    midnight,
  )
  const [header] = partsOf(after.token)
  expect(before.keys.map(({ kid }) => kid)).toContain(header?.['kid'])
})

test('a key that is only published yet verifies nothing', async () => {
  const kept = identity({ expiresAt: midnight.getTime() + dayMs })
  const { token } = await sessionTokens().issue({ identity: kept, bounds: {} }, midnight)
  const early = new Date(midnight.getTime() - 60_001)
  await expect(sessionTokens().read(token, early)).rejects.toMatchObject({
    reason: 'token-unknown-key',
  })
})

test('a secret that was replaced verifies as long as it is there, and signs no more', async () => {
  const before = sessionTokens()
  const between = sessionTokens({ secrets: [otherSecret, secret] })
  const after = sessionTokens({ secrets: [otherSecret] })
  const { token } = await before.issue({ identity: identity(), bounds: {} }, now)
  await expect(between.read(token, now)).resolves.toBeDefined()
  await expect(after.read(token, now)).rejects.toMatchObject({ reason: 'token-unknown-key' })
  const { token: newer } = await between.issue({ identity: identity(), bounds: {} }, now)
  await expect(after.read(newer, now)).resolves.toBeDefined()
  await expect(before.read(newer, now)).rejects.toMatchObject({ reason: 'token-unknown-key' })
})

test('with no secret nothing is signed', async () => {
  const issuing = sessionTokens({ secrets: [] }).issue({ identity: identity(), bounds: {} }, now)
  await expect(issuing).rejects.toThrow('there is no secret')
})

test('one of other pages is nothing here, though the secret is the same', async () => {
  const { token } = await sessionTokens({ publicUrl: 'https://other.example.com' }).issue(
    { identity: identity(), bounds: {} },
    now,
  )
  await expect(sessionTokens().read(token, now)).rejects.toMatchObject({ reason: 'token-issuer' })
})

test.each([
  [60_000, undefined],
  [61_000, 'token-not-yet-valid'],
])('one that was issued %i ms ahead of our clock', async (ms, reason) => {
  const kept = identity({ expiresAt: now.getTime() + dayMs })
  const { token } = await sessionTokens().issue({ identity: kept, bounds: {} }, later(ms))
  const outcome = await sessionTokens()
    .read(token, now)
    .catch((error: unknown) => error)
  expect(outcome).toEqual(
    reason === undefined ? expect.anything() : expect.objectContaining({ reason }),
  )
})

test('whatever character of it is changed, it is refused', async () => {
  const tokens = sessionTokens()
  const { token } = await tokens.issue({ identity: identity(), bounds: {} }, now)
  for (let at = 0; at < token.length; at++) {
    const other = token[at] === 'A' ? 'B' : 'A'
    const changed = `${token.slice(0, at)}${other}${token.slice(at + 1)}`
    await expect(tokens.read(changed, now), `character ${at}`).rejects.toMatchObject({
      name: 'Refusal',
    })
  }
}, 30_000)

test('a signature has one spelling, also in the bits that decoders ignore', async () => {
  const tokens = sessionTokens()
  const { token } = await tokens.issue({ identity: identity(), bounds: {} }, now)
  // Of the last character four bits are nothing: those that we write are zero.
  const next = { A: 'B', Q: 'R', g: 'h', w: 'x' }[token.slice(-1)] ?? ''
  const other = `${token.slice(0, -1)}${next}`
  const bytesOf = (one: string): Buffer => Buffer.from(one.split('.')[2] ?? '', 'base64url')
  expect(bytesOf(other)).toEqual(bytesOf(token))
  await expect(tokens.read(other, now)).rejects.toMatchObject({ reason: 'token-malformed' })
})

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

const { privateKey: signingKey } = new SessionKeys({
  secrets: [secret],
  keyLifetimeMs: 24 * hourMs,
  tokenLifetimeMs: hourMs,
}).signing(now)

/** Signed by the right key, whatever it says. */
function forged(header: object, claims: object): string {
  const input = `${encode(header)}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(input), {
    key: signingKey,
    dsaEncoding: 'ieee-p1363',
  })
  return `${input}.${signature.toString('base64url')}`
}

async function goodParts() {
  const { token } = await sessionTokens().issue({ identity: identity(), bounds: {} }, now)
  const [header = {}, claims = {}] = partsOf(token)
  return { header, claims, token }
}

test('what is forged below is good but for what is changed', async () => {
  const { header, claims } = await goodParts()
  await expect(sessionTokens().read(forged(header, claims), now)).resolves.toBeDefined()
})

test.each([
  ['no algorithm', { alg: 'none' }, 'token-algorithm'],
  ['a shared secret', { alg: 'HS256' }, 'token-algorithm'],
  ['another curve', { alg: 'ES384' }, 'token-algorithm'],
  ['the type of others', { typ: 'JWT' }, 'token-malformed'],
  ['the type in capitals', { typ: 'PS+JWT' }, 'token-malformed'],
  ['the whole media type', { typ: 'application/ps+jwt' }, 'token-malformed'],
  ['no type', { typ: undefined }, 'token-malformed'],
  ['no key', { kid: undefined }, 'token-malformed'],
  ['a number for a key', { kid: 1 }, 'token-malformed'],
  ['a key that there is not', { kid: 'AAAAAAAA' }, 'token-unknown-key'],
  ['something critical', { crit: ['exp'] }, 'token-malformed'],
  ['a key of its own', { jwk: {} }, 'token-malformed'],
  ['a key set of its own', { jku: 'https://evil.example' }, 'token-malformed'],
])('a header with %s is refused', async (_, change, reason) => {
  const { header, claims } = await goodParts()
  const token = forged({ ...header, ...change }, claims)
  await expect(sessionTokens().read(token, now)).rejects.toMatchObject({ reason })
})

test.each([
  ['another issuer', { iss: issuer }, 'token-issuer'],
  ['no issuer', { iss: undefined }, 'token-issuer'],
  ['no subject', { sub: undefined }, 'token-claim'],
  ['a number for a subject', { sub: 1 }, 'session-token-outdated'],
  ['no end', { exp: undefined }, 'token-claim'],
  ['no beginning', { iat: undefined }, 'token-claim'],
  ['no id', { jti: undefined }, 'token-claim'],
  ['a number for an id', { jti: 1 }, 'session-token-outdated'],
  ['half a second', { iat: 1.5 }, 'session-token-outdated'],
  ['no integration', { o: undefined }, 'session-token-outdated'],
  ['another integration', { o: 'iAAAAAA' }, 'session-token-outdated'],
  ['an unknown kind', { o: `x${terms.fingerprint}` }, 'session-token-outdated'],
  ['a number for the integration', { o: 1 }, 'session-token-outdated'],
  ['no names', { n: [] }, 'session-token-outdated'],
  ['a number for a name', { n: [1] }, 'session-token-outdated'],
  ['text for a time', { i: '1' }, 'session-token-outdated'],
  ['text for the end', { x: '1' }, 'session-token-outdated'],
  ['a number for the original', { j: 1 }, 'session-token-outdated'],
  ['a number for a session', { sid: 1 }, 'session-token-outdated'],
  ['a number for a short session', { s: 1 }, 'session-token-outdated'],
  ['a binding that cannot be proved', { cnf: { jkt: 'x' } }, 'session-token-outdated'],
  ['text for a binding', { cnf: 'x' }, 'session-token-outdated'],
  ['text for claims', { c: 'x' }, 'session-token-outdated'],
  ['a number for the user', { u: 1 }, 'session-token-outdated'],
  ['a number for the database', { d: 1 }, 'session-token-outdated'],
  ['a number for the pool', { p: 1 }, 'session-token-outdated'],
  ['a bound that is not known yet', { readonly: true }, 'session-token-outdated'],
])('claims with %s are refused, though we have signed them', async (_, change, reason) => {
  const { header, claims } = await goodParts()
  const token = forged(header, { ...claims, ...change })
  await expect(sessionTokens().read(token, now)).rejects.toMatchObject({ reason })
})

test('one that another key has signed is refused', async () => {
  const { header, claims } = await goodParts()
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const input = `${encode(header)}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(input), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  const token = `${input}.${signature.toString('base64url')}`
  await expect(sessionTokens().read(token, now)).rejects.toMatchObject({
    reason: 'token-signature',
  })
})

test.each([
  ['nothing', ''],
  ['two segments', 'eyJhbGciOiJFUzI1NiJ9.e30'],
  ['five segments', 'eyJhbGciOiJFUzI1NiJ9.e30.e30.e30.e30'],
])('%s is no session token', async (_, token) => {
  await expect(sessionTokens().read(token, now)).rejects.toMatchObject({
    reason: 'token-malformed',
  })
})

test('one that is longer than any is not looked at', async () => {
  const { header, claims } = await goodParts()
  const token = forged(header, { ...claims, n: 'x'.repeat(400) })
  await expect(sessionTokens().read(token, now)).rejects.toMatchObject({
    reason: 'token-malformed',
  })
})
