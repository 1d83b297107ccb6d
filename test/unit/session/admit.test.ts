// Who is let in, with real tokens and no socket: each check alone, and what is told of it.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { VerifiedTokens } from '../../../src/identity/verified-tokens.ts'
import type { Catalog, Pool, SignInFlow } from '../../../src/policy/catalog.ts'
import type { Step } from '../../../src/policy/decision.ts'
import { parseIdentityMap } from '../../../src/policy/identity-map.ts'
import { Pools } from '../../../src/policy/pools.ts'
import { shownTime, timeZone } from '../../../src/policy/login-hours.ts'
import { Refusal } from '../../../src/refusal.ts'
import { type Admission, type Attempt } from '../../../src/session/attempt.ts'
import { admitPassword, admitRelay } from '../../../src/session/admit-password.ts'
import { admitToken } from '../../../src/session/admit-token.ts'
import { chooseAuthMethod, enterPool, shownListener } from '../../../src/session/enter-pool.ts'
import { type Denial, Denials } from '../../../src/session/denials.ts'
import type { SessionSelector } from '../../../src/session/session-selector.ts'
import { enterSignIn, integrationForSignIn } from '../../../src/session/enter-sign-in.ts'
import { readCredential } from '../../../src/session/read-credential.ts'
import type { ListenerAddress } from '../../../src/session/services.ts'
import { type ClientIntent, readIntent } from '../../../src/session/client-intent.ts'
import { catalogOf, database, group, integration, issuer, pool } from '../policy/catalogs.ts'
import { clientId, goodClaims, type Json, keysOf, makeToken } from '../identity/tokens.ts'
import { now, signingKey, tokenRules, toJwk } from '../identity/tokens.ts'

const key = signingKey('one')
const groupsClaim = 'https://example.com/groups'
const listener: ListenerAddress = {
  address: '127.0.0.1',
  port: 6432,
  key: 'main',
  allowsCleartext: false,
  isUnixSocket: false,
  proxyProtocol: 'trusted',
}
const openPool: Pool = { ...pool('open', ['127.0.0.0/8']), requireSso: false }
const closedPool = pool('closed', ['10.0.0.0/8'])

const people = integration('people', {
  clientId,
  mappings: { writers: 'readwrite' },
  defaultGroup: 'readonly',
})
const strict = integration('strict', { clientId: 'other', allowsIdTokenUser: false })
const off = integration('off', { clientId: 'off', isEnabled: false })
const catalog = catalogOf({
  pools: [openPool, closedPool],
  integrations: [people, strict, off],
  groups: [group('readonly', 'app_readonly'), group('readwrite', 'app_readwrite', 10)],
  databases: [
    database('system', { integrations: ['people', 'strict', 'off'], primary: 'people' }),
    database('sandbox'),
  ],
})
const tokens = new Map([
  [
    'people',
    new VerifiedTokens(tokenRules(keysOf([toJwk(key)]), { integration: 'people' }), 9_999),
  ],
])

function intentOf(parameters: Readonly<Record<string, string>> = {}): ClientIntent {
  const all = { user: 'app_readonly', database: 'sandbox', ...parameters }
  return readIntent({
    kind: 'startup',
    minorVersion: 0,
    parameters: new Map(Object.entries(all)),
    protocolOptions: [],
  })
}

interface Scene extends Attempt {
  readonly steps: Step[]
}

function attempt(
  parameters: Readonly<Record<string, string>> = {},
  { address = '127.0.0.1', its = catalog, tls = true } = {},
): Scene {
  const steps: Step[] = []
  return {
    intent: intentOf(parameters),
    facts: {
      id: 'one',
      openedAt: now,
      peer: { address, port: 50_000 },
      listener,
      ...(tls && { tls: { version: 'TLSv1.3', cipher: 'x' } }),
    },
    catalog: its,
    report: (step) => steps.push(step),
    steps,
  }
}

function refusalOf(action: () => unknown): Refusal {
  try {
    action()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('it was let in')
}

/** What became of a token: the admission, or the refusal. */
async function outcomeOf(
  scene: Scene,
  claims: Json = {},
  its: Parameters<typeof admitToken>[2] = tokens,
): Promise<Admission | Refusal> {
  try {
    return await admitToken(scene, makeToken(key, claims), its, now)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function withoutReport({ intent, facts, catalog: its }: Scene): Attempt {
  return { intent, facts, catalog: its }
}

describe('the pool', () => {
  test('is the one for the address, and is told', () => {
    const scene = attempt({ application_name: 'psql' })
    expect(enterPool(scene, listener)).toBe(openPool)
    expect(scene.facts).toMatchObject({
      pool: 'open',
      requested: { user: 'app_readonly', database: 'sandbox', applicationName: 'psql' },
    })
    expect(scene.steps).toEqual([
      { check: 'pool', compared: '127.0.0.1 at 127.0.0.1:6432 -> open', passed: true },
    ])
  })

  test('is nobody’s where none serves the address, and the client is not known by one', () => {
    const scene = attempt({}, { address: '192.0.2.1' })
    expect(refusalOf(() => enterPool(scene, listener)).reason).toBe('no-pool')
    expect(scene.facts.pool).toBeUndefined()
    expect(scene.steps).toEqual([
      { check: 'pool', compared: '192.0.2.1 at 127.0.0.1:6432 -> none', passed: false },
    ])
  })

  test('does not let anybody in without TLS, unless the listener does', () => {
    const clear = attempt({}, { tls: false })
    expect(refusalOf(() => enterPool(clear, listener)).reason).toBe('tls-required')
    const allowing = { ...listener, allowsCleartext: true }
    expect(enterPool(attempt({}, { tls: false }), allowing)).toBe(openPool)
    expect(enterPool(attempt(), allowing)).toBe(openPool)
  })

  test('is told to nobody where nobody asks', () => {
    expect(enterPool(withoutReport(attempt()), listener)).toBe(openPool)
  })

  test.each([
    ['127.0.0.1', '127.0.0.1:6432'],
    ['::1', '[::1]:6432'],
    ['/run/portcullis/.s.PGSQL.6432', '/run/portcullis/.s.PGSQL.6432'],
  ])('listens at %s, which is written %s', (address, shown) => {
    expect(shownListener({ address, port: 6432 })).toBe(shown)
  })
})

describe('a credential', () => {
  const token = makeToken(key)

  test.each([
    ['a token', token, 'token'],
    ['a token behind a blank', ` ${token}`, 'token'],
    ['a token between lines', `\n${token}\n`, 'token'],
    ['a token behind Bearer', `Bearer ${token}`, 'token'],
    ['a token behind bearer and several blanks', `bearer \t ${token}`, 'token'],
    ['a token in quotes', `"${token}"`, 'token'],
    ['a token in quotes behind Bearer', `'Bearer ${token}'`, 'token'],
    ['a token in quotes of JSON, behind Bearer', ` Bearer "${token}"\n`, 'token'],
    ['a quote', '"', 'password'],
    ['a header alone, which is short', token.split('.')[0]!, 'password'],
    ['a token without its signature', token.split('.').slice(0, 2).join('.'), 'token'],
    ['a word', 'hunter2', 'password'],
    ['a token behind other words', `hunter2 Bearer ${token}`, 'password'],
    ['a token that Bearer is joined to', `Bearer${token}`, 'password'],
    ['Bearer and a word that ends like a token', `Bearer x ${token}`, 'password'],
    ['a token with Bearer within', `eyJBearer ${token.slice(3)}`, 'password'],
    ['a blank', ' ', 'password'],
  ])('that is %s counts as one', (_, password, kind) => {
    const bareOf = (text: string): string => text.replaceAll(/[\s"']|Bearer/gi, '')
    const scene = attempt()
    expect(readCredential(scene, password)).toEqual({
      kind,
      text: kind === 'token' ? bareOf(password) : password,
    })
    expect(scene.facts.credential).toBe(kind)
    expect(scene.steps).toEqual([
      { check: 'credential', compared: `a ${kind}, by its beginning`, passed: true },
    ])
    expect(readCredential(withoutReport(scene), password).kind).toBe(kind)
  })

  test('that is empty is refused', () => {
    const scene = attempt()
    expect(refusalOf(() => readCredential(scene, '')).reason).toBe('empty-password')
    expect(scene.facts.credential).toBeUndefined()
    expect(scene.steps).toEqual([{ check: 'credential', compared: 'empty', passed: false }])
    expect(refusalOf(() => readCredential(withoutReport(scene), '')).reason).toBe('empty-password')
  })
})

describe('what a user of access_token sends', () => {
  const user = { user: 'access_token' }

  test('is a token, whatever it looks like', () => {
    const scene = attempt(user)
    expect(readCredential(scene, 'opaque')).toEqual({ kind: 'token', text: 'opaque' })
    expect(scene.steps).toEqual([
      { check: 'credential', compared: 'an access token, by the user', passed: true },
    ])
  })

  test('is refused where it is no JWT and the provider is not asked', async () => {
    const scene = attempt(user)
    await expect(admitToken(scene, 'opaque', tokens, now)).rejects.toMatchObject({
      reason: 'access-token-unsupported',
    })
    expect(scene.steps.at(-1)).toMatchObject({ check: 'introspection', passed: false })
  })

  test('is verified here where the provider is not asked, and must be an access token', async () => {
    const scene = attempt(user)
    const access = { scope: 'db', azp: clientId }
    expect(await outcomeOf(scene, access)).toMatchObject({ role: 'app_readonly' })
    expect(scene.steps.find(({ check }) => check === 'user')).toEqual({
      check: 'user',
      compared: 'the token is of kind access_token, the user is access_token',
      passed: true,
    })
    const other = attempt(user)
    expect(await outcomeOf(other)).toBeInstanceOf(Refusal)
    expect(other.steps.at(-1)).toEqual({
      check: 'user',
      compared: 'the token is of kind id_token, the user is access_token',
      passed: false,
    })
    expect(other.facts.identity).toBeUndefined()
    const silent = withoutReport(attempt(user))
    expect(await admitToken(silent, makeToken(key, access), tokens, now)).toBeDefined()
  })

  test('is verified by the provider where that is asked', async () => {
    const asked: string[] = []
    const introspected = {
      verify: async (token: string): ReturnType<typeof verifier.verify> => {
        asked.push(token)
        return verifier.verify(makeToken(key, { scope: 'db' }), now)
      },
    }
    const verifier = tokens.get('people')!
    const its = new Map([['people', { verify: verifier.verify.bind(verifier), introspected }]])
    expect(await admitToken(attempt(user), 'opaque', its, now)).toMatchObject({ kind: 'token' })
    expect(await admitToken(attempt(), makeToken(key), its, now)).toMatchObject({ kind: 'token' })
    expect(asked).toEqual(['opaque'])
  })
})

describe('a token that is bound to a client certificate', () => {
  const thumbprint = 'A'.repeat(43)
  const bound = { cnf: { 'x5t#S256': thumbprint } }
  const tls = { version: 'TLSv1.3', cipher: 'x' }

  function comingWith(presented: string | undefined): Scene {
    const scene = attempt()
    const certificate = presented === undefined ? {} : { certificate: { thumbprint: presented } }
    return {
      ...scene,
      facts: { ...scene.facts, tls: { ...tls, ...certificate } } as Scene['facts'],
    }
  }

  test('is good on a connection with that certificate, and this is told', async () => {
    const scene = comingWith(thumbprint)
    expect(await outcomeOf(scene, bound)).toMatchObject({ role: 'app_readonly' })
    expect(scene.steps.find(({ check }) => check === 'client certificate')).toEqual({
      check: 'client certificate',
      compared: `thumbprint ${thumbprint}, the token is bound to ${thumbprint}`,
      passed: true,
    })
    const silent = withoutReport(comingWith(thumbprint))
    expect(await admitToken(silent, makeToken(key, bound), tokens, now)).toBeDefined()
  })

  test.each([
    ['another one', 'B'.repeat(43)],
    ['none', undefined],
  ])('is refused on a connection with %s', async (_, presented) => {
    const scene = comingWith(presented)
    expect(await outcomeOf(scene, bound)).toBeInstanceOf(Refusal)
    expect(scene.steps.at(-1)).toEqual({
      check: 'client certificate',
      compared: `thumbprint ${presented ?? '(no certificate)'}, the token is bound to ${thumbprint}`,
      passed: false,
    })
    await expect(
      admitToken(withoutReport(scene), makeToken(key, bound), tokens, now),
    ).rejects.toBeInstanceOf(Refusal)
  })

  test('is refused on a connection without TLS, where a listener allows that', async () => {
    expect(await outcomeOf(attempt({}, { tls: false }), bound)).toMatchObject({
      reason: 'token-sender-constraint',
    })
  })

  test('is no reason to ask others for one', async () => {
    const scene = comingWith(thumbprint)
    await outcomeOf(scene)
    expect(scene.steps.map(({ check }) => check)).not.toContain('client certificate')
  })
})

describe('a SAML assertion', () => {
  const assertion = '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'

  test.each([assertion, ` ${assertion}`, Buffer.from(assertion).toString('base64')])(
    'is refused as what it is, and is no password: %s',
    (password) => {
      const scene = attempt()
      expect(refusalOf(() => readCredential(scene, password)).reason).toBe('saml-unsupported')
      expect(scene.facts.credential).toBe('token')
      expect(scene.steps.at(-1)).toMatchObject({ check: 'credential', passed: false })
    },
  )
})

describe('a password', () => {
  test('goes upstream as it is where the pool lets it', () => {
    const scene = attempt()
    expect(admitPassword(scene, openPool, 'hunter2')).toEqual({
      kind: 'password',
      intent: scene.intent,
      role: 'app_readonly',
      password: 'hunter2',
    })
    expect(scene.steps).toEqual([
      { check: 'password', compared: 'pool open lets it pass', passed: true },
    ])
    expect(scene.facts.password).toEqual({ travelled: 'read', isBreakGlass: false })
    expect(admitPassword(withoutReport(scene), openPool, 'x')).toMatchObject({ password: 'x' })
  })

  test('is refused where the pool requires single sign-on, but for the users that it names', () => {
    const scene = attempt()
    expect(refusalOf(() => admitPassword(scene, closedPool, 'x')).reason).toBe('sso-required')
    expect(scene.steps).toEqual([
      { check: 'password', compared: 'pool closed requires single sign-on', passed: false },
    ])
    const others = { ...closedPool, passwordUsers: new Set(['breakglass']) }
    expect(refusalOf(() => admitPassword(attempt(), others, 'x')).reason).toBe('sso-required')
    const excepted = attempt({ user: 'breakglass' })
    expect(admitPassword(excepted, others, 'x')).toMatchObject({ role: 'breakglass' })
    expect(excepted.facts.password).toEqual({ travelled: 'read', isBreakGlass: true })
    // Naming somebody is no reason to refuse others where passwords are allowed.
    const open = { ...openPool, passwordUsers: new Set(['breakglass']) }
    expect(admitPassword(attempt(), open, 'x')).toMatchObject({ role: 'app_readonly' })
  })

  test.each<[string, Readonly<Record<string, string>>]>([
    ['by its user', { user: 'id_token' }],
    ['by its user and scope', { user: 'id_token@system' }],
    ['by an option', { options: '--crdb:jwt_auth_enabled=true' }],
  ])('is refused when the client has declared a token %s', (_, parameters) => {
    const scene = attempt(parameters)
    expect(refusalOf(() => admitPassword(scene, openPool, 'x')).reason).toBe('token-malformed')
    expect(scene.steps).toEqual([
      { check: 'password', compared: 'the client declared a token', passed: false },
    ])
  })

  test('is refused when there is no role to be', () => {
    const { intent, ...scene } = attempt()
    const nobody = { ...scene, intent: { ...intent, role: undefined } }
    expect(refusalOf(() => admitPassword(nobody, openPool, 'x')).reason).toBe('token-malformed')
  })
})

describe('a token', () => {
  test('gives the role that is asked for, and all of it is told', async () => {
    const scene = attempt()
    expect(await outcomeOf(scene, { jti: 'id', [groupsClaim]: ['writers'] })).toMatchObject({
      kind: 'token',
      intent: scene.intent,
      role: 'app_readonly',
      allowsSuperuser: false,
    })
    expect(scene.facts).toMatchObject({
      integration: 'people',
      identity: {
        issuer,
        subject: goodClaims.sub,
        principal: goodClaims.sub,
        groups: ['readwrite', 'readonly'],
        expiresAt: new Date(goodClaims.exp * 1_000),
        tokenIdHash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      },
    })
    const checks = scene.steps.map(({ check }) => check)
    expect(checks).toEqual([
      ...['scope', 'integration'],
      ...['principal', 'groups', 'role', 'reserved role', 'database'],
    ])
    expect(scene.steps.every(({ passed }) => passed)).toBe(true)
    expect(await admitToken(withoutReport(scene), makeToken(key), tokens, now)).toBeDefined()
  })

  test('that is not good leaves no identity behind', async () => {
    const scene = attempt()
    expect(await outcomeOf(scene, { exp: 1 })).toMatchObject({ reason: 'token-expired' })
    expect(scene.facts.integration).toBe('people')
    expect(scene.facts.identity).toBeUndefined()
  })

  test('picks its integration by what it says of itself, and that is verified afterwards', async () => {
    const scene = attempt()
    const verified: string[] = []
    const its = new Map(
      ['people', 'strict'].map((name) => [
        name,
        {
          verify: async (token: string, at: Date) => {
            verified.push(name)
            return tokens.get('people')!.verify(token, at)
          },
        },
      ]),
    )
    await outcomeOf(scene, { azp: 'other' }, its)
    await outcomeOf(scene, { azp: undefined, client_id: 'other' }, its)
    await outcomeOf(scene, { iss: 'https://third.example', azp: 'other' }, its)
    await expect(admitToken(scene, 'eyJ.not.one', its, now)).rejects.toMatchObject({
      reason: 'token-malformed',
    })
    expect(verified).toEqual(['strict', 'strict', 'people', 'people'])
  })

  test.each<[string, Readonly<Record<string, string>>, Json, object]>([
    [
      'an integration that is not there',
      { options: '-c identityprovider=nobody' },
      {},
      {
        reason: 'integration-unknown',
        values: { integration: 'nobody' },
        clientDetail: undefined,
        logDetail: 'integration: nobody among people, strict, off -> none',
      },
    ],
    [
      'an integration that is off',
      {},
      { azp: 'off' },
      {
        reason: 'integration-disabled',
        values: { integration: '' },
        clientDetail: undefined,
        logDetail: 'enabled: off',
      },
    ],
    [
      'a user that the integration does not allow',
      { user: 'id_token' },
      { azp: 'other' },
      { reason: 'id-token-disabled' },
    ],
    [
      'a role that is not its own',
      { user: 'postgres' },
      { [groupsClaim]: ['a\nb', 'c'] },
      {
        reason: 'role-not-allowed',
        clientDetail: 'The token names the principal "auth0|alice" and the groups a?b, c.',
        hint: 'Connect as "app_readonly".',
        logDetail: expect.stringMatching(/^role: postgres among /) as unknown,
      },
    ],
    [
      'a database that is not there',
      { database: 'nowhere' },
      {},
      {
        reason: 'unknown-database',
        clientDetail: 'The token names the principal "auth0|alice" and no groups.',
        logDetail: 'database: nowhere',
      },
    ],
  ])('is refused for %s, in its own words alone', async (_, parameters, claims, expected) => {
    const scene = attempt(parameters)
    expect(await outcomeOf(scene, claims)).toMatchObject(expected)
    expect(scene.steps.at(-1)).toMatchObject({ passed: false })
  })

  test('is refused for its user only where the client has one of a token', async () => {
    const its = new Map([['strict', tokens.get('people')!]])
    const parameters = { options: '-c identityprovider=strict' }
    const scene = attempt({ ...parameters, user: 'id_token' })
    expect(await outcomeOf(scene, {}, its)).toMatchObject({ reason: 'id-token-disabled' })
    expect(scene.steps.at(-1)).toEqual({
      check: 'user',
      compared: 'id_token with integration strict',
      passed: false,
    })
    expect(await outcomeOf(attempt(parameters), {}, its)).not.toMatchObject({
      reason: 'id-token-disabled',
    })
    expect(await outcomeOf(attempt({ user: 'id_token' }))).toMatchObject({ role: 'app_readonly' })
  })

  test('of an integration without rules is a bug, and lets nobody in', async () => {
    const scene = attempt({ options: '-c identityprovider=strict' })
    await expect(outcomeOf(scene)).rejects.toThrow('no token rules for strict')
  })

  test('names at most twenty of its groups to the client', async () => {
    const many = Array.from({ length: 21 }, (_, i) => `g${i}`)
    const refusal = await outcomeOf(attempt({ user: 'nobody' }), { [groupsClaim]: many })
    expect(refusal).toMatchObject({
      clientDetail: `The token names the principal "auth0|alice" and the groups ${many.slice(0, 20).join(', ')}.`,
    })
  })

  test('is told of no other role where none has a name', async () => {
    const identityMap = parseIdentityMap(`${issuer} auth0|alice /^app_`).map
    const onlyMapped = { ...people, defaultGroup: undefined }
    const integrations = new Map(catalog.integrations).set('people', onlyMapped)
    const scene = attempt({ user: 'nobody' }, { its: { ...catalog, identityMap, integrations } })
    const refusal = await outcomeOf(scene)
    expect(refusal).toMatchObject({ reason: 'role-not-allowed', hint: undefined })
  })

  test.each([
    [2, 'Connect as "app_1" or "app_2".'],
    [5, 'Connect as "app_1" or "app_2" or "app_3" or "app_4" or "app_5".'],
    [7, 'Connect as "app_1" or "app_2" or "app_3" or "app_4" or "app_5", or as one of 2 more.'],
  ])('may be %d roles, and is told so', async (count, hint) => {
    const roles = Array.from({ length: count }, (_, i) => `${issuer} auth0|alice app_${i + 1}`)
    const its = { ...catalog, identityMap: parseIdentityMap(roles.join('\n')).map }
    const onlyMapped = { ...people, defaultGroup: undefined }
    const scene = attempt(
      { user: 'nobody' },
      { its: { ...its, integrations: new Map(catalog.integrations).set('people', onlyMapped) } },
    )
    expect(await outcomeOf(scene)).toMatchObject({ reason: 'role-not-allowed', hint })
  })

  test('that is refused by policy is known all the same, by its groups of the catalog', async () => {
    const scene = attempt({ user: 'nobody' })
    await outcomeOf(scene, { [groupsClaim]: ['writers', 'unknown'] })
    expect(scene.facts.identity).toMatchObject({ groups: ['readwrite', 'readonly'] })
  })

  test('is decided by the catalog of its session', async () => {
    const blocking: Catalog = {
      ...catalog,
      integrations: new Map([['people', { ...people, blockedGroups: new Set(['contractors']) }]]),
    }
    const scene = attempt({}, { its: blocking })
    expect(await outcomeOf(scene, { [groupsClaim]: ['contractors'] })).toMatchObject({
      reason: 'group-blocked',
    })
  })
})

describe('a pool', () => {
  const entered = (scene: Scene, its: Partial<Pool>): unknown => {
    const catalogWith: Catalog = { ...catalog, pools: new Pools([{ ...openPool, ...its }]) }
    return enterPool({ ...scene, catalog: catalogWith }, listener).name
  }

  test('lets replication through where it says so, and only there', () => {
    const asking = { replication: 'database' }
    const scene = attempt(asking)
    expect(refusalOf(() => entered(scene, {})).reason).toBe('replication-not-allowed')
    expect(scene.steps.at(-1)).toEqual({
      check: 'replication',
      compared: 'pool open does not allow it',
      passed: false,
    })
    expect(entered(attempt(asking), { allowsReplication: true })).toBe('open')
    expect(entered(attempt(), { allowsReplication: true })).toBe('open')
  })

  test('asks for a client certificate where it says so, and only there', () => {
    const demanding = { requiresClientCertificate: true }
    const withCertificate = (certificate: object | undefined): Scene => {
      const scene = attempt()
      const tls = { version: 'TLSv1.3', cipher: 'x', ...(certificate && { certificate }) }
      return { ...scene, facts: { ...scene.facts, tls } as Scene['facts'] }
    }
    const scene = attempt()
    expect(refusalOf(() => entered(scene, demanding)).reason).toBe('client-certificate')
    expect(scene.steps.at(-1)).toEqual({
      check: 'client certificate',
      compared: 'pool open requires one',
      passed: false,
    })
    const unverified = withCertificate({ thumbprint: 'x' })
    expect(refusalOf(() => entered(unverified, demanding)).reason).toBe('client-certificate')
    const listenerInClear = { ...listener, allowsCleartext: true }
    const clear = attempt({}, { tls: false })
    const its = { ...catalog, pools: new Pools([{ ...openPool, ...demanding }]) }
    expect(refusalOf(() => enterPool({ ...clear, catalog: its }, listenerInClear)).reason).toBe(
      'client-certificate',
    )
    expect(entered(withCertificate({ thumbprint: 'x', subject: 'CN=a' }), demanding)).toBe('open')
  })

  // The tests' clock stands at a time of its own.
  const minute = now.getUTCHours() * 60 + now.getUTCMinutes()
  const zone = timeZone('UTC')
  const everyDay = new Set([0, 1, 2, 3, 4, 5, 6])

  test('takes logins within its hours, and only then', () => {
    const openNow = { days: everyDay, from: minute, to: minute + 1, zone }
    const openSoon = { days: everyDay, from: minute + 1, to: minute + 2, zone }
    const early = attempt()
    const refusal = refusalOf(() => entered(early, { loginHours: [openSoon] }))
    expect(refusal.reason).toBe('login-hours')
    const begin = shownTime(new Date(Math.floor(+now / 60_000) * 60_000 + 60_000), zone)
    expect(refusal.hint).toBe(`Logins begin again on ${begin}.`)
    expect(early.steps.at(-1)).toEqual({
      check: 'login hours',
      compared: `pool open is closed until ${begin}`,
      passed: false,
    })
    expect(refusal.logDetail).toBe(`pool open is closed until ${begin}`)
    const scene = attempt()
    expect(entered(scene, { loginHours: [openSoon, openNow] })).toBe('open')
    expect(scene.steps.at(-1)).toEqual({
      check: 'login hours',
      compared: 'pool open is open',
      passed: true,
    })
    const never = attempt()
    const closed = refusalOf(() =>
      entered(never, { loginHours: [{ ...openNow, days: new Set() }] }),
    )
    expect(closed.hint).toBe('Ask the administrator when it does.')
    expect(never.steps.at(-1)?.compared).toBe('pool open is closed until further notice')
  })

  test('looks at the time at which the client connected', () => {
    const scene = attempt()
    scene.facts.openedAt = new Date(+now - 60_000)
    const hours = { days: everyDay, from: minute, to: minute + 1, zone }
    expect(refusalOf(() => entered(scene, { loginHours: [hours] })).reason).toBe('login-hours')
    expect(entered(withoutReport(attempt()) as Scene, { loginHours: [hours] })).toBe('open')
  })

  test('asks for TLS and a certificate before it says when it is open', () => {
    const loginHours = [{ days: new Set<number>(), from: 0, to: 1, zone }]
    const clear = attempt({}, { tls: false })
    expect(refusalOf(() => entered(clear, { loginHours })).reason).toBe('tls-required')
    const its = { loginHours, requiresClientCertificate: true }
    expect(refusalOf(() => entered(attempt(), its)).reason).toBe('client-certificate')
  })

  describe('that allows some things alone', () => {
    const within = (its: Partial<Pool>, parameters = {}): Scene => {
      const scene = attempt(parameters)
      scene.catalog = { ...catalog, pools: new Pools([{ ...openPool, ...its }]) }
      enterPool(scene, listener)
      return scene
    }

    test('has no other databases', async () => {
      const elsewhere = { allowedDatabases: new Set(['other']) }
      const scene = within(elsewhere)
      expect(await outcomeOf(scene)).toMatchObject({
        reason: 'unknown-database',
        logDetail: 'database: sandbox, which pool open does not allow',
      })
      expect(await outcomeOf(within({ allowedDatabases: new Set(['sandbox']) }))).toMatchObject({
        role: 'app_readonly',
      })
    })

    test('lets in whoever is in one of its groups', async () => {
      const readwrite = { allowedGroups: new Set(['readwrite', 'other']) }
      const scene = within(readwrite)
      const refusal = await outcomeOf(scene)
      expect(refusal).toMatchObject({
        reason: 'group-not-allowed',
        logDetail: 'pool groups: readonly among readwrite, other of pool open',
      })
      const readonly = { allowedGroups: new Set(['other', 'readonly']) }
      const entering = within(readonly)
      expect(await outcomeOf(entering)).toMatchObject({ role: 'app_readonly' })
      expect(entering.steps.find(({ check }) => check === 'pool groups')).toEqual({
        check: 'pool groups',
        compared: 'readonly among other, readonly of pool open',
        passed: true,
      })
    })

    test('takes passwords of those that are named, where groups matter', () => {
      const its = { ...openPool, allowedGroups: new Set(['readonly']) }
      expect(refusalOf(() => admitPassword(attempt(), its, 'x')).reason).toBe('sso-required')
      expect(refusalOf(() => admitRelay(attempt(), its)).reason).toBe('sso-required')
      const scene = attempt()
      const named = { ...its, passwordUsers: new Set(['app_readonly']) }
      expect(admitPassword(scene, named, 'x').role).toBe('app_readonly')
      expect(scene.facts.password).toEqual({ travelled: 'read', isBreakGlass: true })
      const plain = attempt()
      admitPassword(plain, openPool, 'x')
      expect(plain.facts.password).toEqual({ travelled: 'read', isBreakGlass: false })
    })

    test('takes tokens of its integrations', async () => {
      const scene = within({ allowedIntegrations: new Set(['strict', 'off']) })
      expect(await outcomeOf(scene)).toMatchObject({
        reason: 'integration-not-allowed',
        logDetail: 'pool integrations: people among strict, off of pool open',
      })
      expect(scene.facts.integration).toBeUndefined()
      const its = within({ allowedIntegrations: new Set(['people']) })
      expect(await outcomeOf(its)).toMatchObject({ role: 'app_readonly' })
    })

    test('signs people in by its integrations', () => {
      const signing = { ssoIntegration: 'people', ssoFlows: ['deviceGrant'] as SignInFlow[] }
      const refused = within({ ...signing, allowedIntegrations: new Set(['strict']) })
      const its = refused.catalog.pool!
      expect(refusalOf(() => enterSignIn(refused, its, true))).toMatchObject({
        reason: 'integration-not-allowed',
        logDetail: 'pool integrations: people among strict of pool open',
      })
      const taken = within({ ...signing, allowedIntegrations: new Set(['people']) })
      expect(enterSignIn(taken, taken.catalog.pool!, true).integration).toBe(people)
      const asking = within({ allowedIntegrations: new Set(['strict']) })
      expect(refusalOf(() => integrationForSignIn(asking, asking.catalog.pool!)).reason).toBe(
        'integration-not-allowed',
      )
    })
  })

  test('knows what its client takes it for', () => {
    const scene = attempt({ options: '--crdb:jwt_auth_enabled=true' })
    enterPool(scene, listener)
    expect(scene.facts.dialect).toBe('cockroachdb')
    const other = attempt()
    enterPool(other, listener)
    expect(other.facts).not.toHaveProperty('dialect')
  })
})

describe('the way in which a client is asked', () => {
  const both: Pool = { ...openPool, authMethods: ['oauthbearer', 'cleartext'] }
  const wishing = (method: string): Scene => attempt({ options: `-c auth_method=${method}` })

  test.each([
    ['the first of the pool where it has no wish', attempt(), 'oauthbearer'],
    ['its own where the pool allows it', wishing('cleartext'), 'cleartext'],
    ['its own where it is the first', wishing('oauthbearer'), 'oauthbearer'],
  ])('is %s', (_, scene, method) => {
    expect(chooseAuthMethod(scene, both)).toBe(method)
    expect(scene.facts.authMethod).toBe(method)
  })

  test.each(['cleartext', 'scram\n', 'Oauthbearer'])(
    'is not one that is not allowed: %j',
    (one) => {
      const bearerOnly: Pool = { ...openPool, authMethods: ['oauthbearer'] }
      const { intent, ...scene } = attempt()
      const asking = { ...scene, intent: { ...intent, authMethod: one } }
      const refusal = refusalOf(() => chooseAuthMethod(asking, bearerOnly))
      expect(refusal).toMatchObject({ reason: 'auth-method-unavailable', values: { method: one } })
      expect(scene.steps.at(-1)).toEqual({
        check: 'authentication method',
        compared: `${one.replace('\n', '?')} among oauthbearer`,
        passed: false,
      })
      expect(scene.facts.authMethod).toBeUndefined()
      const silent = { ...withoutReport({ ...scene, intent }), intent: asking.intent }
      expect(refusalOf(() => chooseAuthMethod(silent, bearerOnly)).reason).toBe(
        'auth-method-unavailable',
      )
    },
  )
})

describe('a proof of a password', () => {
  const scram = 'scram-sha-256'
  const relaying: Pool = { ...openPool, authMethods: [scram, 'oauthbearer', 'cleartext'] }
  const last: Pool = { ...openPool, authMethods: ['cleartext', scram] }
  const glass: Pool = { ...relaying, requireSso: true, passwordUsers: new Set(['breakglass']) }
  const wishing = (more: Readonly<Record<string, string>> = {}): Scene =>
    attempt({ options: `-c auth_method=${scram}`, ...more })

  test.each<[string, Scene, Pool, string]>([
    ['of whoever may have a password, where it comes first', attempt(), relaying, scram],
    ['of whoever is excepted from single sign-on', attempt({ user: 'breakglass' }), glass, scram],
    ['of whoever wishes it', wishing(), last, scram],
    ['of whoever is not excepted and wishes it, to be refused', wishing(), glass, scram],
    ['and not of whoever is not excepted', attempt(), glass, 'oauthbearer'],
    ['and not of whoever wishes for something else', attempt(), last, 'cleartext'],
    [
      'and not of a user that stands for a token',
      attempt({ user: 'id_token' }),
      relaying,
      'oauthbearer',
    ],
  ])('is asked for %s', (_, scene, pool, method) => {
    expect(chooseAuthMethod(scene, pool)).toBe(method)
    expect(scene.facts.authMethod).toBe(method)
  })

  test('is asked for where there is nothing else, and then refused', () => {
    const only: Pool = { ...closedPool, authMethods: [scram] }
    expect(chooseAuthMethod(attempt(), only)).toBe(scram)
    expect(refusalOf(() => admitRelay(attempt(), only)).reason).toBe('sso-required')
  })

  test.each([
    ['that wishes nothing', attempt({ user: 'id_token' }), 'cleartext'],
    ['that wishes it', wishing({ user: 'id_token' }), scram],
  ])('is never asked for of a token %s', (_, scene, method) => {
    const only: Pool = { ...openPool, authMethods: [scram] }
    expect(refusalOf(() => chooseAuthMethod(scene, only))).toMatchObject({
      reason: 'auth-method-unavailable',
      values: { method },
    })
    expect(scene.steps).toEqual([
      { check: 'authentication method', compared: `${method} among ${scram}`, passed: false },
    ])
  })

  test('is for the role that the client asks for', () => {
    const scene = attempt()
    expect(admitRelay(scene, relaying)).toEqual({
      kind: 'relay',
      intent: scene.intent,
      role: 'app_readonly',
      hint: expect.stringContaining('auth_method=cleartext') as string,
    })
    expect(scene.steps).toEqual([
      { check: 'password', compared: `pool open lets it pass, by ${scram}`, passed: true },
    ])
    expect(scene.facts.password).toEqual({ travelled: 'relayed', isBreakGlass: false })
    expect(admitRelay(withoutReport(attempt()), relaying)).toMatchObject({ role: 'app_readonly' })
  })

  test('is no reason to try a token in the clear where none is asked for', () => {
    const only: Pool = { ...openPool, authMethods: [scram] }
    expect(admitRelay(attempt(), only).hint).toBeUndefined()
  })

  test('is told apart where its user is excepted from single sign-on', () => {
    const scene = attempt({ user: 'breakglass' })
    expect(admitRelay(scene, glass)).toMatchObject({ role: 'breakglass' })
    expect(scene.facts.password).toEqual({ travelled: 'relayed', isBreakGlass: true })
  })

  test('is refused where the pool requires single sign-on', () => {
    const scene = attempt()
    expect(refusalOf(() => admitRelay(scene, glass)).reason).toBe('sso-required')
    expect(scene.facts.password).toBeUndefined()
  })

  test('is refused of a client that declares a token', () => {
    const scene = attempt({ user: 'id_token' })
    expect(refusalOf(() => admitRelay(scene, relaying)).reason).toBe('token-malformed')
  })

  test('is the only way for a password where there is one', () => {
    const scene = attempt()
    expect(refusalOf(() => admitPassword(scene, last, 'x')).reason).toBe('password-not-relayed')
    expect(scene.steps).toEqual([
      { check: 'password', compared: `pool open takes them by ${scram} alone`, passed: false },
    ])
    expect(scene.facts.password).toBeUndefined()
    expect(refusalOf(() => admitPassword(attempt(), glass, 'x')).reason).toBe('sso-required')
  })
})

describe('a sign-in', () => {
  const signing: Pool = { ...openPool, ssoIntegration: 'people' }

  test.each<[string | undefined, SignInFlow[], boolean, SignInFlow[]]>([
    [undefined, ['deviceGrant', 'authorizationCode'], true, ['deviceGrant', 'authorizationCode']],
    [undefined, ['authorizationCode', 'deviceGrant'], true, ['authorizationCode', 'deviceGrant']],
    [undefined, ['authorizationCode', 'deviceGrant'], false, ['deviceGrant']],
    ['deviceGrant', ['deviceGrant', 'authorizationCode'], true, ['deviceGrant']],
    ['devicegrant', ['deviceGrant', 'authorizationCode'], false, ['deviceGrant']],
    ['DEVICEGRANT', ['deviceGrant'], false, ['deviceGrant']],
    ['authorizationCode', ['deviceGrant', 'authorizationCode'], true, ['authorizationCode']],
    ['AUTHORIZATIONCODE', ['authorizationCode'], true, ['authorizationCode']],
  ])(
    'is at the integration of its pool: flow %s of %j, with pages %s, by %j',
    (flow, ssoFlows, hasPages, flows) => {
      const scene = attempt(flow === undefined ? {} : { ssoOAuthFlow: flow })
      const its = { ...signing, ssoFlows }
      expect(enterSignIn(scene, its, hasPages)).toEqual({ integration: people, flows })
      expect(scene.facts).toMatchObject({ authMethod: 'sign-in', integration: 'people' })
      expect(scene.steps).toEqual([
        { check: 'sign-in', compared: 'pool open -> people', passed: true },
      ])
      expect(enterSignIn(withoutReport(scene), its, hasPages).integration).toBe(people)
    },
  )

  const other = 'Get a token in another way and pass it as the password.'
  test.each<[string | undefined, SignInFlow[], boolean, string, string, string]>([
    [
      'password',
      ['deviceGrant', 'authorizationCode'],
      true,
      'password',
      'password among deviceGrant, authorizationCode',
      'Use ssoOAuthFlow=deviceGrant or authorizationCode, or leave it out.',
    ],
    [
      'authorizationCode',
      ['deviceGrant', 'authorizationCode'],
      false,
      'authorizationCode',
      'authorizationCode among deviceGrant',
      'Use ssoOAuthFlow=deviceGrant, or leave it out.',
    ],
    [
      'deviceGrant',
      ['authorizationCode'],
      true,
      'deviceGrant',
      'deviceGrant among authorizationCode',
      'Use ssoOAuthFlow=authorizationCode, or leave it out.',
    ],
    [undefined, ['authorizationCode'], false, 'authorizationCode', 'any among none', other],
    ['', ['authorizationCode'], false, '', ' among none', other],
  ])(
    'is by no other flow: %j of %j, with pages %s',
    (flow, ssoFlows, hasPages, named, compared, hint) => {
      const scene = attempt(flow === undefined ? {} : { ssoOAuthFlow: flow })
      const its = { ...signing, ssoFlows }
      expect(refusalOf(() => enterSignIn(scene, its, hasPages))).toMatchObject({
        reason: 'sign-in-flow',
        values: { flow: named },
        hint,
      })
      expect(scene.facts.authMethod).toBeUndefined()
      expect(scene.steps).toEqual([{ check: 'sign-in flow', compared, passed: false }])
      const silent = withoutReport(attempt(flow === undefined ? {} : { ssoOAuthFlow: flow }))
      expect(refusalOf(() => enterSignIn(silent, its, hasPages)).reason).toBe('sign-in-flow')
    },
  )

  test('names what the client wants as it can be printed', () => {
    const scene = attempt({ ssoOAuthFlow: 'a\nb' })
    expect(refusalOf(() => enterSignIn(scene, signing, true)).values).toEqual({ flow: 'a\nb' })
    expect(scene.steps[0]?.compared).toBe('a?b among deviceGrant, authorizationCode')
  })

  test('is not where the pool names no integration', () => {
    const scene = attempt()
    expect(refusalOf(() => enterSignIn(scene, openPool, true)).reason).toBe('sign-in-unavailable')
    expect(scene.steps).toEqual([
      { check: 'sign-in', compared: 'pool open -> none', passed: false },
    ])
  })

  test.each(['off', 'not-there'])('is not at an integration that is %s', (name) => {
    const its = { ...openPool, ssoIntegration: name }
    expect(refusalOf(() => enterSignIn(attempt(), its, true)).reason).toBe('integration-disabled')
  })

  test('is at the primary of the database for those who look for a token, or at one by its name', () => {
    expect(integrationForSignIn(attempt(), openPool)).toBe(people)
    const naming = attempt({ options: '-c identityprovider=strict' })
    expect(integrationForSignIn(naming, openPool)).toBe(strict)
    expect(integrationForSignIn(naming, signing)).toBe(people)
    const refused = attempt({ options: '-c identityprovider=nobody' })
    expect(refusalOf(() => integrationForSignIn(refused, openPool))).toMatchObject({
      reason: 'integration-unknown',
      values: { integration: 'nobody' },
    })
    const empty = attempt({}, { its: { ...catalog, databases: new Map() } })
    expect(refusalOf(() => integrationForSignIn(empty, openPool))).toMatchObject({
      reason: 'integration-none',
      values: { integration: '' },
    })
  })
})

describe('a token that was cut', () => {
  test.each([
    ['in its header', makeToken(key).slice(0, 30)],
    ['in its claims', makeToken(key).split('.').slice(0, 2).join('.')],
  ])('%s is told to be, and verified by nobody', async (_, token) => {
    const verify = async (): Promise<never> => Promise.reject(new Error('it was verified'))
    const scene = attempt()
    const its = new Map([['people', { verify }]])
    await expect(admitToken(scene, token, its, now)).rejects.toMatchObject({
      reason: 'token-malformed',
      logDetail: `cut short after ${token.length} bytes`,
      hint: expect.stringMatching(/^The token was cut short after \d+ bytes\. Pass it/) as unknown,
    })
    expect(scene.steps.at(-1)).toEqual({
      check: 'format',
      compared: 'fewer than three segments',
      passed: false,
    })
    await expect(admitToken(withoutReport(scene), token, its, now)).rejects.toMatchObject({
      reason: 'token-malformed',
    })
  })

  const usual = ['token-malformed', 'token-signature'] as const
  const lengths = [4_095, 4_096, 1_023, 1_024, 255, 256, 99, 100]

  test.each(usual)('in its signature, where terminals cut, is told to be: %s', async (reason) => {
    const verify = async (): Promise<never> => Promise.reject(new Refusal(reason))
    const its = new Map([['people', { verify }]])
    for (const length of lengths) {
      const token = `${makeToken(key).split('.', 1)[0]!}.a.`.padEnd(length, 'a')
      await expect(admitToken(attempt(), token, its, now)).rejects.toMatchObject({
        reason: 'token-malformed',
        hint: expect.stringContaining('where terminals and old clients cut') as unknown,
      })
      await expect(admitToken(attempt(), `${token}aa`, its, now)).rejects.toMatchObject({
        reason,
        logDetail: undefined,
      })
    }
  })

  test('is not what another refusal is about', async () => {
    const error = new Refusal('token-expired')
    for (const thrown of [error, new Error('bug')]) {
      const its = new Map([['people', { verify: async () => Promise.reject(thrown) }]])
      await expect(admitToken(attempt(), 'eyJ.a.'.padEnd(4_095, 'a'), its, now)).rejects.toBe(
        thrown,
      )
    }
  })
})

describe('a bearer token by OAUTHBEARER', () => {
  const bearing = (): Scene => {
    const scene = attempt()
    return { ...scene, facts: { ...scene.facts, authMethod: 'oauthbearer' } }
  }

  test('that says nothing of itself is asked about, where that is possible', async () => {
    const verifier = tokens.get('people')!
    const asked: string[] = []
    const introspected = {
      verify: async (token: string): ReturnType<typeof verifier.verify> => {
        asked.push(token)
        return verifier.verify(makeToken(key), now)
      },
    }
    const its = new Map([['people', { verify: verifier.verify.bind(verifier), introspected }]])
    await admitToken(bearing(), 'opaque', its, now)
    await admitToken(bearing(), makeToken(key), its, now)
    expect(asked).toEqual(['opaque'])
  })

  test('is refused where it is not', async () => {
    const scene = bearing()
    await expect(admitToken(scene, 'opaque', tokens, now)).rejects.toMatchObject({
      reason: 'access-token-unsupported',
    })
    expect(scene.steps.at(-1)).toEqual({
      check: 'introspection',
      compared: 'the token is no JWT, and the provider is not asked about it',
      passed: false,
    })
  })
})

describe('a credential that was copied with something around it', () => {
  const token = makeToken(key)

  test.each([
    ['nothing', token, undefined],
    ['blanks', ` ${token}\n`, true],
    ['quotes', `"${token}"`, true],
    ['Bearer', `Bearer ${token}`, true],
  ])('is the token within %s', (_, password, isUnwrapped) => {
    const scene = attempt()
    expect(readCredential(scene, password)).toEqual({ kind: 'token', text: token })
    expect(scene.facts.isUnwrapped).toBe(isUnwrapped)
  })

  test.each([' hunter2 ', '"hunter2"', ' ', '"', 'Bearer x'])(
    'is a password as it is: %j',
    (one) => {
      const scene = attempt()
      expect(readCredential(scene, one)).toEqual({ kind: 'password', text: one })
      expect(scene.facts.isUnwrapped).toBeUndefined()
    },
  )

  test('is a token by the options of CockroachDB, whatever it looks like', () => {
    const scene = attempt({ options: '--crdb:jwt_auth_enabled=true' })
    expect(readCredential(scene, 'opaque').kind).toBe('token')
    expect(scene.steps.at(-1)).toMatchObject({ compared: 'a token, by the options' })
  })
})

describe('a client without a user', () => {
  const nobody = { user: '', options: '--crdb:jwt_auth_enabled=true' }

  test('is refused, but by an integration of CockroachDB’s settings', async () => {
    const scene = attempt(nobody)
    expect(await outcomeOf(scene)).toMatchObject({ reason: 'no-user' })
    expect(scene.steps.at(-1)).toEqual({
      check: 'user',
      compared: 'none with integration people',
      passed: false,
    })
    const cockroach = { ...people, dialect: 'cockroachdb' as const }
    const its = { ...catalog, integrations: new Map([['people', cockroach]]) }
    const other = attempt(nobody, { its })
    expect(await outcomeOf(other)).not.toMatchObject({ reason: 'no-user' })
    expect(other.facts.dialect).toBe('cockroachdb')
  })
})

describe('a role of one’s own', () => {
  const provisioning = { sync: 'exact', connectionLimit: 3 } as const
  const personal = { ...people, mapsPrincipal: true, provisioning }
  const its = {
    ...catalog,
    integrations: new Map([['people', personal]]),
    databases: new Map([
      ...catalog.databases,
      ['sandbox', database('sandbox', { provisioner: 'maker' })] as const,
    ]),
  }

  test('is admitted with what has to be done about it', async () => {
    const scene = attempt({ user: 'id_token' }, { its })
    const admission = await outcomeOf(scene)
    expect(admission).toMatchObject({
      role: goodClaims.sub,
      allowsSuperuser: false,
      provision: { ...provisioning, memberOf: ['app_readonly'] },
    })
    expect(scene.steps).toContainEqual({
      check: 'own role',
      compared: `${goodClaims.sub} as a member of app_readonly`,
      passed: true,
    })
  })

  test('is not what the role of a group is', async () => {
    const admission = await outcomeOf(attempt({ user: 'app_readonly' }, { its }))
    expect(admission).toMatchObject({ kind: 'token', role: 'app_readonly' })
    expect(admission).not.toHaveProperty('provision')
  })
})

test('the dialect of a login is that of its integration, else what its client speaks', async () => {
  const own = attempt()
  await outcomeOf(own)
  expect(own.facts.dialect).toBe('portcullis')
  const nowhere = { ...catalog, databases: new Map() }
  const speaking = attempt({ options: '--crdb:jwt_auth_enabled=true' }, { its: nowhere })
  expect(await outcomeOf(speaking)).toMatchObject({ reason: 'integration-none' })
  expect(speaking.facts.dialect).toBe('cockroachdb')
  const silent = attempt({}, { its: nowhere })
  await outcomeOf(silent)
  expect(silent.facts.dialect).toBe('portcullis')
})

describe('somebody who is denied', () => {
  const inUse: Denial = { selector: {}, untilMs: undefined, why: 'entry 1 of the deny file: left' }

  /** With one denial, which is found where it is meant. */
  function denying(selector: SessionSelector, parameters = {}, address = '127.0.0.1'): Scene {
    const denials = new Denials([{ ...inUse, selector }])
    const scene = attempt(parameters, { address })
    return { ...scene, findDenial: (facts) => denials.find(facts, now) }
  }

  const step = { check: 'denial', compared: 'entry 1 of the deny file: left', passed: false }

  test.each<[string, SessionSelector]>([
    ['subject', { issuer, subject: 'auth0|alice' }],
    ['name', { principal: 'auth0|alice' }],
    ['role', { role: 'app_readonly' }],
    ['group', { group: 'readonly' }],
    ['token', { tokenIdHash: createHash('sha256').update('jti-1').digest('hex') }],
    ['session at the provider', { sid: 'sid-1' }],
    ['time of the token', { subject: 'auth0|alice', issuedUntilMs: goodClaims.iat * 1_000 }],
  ])('by its %s is refused once the token is verified, and this is told', async (_, selector) => {
    const scene = denying(selector)
    const claims = { sub: 'auth0|alice', jti: 'jti-1', sid: 'sid-1' }
    expect(await outcomeOf(scene, claims)).toMatchObject({
      reason: 'denied',
      logDetail: 'entry 1 of the deny file: left',
    })
    expect(scene.steps.at(-1)).toEqual(step)
    expect(scene.facts.identity?.subject).toBe('auth0|alice')
  })

  test('is somebody else', async () => {
    const scene = denying({ issuer, subject: 'auth0|bob' })
    expect(await outcomeOf(scene)).toMatchObject({ kind: 'token' })
  })

  test('learns nothing by a token that is not good', async () => {
    const scene = denying({ subject: 'auth0|alice' })
    const outcome = await outcomeOf(scene, { sub: 'auth0|alice', aud: 'another' })
    expect(outcome).toMatchObject({ reason: 'token-audience' })
  })

  test('by its address is asked for nothing', () => {
    const scene = denying({ address: '127.0.0.0/8' })
    expect(refusalOf(() => enterPool(scene, listener)).reason).toBe('denied')
    expect(scene.steps.at(-1)).toEqual(step)
  })

  test('by its role gets in by no password either', () => {
    const scene = denying({ role: 'app_readonly' })
    expect(refusalOf(() => admitPassword(scene, openPool, 'x')).reason).toBe('denied')
    expect(scene.facts.password).toBeUndefined()
    expect(refusalOf(() => admitRelay(denying({ role: 'app_readonly' }), openPool)).reason).toBe(
      'denied',
    )
    expect(admitPassword(denying({ role: 'other' }), openPool, 'x').kind).toBe('password')
  })
})
