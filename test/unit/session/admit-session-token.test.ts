// Who is let in by a session token, with real ones and no socket.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createSessionTokens } from '../../../src/identity/create-session-tokens.ts'
import type { KeptIdentity } from '../../../src/identity/kept-identity.ts'
import type { SessionTokenBounds } from '../../../src/identity/session-token.ts'
import { VerifiedSessionTokens } from '../../../src/identity/verify-session-token.ts'
import { VerifiedTokens } from '../../../src/identity/verified-tokens.ts'
import type { Step } from '../../../src/policy/decision.ts'
import { Refusal } from '../../../src/refusal.ts'
import { admitToConsole, admitToConsoleBy } from '../../../src/session/admit-console.ts'
import { admitBy, admitToken, withSessionTokens } from '../../../src/session/admit-token.ts'
import type { Attempt, Entrance } from '../../../src/session/attempt.ts'
import { readIntent } from '../../../src/session/client-intent.ts'
import { Denials } from '../../../src/session/denials.ts'
import type { SessionSelector } from '../../../src/session/session-selector.ts'
import { catalogOf, database, group, integration, issuer } from '../policy/catalogs.ts'
import {
  clientId,
  keysOf,
  makeToken,
  now,
  signingKey,
  toJwk,
  tokenRules,
} from '../identity/tokens.ts'
import { hourMs, secret, terms } from '../identity/session-tokens.ts'

const people = integration('people', {
  clientId,
  mappings: { writers: 'readwrite', admins: 'dba' },
  defaultGroup: 'readonly',
})
const machines = integration('machines', { clientId: 'm2m', mapsPrincipal: true })
const elsewhere = integration('elsewhere', { clientId: 'x' })
const off = integration('off', { clientId: 'off', isEnabled: false })
const strict = integration('strict', { clientId: 'strict', allowsIdTokenUser: false })
const all = [people, machines, elsewhere, off, strict]
const catalog = catalogOf({
  integrations: all,
  groups: [
    group('readonly', 'app_readonly'),
    group('readwrite', 'app_readwrite', 10),
    group('dba', 'dba'),
  ],
  databases: [
    database('system', {
      integrations: ['people', 'machines', 'off', 'strict'],
      primary: 'people',
      hasUpstream: false,
    }),
    database('sandbox'),
    database('passing', { wantsProviderToken: true }),
    database('other', { integrations: ['elsewhere'] }),
  ],
  adminGroups: ['dba'],
})

const sessionTokens = createSessionTokens({
  secrets: [secret],
  keyLifetimeMs: 24 * hourMs,
  tokenLifetimeMs: hourMs,
  publicUrl: 'https://gate.example.com',
  terms: all.map(({ name }, index) => ({
    ...terms,
    integration: name,
    fingerprint: `its-${index}_`,
    groups: new Set(['writers', 'admins']),
  })),
})
const key = signingKey('one')
const provider = new VerifiedTokens(
  tokenRules(keysOf([toJwk(key)]), { integration: 'people' }),
  9_999,
)
const tokens = withSessionTokens(new Map([['people', provider]]), {
  sessionTokens: new VerifiedSessionTokens(sessionTokens),
})

const alice: KeptIdentity = {
  integration: 'people',
  kind: 'id_token',
  issuer,
  subject: 'auth0|alice',
  names: ['alice'],
  groups: ['writers'],
  expiresAt: now.getTime() + 8 * hourMs,
  issuedAt: now.getTime() - 60_000,
  tokenIdHash: 'ab'.repeat(32),
  sid: 'session-1',
}

async function tokenOf(more: Partial<KeptIdentity> = {}, bounds: SessionTokenBounds = {}) {
  return sessionTokens.issue({ identity: { ...alice, ...more }, bounds }, now)
}

interface Scene extends Attempt {
  readonly steps: Step[]
}

function attempt(
  parameters: Readonly<Record<string, string>> = {},
  denied: readonly SessionSelector[] = [],
): Scene {
  const steps: Step[] = []
  const given = { user: 'app_readwrite', database: 'sandbox', ...parameters }
  const denials = new Denials(
    denied.map((selector) => ({ selector, untilMs: undefined, why: 'test' })),
  )
  return {
    intent: readIntent({
      kind: 'startup',
      minorVersion: 0,
      parameters: new Map(Object.entries(given)),
      protocolOptions: [],
    }),
    facts: {
      id: 'one',
      openedAt: now,
      pool: 'main',
      peer: { address: '127.0.0.1', port: 50_000 },
      listener: { address: '127.0.0.1', port: 6432 },
      tls: { version: 'TLSv1.3', cipher: 'x' },
      credential: 'token',
    },
    catalog,
    report: (step) => steps.push(step),
    findDenial: (facts) => denials.find(facts, now),
    steps,
  }
}

async function outcomeOf(admitting: Promise<Entrance>): Promise<Entrance | Refusal> {
  return admitting.catch((error: unknown) => {
    if (error instanceof Refusal) return error
    throw error
  })
}

describe('a session token', () => {
  test('lets in whom it was made for, as what the catalog says', async () => {
    const scene = attempt()
    const { token, id, expiresAt } = await tokenOf()
    await expect(admitToken(scene, token, tokens, now)).resolves.toMatchObject({
      kind: 'token',
      role: 'app_readwrite',
      subject: { token, principal: { subject: 'auth0|alice', groups: ['writers'] } },
    })
    expect(scene.facts).toMatchObject({
      credential: 'session-token',
      integration: 'people',
      identity: {
        issuer,
        subject: 'auth0|alice',
        principal: 'alice',
        groups: ['readwrite', 'readonly'],
        sid: 'session-1',
        tokenIdHash: createHash('sha256').update(id).digest('hex'),
        madeOfTokenIdHash: 'ab'.repeat(6),
      },
    })
    expect(scene.facts.identity?.expiresAt.getTime()).toBe(expiresAt)
    expect(scene.facts.identity?.issuedAt).toEqual(new Date(now.getTime() - 60_000))
  })

  test('tells what was compared, and no part of itself', async () => {
    const scene = attempt()
    const { token } = await tokenOf()
    await admitToken(scene, token, tokens, now)
    expect(scene.steps.slice(0, 3)).toEqual([
      {
        check: 'session token',
        compared: expect.stringMatching(
          /^kid "[\w-]{8}" among our keys; iss "https:\/\/gate\.example\.com"; exp 2026-03-01T13:00:00.000Z \(in 1 h 0 min\)$/,
        ) as string,
        passed: true,
      },
      { check: 'scope', compared: 'database system', passed: true },
      expect.objectContaining({ check: 'integration', passed: true }),
    ])
  })

  test('needs nobody to be told of it', async () => {
    const { token } = await tokenOf({}, { user: 'app_readwrite' })
    const { intent, facts } = attempt()
    await expect(admitToken({ intent, facts, catalog }, token, tokens, now)).resolves.toBeDefined()
  })

  test('that is forged is refused, and that is told too', async () => {
    const scene = attempt()
    const { token } = await tokenOf()
    const forged = `${token.slice(0, -4)}AAAA`
    const refusal = await outcomeOf(admitToken(scene, forged, tokens, now))
    expect(refusal).toMatchObject({
      reason: expect.stringMatching(/^token-(signature|malformed)$/) as string,
    })
    expect(scene.steps).toEqual([
      expect.objectContaining({ check: 'session token', passed: false }),
    ])
    expect(scene.facts.identity).toBeUndefined()
    expect(scene.facts.integration).toBeUndefined()
  })

  test('that was cut by a tool says so', async () => {
    const scene = attempt()
    const { token } = await tokenOf()
    const refusal = await outcomeOf(admitToken(scene, token.slice(0, 256), tokens, now))
    expect(refusal).toMatchObject({
      reason: 'token-malformed',
      hint: expect.stringContaining('cut short after 256 bytes') as string,
    })
  })

  test('is refused where there are none', async () => {
    const scene = attempt()
    const { token } = await tokenOf()
    const refusal = await outcomeOf(admitToken(scene, token, { get: () => provider }, now))
    expect(refusal).toMatchObject({ reason: 'session-tokens-disabled' })
    expect(scene.steps).toEqual([
      { check: 'session token', compared: 'none are accepted', passed: false },
    ])
  })

  test.each([
    ['of an integration of another scope', { integration: 'elsewhere' }, {}, 'integration-unknown'],
    [
      'of an integration that is switched off now',
      { integration: 'off' },
      {},
      'integration-disabled',
    ],
    [
      'of another integration than the one asked for',
      {},
      { identityprovider: 'machines' },
      'token-issuer',
    ],
    [
      'for a user that its integration does not allow',
      { integration: 'strict' },
      { user: 'id_token' },
      'id-token-disabled',
    ],
    [
      'of an ID token, where an access token is said to come',
      {},
      { user: 'access_token' },
      'token-type',
    ],
    ['with a role that is not its', {}, { user: 'dba' }, 'role-not-allowed'],
  ])('%s is refused', async (_, more: Partial<KeptIdentity>, parameters, reason) => {
    const issued =
      more.integration === 'off'
        ? await createSessionTokens({
            secrets: [secret],
            keyLifetimeMs: 24 * hourMs,
            tokenLifetimeMs: hourMs,
            publicUrl: 'https://gate.example.com',
            terms: [{ ...terms, integration: 'off', fingerprint: 'its-3_', groups: new Set() }],
          }).issue({ identity: { ...alice, ...more }, bounds: {} }, now)
        : await tokenOf(more)
    const refusal = await outcomeOf(admitToken(attempt(parameters), issued.token, tokens, now))
    expect(refusal).toMatchObject({ reason })
  })

  test.each([
    ['the first group’s role', { user: 'id_token' }, 'app_readwrite'],
    ['the integration that it is of, named', { identityprovider: 'people' }, 'app_readwrite'],
    [
      'the scope named in the user',
      { user: 'id_token@system', database: 'sandbox' },
      'app_readwrite',
    ],
  ])('takes %s', async (_, parameters, role) => {
    const { token } = await tokenOf()
    const admission = await admitToken(attempt(parameters), token, tokens, now)
    expect(admission.role).toBe(role)
  })

  test('of an access token goes where an access token is said to come', async () => {
    const { token } = await tokenOf({ kind: 'access_token' })
    const admission = await admitToken(attempt({ user: 'access_token' }), token, tokens, now)
    expect(admission.role).toBe('app_readwrite')
  })

  test('goes by its integration, and not by that of the issuer that both have', async () => {
    const scene = attempt({ user: 'alice' })
    const { token } = await tokenOf({ integration: 'machines' })
    await expect(admitToken(scene, token, tokens, now)).resolves.toMatchObject({ role: 'alice' })
    expect(scene.facts.integration).toBe('machines')
  })

  test('is refused by its own id', async () => {
    const { token, id } = await tokenOf()
    const tokenIdHash = createHash('sha256').update(id).digest('hex')
    const refusal = await outcomeOf(admitToken(attempt({}, [{ tokenIdHash }]), token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'denied' })
  })

  test.each([
    ['its subject', { issuer, subject: 'auth0|alice' }],
    ['its session at the provider', { sid: 'session-1' }],
    ['its principal', { principal: 'alice' }],
    ['its group', { group: 'readwrite' }],
    ['its role', { role: 'app_readwrite' }],
    ['its integration', { integration: 'people' }],
    ['the id of the token that it was made of', { tokenIdHash: 'ab'.repeat(32) }],
    [
      'a logout behind the issue of the token that it was made of',
      { subject: 'auth0|alice', issuedUntilMs: now.getTime() - 60_000 },
    ],
  ])('is kept out by %s', async (_, selector) => {
    const { token } = await tokenOf()
    const refusal = await outcomeOf(admitToken(attempt({}, [selector]), token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'denied' })
  })

  test.each([
    ['the id of another', { tokenIdHash: 'cd'.repeat(32) }],
    [
      'the id of a token that begins otherwise',
      { tokenIdHash: `${'ab'.repeat(5)}cd${'ab'.repeat(26)}` },
    ],
    [
      'a logout before the issue of the token that it was made of',
      { subject: 'auth0|alice', issuedUntilMs: now.getTime() - 60_001 },
    ],
  ])('is not kept out by %s', async (_, selector) => {
    const { token } = await tokenOf()
    const outcome = await outcomeOf(admitToken(attempt({}, [selector]), token, tokens, now))
    expect(outcome).toMatchObject({ kind: 'token' })
  })

  test('of a token with no id is kept out by none', async () => {
    const { token } = await tokenOf({ tokenIdHash: undefined })
    const scene = attempt({}, [{ tokenIdHash: 'ab'.repeat(32) }])
    await expect(admitToken(scene, token, tokens, now)).resolves.toMatchObject({ kind: 'token' })
  })

  test('is nobody’s without the certificate that it is bound to', async () => {
    const certificateThumbprint = 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2'
    const { token } = await tokenOf({
      certificateThumbprint,
      sid: undefined,
      tokenIdHash: undefined,
    })
    const refusal = await outcomeOf(admitToken(attempt(), token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'token-sender-constraint' })
    const scene = attempt()
    scene.facts.tls = {
      version: 'TLSv1.3',
      cipher: 'x',
      certificate: { thumbprint: certificateThumbprint, subject: undefined },
    }
    await expect(admitToken(scene, token, tokens, now)).resolves.toMatchObject({ kind: 'token' })
  })

  test('is not good for a database that wants a token of the provider', async () => {
    const scene = attempt({ database: 'passing' })
    const { token } = await tokenOf()
    const refusal = await outcomeOf(admitToken(scene, token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'session-token-upstream' })
    expect(scene.steps.at(-1)).toEqual({
      check: 'upstream token',
      compared: 'passing wants the token of a provider',
      passed: false,
    })
  })

  test('tells nothing of such a database to whoever may not go there', async () => {
    const { token } = await tokenOf()
    const scene = attempt({ database: 'passing', user: 'dba' })
    const refusal = await outcomeOf(admitToken(scene, token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'role-not-allowed' })
  })
})

test('a token of the provider goes to such a database as before', async () => {
  const scene = attempt({ database: 'passing', user: 'app_readonly' })
  await expect(admitToken(scene, makeToken(key), tokens, now)).resolves.toMatchObject({
    kind: 'token',
  })
  expect(scene.facts.credential).toBe('token')
  expect(scene.facts.identity).not.toHaveProperty('madeOfTokenIdHash')
})

test('a token of a provider that says it were one of ours is no token of that provider', async () => {
  for (const typ of ['ps+jwt', 'PS+JWT', 'application/ps+jwt']) {
    const scene = attempt()
    const foreign = makeToken(key, {}, { typ })
    const refusal = await outcomeOf(admitToken(scene, foreign, tokens, now))
    expect(refusal).toMatchObject({
      reason: expect.stringMatching(/^token-(unknown-key|malformed)$/) as string,
    })
    expect(scene.facts.credential).toBe('session-token')
  }
})

describe('bounds', () => {
  test.each([
    ['user', { user: 'app_readwrite' }],
    ['database', { database: 'sandbox' }],
    ['pool', { pool: 'main' }],
  ])('of the %s are kept', async (bound, bounds: SessionTokenBounds) => {
    const scene = attempt()
    const { token } = await tokenOf({}, bounds)
    await expect(admitToken(scene, token, tokens, now)).resolves.toMatchObject({ kind: 'token' })
    const value = bounds[bound as 'user'] ?? ''
    expect(scene.steps).toContainEqual({
      check: 'session token bounds',
      compared: `${bound} ${value}, good for ${value}`,
      passed: true,
    })
  })

  test.each([
    ['user', { user: 'app_readonly' }, 'app_readwrite', 'app_readonly'],
    ['database', { database: 'sales' }, 'sandbox', 'sales'],
    ['pool', { pool: 'rest' }, 'main', 'rest'],
  ])('of another %s are refused', async (bound, bounds: SessionTokenBounds, asked, only) => {
    const scene = attempt()
    const { token } = await tokenOf(
      {},
      { user: 'app_readwrite', database: 'sandbox', pool: 'main', ...bounds },
    )
    const refusal = await outcomeOf(admitToken(scene, token, tokens, now))
    expect(refusal).toMatchObject({
      reason: 'session-token-bounds',
      values: { bound, asked },
      clientDetail: `The session token is good for ${bound} "${only}" alone.`,
    })
    expect(scene.steps.at(-1)).toEqual({
      check: 'session token bounds',
      compared: `${bound} ${asked}, good for ${only}`,
      passed: false,
    })
  })

  test('of a pool are refused where there is none', async () => {
    const scene = attempt()
    delete scene.facts.pool
    const { token } = await tokenOf({}, { pool: 'main' })
    const refusal = await outcomeOf(admitToken(scene, token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'session-token-bounds' })
  })

  test('of a user are of what the client says, and not of the role that it takes', async () => {
    const { token } = await tokenOf({}, { user: 'app_readwrite' })
    const refusal = await outcomeOf(admitToken(attempt({ user: 'id_token' }), token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'session-token-bounds' })
  })
})

describe('where the integration is known', () => {
  test('one of that integration is taken', async () => {
    const { token } = await tokenOf()
    const admission = await admitBy(attempt(), people, token, tokens, now)
    expect(admission.role).toBe('app_readwrite')
  })

  test('one of another is refused', async () => {
    const scene = attempt()
    const { token } = await tokenOf()
    const refusal = await outcomeOf(admitBy(scene, machines, token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'token-issuer' })
    expect(scene.steps.at(-1)).toEqual({
      check: 'session token',
      compared: 'of integration people, here is machines',
      passed: false,
    })
  })
})

describe('the console', () => {
  const console = { user: 'alice', database: 'portcullis' }

  test('is open to an administrator by one', async () => {
    const scene = attempt(console)
    const { token } = await tokenOf({ groups: ['admins'] })
    await expect(admitToConsole(scene, token, tokens, now)).resolves.toMatchObject({
      kind: 'console',
      guest: { name: 'alice', right: 'admin', by: 'sso' },
      subject: { token },
    })
    expect(scene.facts.credential).toBe('session-token')
  })

  test('is closed to others by one', async () => {
    const { token } = await tokenOf()
    const refusal = await outcomeOf(admitToConsole(attempt(console), token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'console-not-allowed' })
  })

  test('takes one of its own integrations alone, whatever the client names', async () => {
    const { token } = await tokenOf({ integration: 'elsewhere', groups: ['admins'] })
    for (const more of [{}, { user: 'id_token@other' }]) {
      const scene = attempt({ ...console, ...more })
      const refusal = await outcomeOf(admitToConsole(scene, token, tokens, now))
      expect(refusal).toMatchObject({ reason: 'integration-unknown' })
    }
  })

  test('by sign-in takes one of the integration that it began with', async () => {
    const { token } = await tokenOf({ groups: ['admins'] })
    const admitting = admitToConsoleBy(attempt(console), people, token, tokens, now)
    await expect(admitting).resolves.toMatchObject({ kind: 'console' })
    const other = await outcomeOf(admitToConsoleBy(attempt(console), machines, token, tokens, now))
    expect(other).toMatchObject({ reason: 'token-issuer' })
  })

  test('is not that of a bound to a database', async () => {
    const { token } = await tokenOf({ groups: ['admins'] }, { database: 'sandbox' })
    const refusal = await outcomeOf(admitToConsole(attempt(console), token, tokens, now))
    expect(refusal).toMatchObject({ reason: 'session-token-bounds' })
  })
})

describe('what was verified', () => {
  test('is remembered, and no longer than it is good', async () => {
    let reads = 0
    const verifier = new VerifiedSessionTokens({
      read: async (token, at) => {
        reads++
        return sessionTokens.read(token, at)
      },
    })
    const { token, expiresAt } = await tokenOf()
    const first = await verifier.verify(token, now)
    await expect(verifier.verify(token, now)).resolves.toBe(first)
    await expect(verifier.verify(token, new Date(expiresAt - 1))).resolves.toBe(first)
    expect(reads).toBe(1)
    await expect(verifier.verify(token, new Date(expiresAt))).rejects.toMatchObject({
      reason: 'token-expired',
    })
  })

  test('is not remembered where it was refused', async () => {
    const verifier = new VerifiedSessionTokens(sessionTokens)
    const { token } = await tokenOf()
    const forged = `${token.slice(0, -4)}AAAA`
    await expect(verifier.verify(forged, now)).rejects.toBeInstanceOf(Refusal)
    await expect(verifier.verify(forged, now)).rejects.toBeInstanceOf(Refusal)
  })

  test('has what sessions are told, and who acts for whom', async () => {
    const { token } = await tokenOf({
      sessionClaims: { tenant: 7 },
      actors: ['service', 'agent'],
      sid: undefined,
      issuedAt: undefined,
    })
    const principal = await new VerifiedSessionTokens(sessionTokens).verify(token, now)
    expect(principal).toMatchObject({
      sessionClaims: new Map([['tenant', 7]]),
      actors: ['service', 'agent'],
      issuedAt: undefined,
      sid: undefined,
    })
    const bare = await new VerifiedSessionTokens(sessionTokens).verify((await tokenOf()).token, now)
    expect(bare).toMatchObject({ actors: [], sessionClaims: undefined })
  })
})
