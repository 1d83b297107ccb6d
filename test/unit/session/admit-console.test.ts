// Who is let in at the console, with real tokens and no socket.
import { describe, expect, test } from 'vitest'
import { VerifiedTokens } from '../../../src/identity/verified-tokens.ts'
import type { Step } from '../../../src/policy/decision.ts'
import { Refusal } from '../../../src/refusal.ts'
import { admitToConsole, admitToConsoleBy } from '../../../src/session/admit-console.ts'
import type { Attempt } from '../../../src/session/attempt.ts'
import { readIntent } from '../../../src/session/client-intent.ts'
import { isConsole } from '../../../src/session/console-guest.ts'
import {
  admitSocket,
  chooseConsoleMethod,
  refuseClearPassword,
} from '../../../src/session/console-login.ts'
import { admitSecret, enterBySecret } from '../../../src/session/console-secret.ts'
import { Denials } from '../../../src/session/denials.ts'
import { catalogOf, database, group, integration, pool } from '../policy/catalogs.ts'
import {
  clientId,
  type Json,
  keysOf,
  makeToken,
  now,
  signingKey,
  toJwk,
  tokenRules,
} from '../identity/tokens.ts'

const key = signingKey('one')
const people = integration('people', { clientId, mappings: { admins: 'dba', writers: 'rw' } })
const others = integration('others', { clientId, mappings: { admins: 'dba' } })
const catalog = catalogOf({
  integrations: [people, others],
  groups: [group('dba', 'postgres'), group('rw', 'app_readwrite')],
  databases: [
    database('system', { integrations: ['people'], hasUpstream: false }),
    database('sandbox', { integrations: ['others'] }),
  ],
  adminGroups: ['dba'],
  consoleUsers: [['root', 'admin']],
  consoleSocket: 'stats',
})
const verified = (name: string): VerifiedTokens =>
  new VerifiedTokens(tokenRules(keysOf([toJwk(key)]), { integration: name }), 9_999)
const tokens = new Map([
  ['people', verified('people')],
  ['others', verified('others')],
])

interface Scene extends Attempt {
  readonly steps: Step[]
}

function attempt(
  parameters: Readonly<Record<string, string>> = {},
  its = catalog,
  denials = new Denials(),
): Scene {
  const steps: Step[] = []
  const all = { user: 'alice', database: 'system', ...parameters }
  return {
    intent: readIntent({
      kind: 'startup',
      minorVersion: 0,
      parameters: new Map(Object.entries(all)),
      protocolOptions: [],
    }),
    facts: {
      id: 'one',
      openedAt: now,
      peer: { address: '10.0.0.1', port: 1 },
      listener: { address: '10.0.0.2', port: 2 },
      tls: { version: 'TLSv1.3', cipher: 'x' },
    },
    catalog: its,
    report: (step) => steps.push(step),
    findDenial: (facts) => denials.find(facts, now),
    steps,
  }
}

const groupsClaim = 'https://example.com/groups'
const admin: Json = { [groupsClaim]: ['admins'] }

async function outcome(scene: Scene, claims: Json = admin): Promise<unknown> {
  return admitToConsole(scene, makeToken(key, claims), tokens, now).catch((error: unknown) =>
    error instanceof Refusal ? error.reason : error,
  )
}

function reasonOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
  return 'let in'
}

describe('a token at the console', () => {
  test('lets in who is in a group of the console, as itself and as no role', async () => {
    const scene = attempt()
    expect(await outcome(scene)).toMatchObject({
      kind: 'console',
      guest: { name: 'auth0|alice', right: 'admin', by: 'sso' },
      subject: { principal: { subject: 'auth0|alice' } },
    })
    expect(scene.facts).toMatchObject({ integration: 'people', identity: { groups: ['dba'] } })
    expect(scene.facts.role).toBeUndefined()
    expect(scene.steps.at(-1)).toMatchObject({ check: 'console', passed: true })
  })

  test('lets nobody else in, and says what the token has', async () => {
    const refusal = await admitToConsole(
      attempt(),
      makeToken(key, { [groupsClaim]: ['writers'] }),
      tokens,
      now,
    ).catch((error: unknown) => error)
    expect(refusal).toMatchObject({
      reason: 'console-not-allowed',
      clientDetail: 'The token names the principal "auth0|alice" and the groups writers.',
    })
  })

  test('is verified as any token is', async () => {
    expect(await outcome(attempt(), { ...admin, exp: 1 })).toBe('token-expired')
    expect(await outcome(attempt(), { ...admin, aud: 'elsewhere' })).toBe('token-audience')
  })

  test('is of an integration of the database system, whatever the client names', async () => {
    const named = { options: '-c identityprovider=others' }
    expect(await outcome(attempt({ ...named, database: 'portcullis' }))).toBe('integration-unknown')
    expect(await outcome(attempt({ user: 'id_token@sandbox' }))).toMatchObject({
      kind: 'console',
      subject: { principal: { integration: 'people' } },
    })
    const token = makeToken(key, admin)
    await expect(admitToConsoleBy(attempt(), others, token, tokens, now)).rejects.toMatchObject({
      reason: 'console-integration',
      logDetail: undefined,
    })
    expect(await admitToConsoleBy(attempt(), people, token, tokens, now)).toMatchObject({
      kind: 'console',
    })
  })

  test('is nothing where the database system has no integration', async () => {
    const its = catalogOf({ integrations: [people], groups: [...catalog.groups.values()] })
    expect(await outcome(attempt({}, its))).toBe('integration-none')
  })

  test('does not help who is denied', async () => {
    const denials = new Denials([
      { selector: { subject: 'auth0|alice' }, untilMs: undefined, why: 'left' },
    ])
    expect(await outcome(attempt({}, catalog, denials))).toBe('denied')
  })

  test('that is declared an access token has to be one', async () => {
    expect(await outcome(attempt({ user: 'access_token' }))).toBe('token-type')
  })
})

describe('the databases of the console', () => {
  test.each(['system', 'portcullis', 'pgbouncer'])('are %s, where there is none', (name) => {
    expect(isConsole(name, catalog)).toBe(true)
    expect(isConsole(name, catalogOf({ databases: [database(name)] }))).toBe(false)
    expect(isConsole(name, catalogOf({}))).toBe(true)
  })

  test.each(['sandbox', 'postgres', 'System', 'constructor'])('are not %s', (name) => {
    expect(isConsole(name, catalogOf({}))).toBe(false)
  })
})

const open = { ...pool('open', ['10.0.0.0/8']), requireSso: false }
const closed = { ...open, requireSso: true }

describe('the way of asking', () => {
  test.each([
    ['a user of the console', { user: 'root' }, 'scram-sha-256'],
    ['anybody else', {}, 'cleartext'],
    ['a user that stands for a token', { user: 'id_token' }, 'cleartext'],
    ['a wish for OAUTHBEARER', { options: '-c auth_method=oauthbearer' }, 'oauthbearer'],
    ['a wish for SCRAM', { options: '-c auth_method=scram-sha-256' }, 'scram-sha-256'],
    [
      'a user of the console with a token',
      { user: 'root', options: '-c auth_method=cleartext' },
      'cleartext',
    ],
  ])('of %s', (_, parameters, method) => {
    const scene = attempt(parameters)
    expect(chooseConsoleMethod(scene, open)).toBe(method)
    expect(scene.facts.authMethod).toBe(method)
  })

  test('is SCRAM for all where the pool has nothing for tokens', () => {
    expect(chooseConsoleMethod(attempt(), { ...open, authMethods: ['scram-sha-256'] })).toBe(
      'scram-sha-256',
    )
  })

  test.each([
    ['a method that there is not', { options: '-c auth_method=md5' }],
    ['SCRAM for a token', { user: 'id_token', options: '-c auth_method=scram-sha-256' }],
  ])('is refused for %s', (_, parameters) => {
    const scene = attempt(parameters)
    expect(reasonOf(() => chooseConsoleMethod(scene, open))).toBe('auth-method-unavailable')
    expect(scene.steps.at(-1)).toMatchObject({ check: 'authentication method', passed: false })
  })
})

describe('a secret', () => {
  test('is for pools that take passwords of the user', () => {
    expect(
      reasonOf(() => {
        enterBySecret(attempt({ user: 'root' }), closed)
      }),
    ).toBe('sso-required')
    expect(
      reasonOf(() => {
        enterBySecret(attempt({ user: 'root' }), open)
      }),
    ).toBe('let in')
    const named = { ...closed, passwordUsers: new Set(['root']) }
    expect(
      reasonOf(() => {
        enterBySecret(attempt({ user: 'root' }), named)
      }),
    ).toBe('let in')
  })

  test('does not help who is denied as a role of that name', () => {
    const denials = new Denials([{ selector: { role: 'root' }, untilMs: undefined, why: 'x' }])
    const scene = attempt({ user: 'root' }, catalog, denials)
    expect(
      reasonOf(() => {
        enterBySecret(scene, open)
      }),
    ).toBe('denied')
  })

  test('gives the right of its user, and is told', () => {
    const scene = attempt({ user: 'root' })
    expect(admitSecret(scene, open)).toMatchObject({
      kind: 'console',
      guest: { name: 'root', right: 'admin', by: 'secret' },
      subject: undefined,
    })
    expect(scene.facts.password).toEqual({ travelled: 'proved', isBreakGlass: false })
    expect(scene.steps).toEqual([{ check: 'console', compared: 'user root: admin', passed: true }])
    admitSecret(scene, closed)
    expect(scene.facts.password).toEqual({ travelled: 'proved', isBreakGlass: true })
  })

  test('of nobody is a wrong one', () => {
    expect(reasonOf(() => admitSecret(attempt(), open))).toBe('wrong-password')
  })

  test('in the clear is a wrong one', () => {
    expect(reasonOf(() => refuseClearPassword(attempt({ user: 'root' })))).toBe('wrong-password')
  })
})

describe('a Unix socket', () => {
  const socket = { isUnixSocket: true }

  test('gives what the configuration says, whoever somebody says to be', () => {
    const scene = attempt()
    expect(admitSocket(scene, socket)).toMatchObject({
      kind: 'console',
      guest: { name: 'unix', right: 'stats', by: 'socket' },
      subject: undefined,
    })
    expect(scene.steps).toEqual([
      { check: 'console', compared: 'by the Unix socket: stats', passed: true },
    ])
  })

  test.each([
    ['a connection of the network', attempt(), { isUnixSocket: false }],
    ['a catalog that says nothing of it', attempt({}, catalogOf({})), socket],
    ['a user with a secret', attempt({ user: 'root' }), socket],
    ['a client that brings a token', attempt({ user: 'id_token' }), socket],
    [
      'a client that says how it is to be asked',
      attempt({ options: '-c auth_method=cleartext' }),
      socket,
    ],
  ])('lets nobody in for %s', (_, scene, listener) => {
    expect(admitSocket(scene, listener)).toBeUndefined()
  })
})
