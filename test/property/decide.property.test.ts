import fc from 'fast-check'
import { RE2JS } from 're2js'
import { describe, expect, test } from 'vitest'
import { accessOf } from '../../src/policy/access.ts'
import type { Catalog, Group, Integration } from '../../src/policy/catalog.ts'
import { type AccessRequest, decide, type Identity } from '../../src/policy/decide.ts'
import { withoutTrailingSlash } from '../../src/identity/issuer-name.ts'
import { mapPrincipal, parseIdentityMap } from '../../src/policy/identity-map.ts'
import { parseNetwork } from '../../src/policy/network.ts'
import { openTo } from '../../src/policy/open-rules.ts'
import { Pools } from '../../src/policy/pools.ts'
import {
  type IntegrationRequest,
  resolveIntegration,
} from '../../src/policy/resolve-integration.ts'

// Few names, so that they meet: a principal is called like a role, a claim's value like a group.
const noConsole: Catalog['console'] = {
  adminGroups: new Set(),
  statsGroups: new Set(),
  users: new Map(),
  unixSocket: undefined,
}

const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom('pg_a', 'postgres', '__proto__', 'constructor') },
)
const words = fc.array(word, { maxLength: 5 })
const issuers = fc.constantFrom(
  'https://one.example',
  'https://two.example',
  'https://two.example/',
)

const group: fc.Arbitrary<Group> = fc.record({
  name: word,
  role: word,
  rank: fc.integer({ min: -2, max: 2 }),
  allowsSuperuser: fc.boolean(),
})

const integration: fc.Arbitrary<Integration> = fc.record({
  name: word,
  isEnabled: fc.boolean(),
  issuer: issuers,
  clientId: fc.option(word, { nil: undefined }),
  defaultGroup: fc.option(word, { nil: undefined }),
  groupMappings: fc
    .array(fc.tuple(word, word), { minLength: 2, maxLength: 9 })
    .map((pairs) => new Map(pairs)),
  blockedGroups: fc
    .constantFrom<string[]>([], [], [], ['a'], ['b', 'c'])
    .map((values) => new Set(values)),
  principalPattern: fc
    .constantFrom(undefined, undefined, undefined, '^(.)$', '^(.*)_a$', '^(.*)$', '^(a)?b$')
    .map((pattern) => (pattern === undefined ? undefined : RE2JS.compile(pattern))),
  mapsPrincipal: fc.boolean(),
  allowsIdTokenUser: fc.boolean(),
  dialect: fc.constantFrom('portcullis', 'portcullis', 'cockroachdb'),
  requiresGroups: fc.boolean(),
  scopes: fc.constant(['openid']),
})

const mapLine = fc
  .tuple(
    issuers,
    fc.constantFrom('a', 'b', '/^(.)$', '/.', '/^(p.*)$'),
    fc.oneof(word, fc.constantFrom('all', '+a', '+b', '/^[ab]$', '/o', '"all"')),
  )
  .map(([issuer, principal, role]) => `${issuer} ${principal} ${role}`)

const identityMap = fc.oneof(
  { weight: 2, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.array(mapLine, { maxLength: 3 }).map((lines) => lines.join('\n')) },
)

function byName<T extends { readonly name: string }>(values: readonly T[]): ReadonlyMap<string, T> {
  return new Map(values.map((value) => [value.name, value]))
}

const catalog: fc.Arbitrary<Catalog> = fc.record({
  pools: fc.constant(new Pools([])),
  databases: fc
    .array(
      fc.record({
        name: fc.oneof(word, fc.constant('system')),
        integrations: words,
        primary: fc.option(word, { nil: undefined }),
        selection: fc.constantFrom('token', 'primary'),
        hasUpstream: fc.constantFrom(true, true, true, false),
      }),
      { minLength: 2, maxLength: 8 },
    )
    .map(byName),
  integrations: fc.array(integration, { maxLength: 4 }).map(byName),
  groups: fc.array(group, { minLength: 2, maxLength: 12 }).map(byName),
  identityMap: identityMap.map((text) => parseIdentityMap(text).map),
  console: fc.constant(noConsole),
})

const identity: fc.Arbitrary<Identity> = fc.record({
  issuer: issuers,
  names: fc.array(word, { minLength: 1, maxLength: 3 }),
  groups: words,
})

const request: fc.Arbitrary<AccessRequest> = fc.record({
  user: fc.option(word, { nil: undefined, freq: 2 }),
  database: fc.constantFrom('a', 'a', 'b', 'nowhere'),
})

const integrationRequest: fc.Arbitrary<IntegrationRequest> = fc.record({
  database: word,
  qualifier: fc.option(fc.oneof(word, fc.constant('system')), { nil: undefined }),
  identityProvider: fc.option(word, { nil: undefined }),
  dialect: fc.constantFrom(undefined, undefined, 'cockroachdb'),
  claimed: fc.option(
    fc.record({ issuer: issuers, authorizedParty: fc.oneof(word, fc.constant(undefined)) }),
    { nil: undefined },
  ),
})

const runs = { numRuns: 1_000 }

function property<T extends [unknown, ...unknown[]]>(
  ...args: [...{ [K in keyof T]: fc.Arbitrary<T[K]> }, (...values: T) => void]
): void {
  fc.assert(fc.property<T>(...(args as unknown as Parameters<typeof fc.property<T>>)), runs)
}

describe('a decision', () => {
  test('is the same for the same arguments', () => {
    property(request, identity, integration, catalog, (asked, who, its, rules) => {
      expect(decide(asked, who, its, rules)).toEqual(decide(asked, who, its, rules))
    })
  })

  test('grants only the role of a group of the identity, or a user that it is mapped to', () => {
    property(request, identity, integration, catalog, (asked, who, its, rules) => {
      const decision = decide(asked, who, its, rules)
      if (decision.outcome === 'denied') return
      const values = [...who.groups.map((value) => its.groupMappings.get(value)), its.defaultGroup]
      const areGroupsOurs = its.dialect === 'cockroachdb'
      const groups = [...rules.groups.values()].filter(
        ({ name }) => values.includes(name) || (areGroupsOurs && who.groups.includes(name)),
      )
      const roles = new Set(groups.map(({ role }) => role))
      expect(who.groups.filter((value) => its.blockedGroups.has(value))).toEqual([])
      const users = who.names.flatMap((whole) => {
        const name = capture(its, whole)
        const mapped = mapPrincipal(rules.identityMap, who.issuer, name)
        if (mapped.kind === 'mapped') {
          const opened = openTo(asked.user ?? '', mapped.open)
          return opened === undefined ? mapped.users : [...mapped.users, asked.user ?? '']
        }
        return its.mapsPrincipal || its.principalPattern !== undefined ? [name] : []
      })
      expect([...roles, ...users]).toContain(decision.role)
      if (asked.user !== undefined) expect(decision.role).toBe(asked.user)
    })
  })

  test('makes a condition only of a role that nothing names, and never for a token-type user', () => {
    property(request, identity, integration, catalog, (asked, who, its, rules) => {
      const decision = decide(asked, who, its, rules)
      if (decision.outcome === 'denied' || decision.condition === undefined) return
      expect(decision.role).toBe(asked.user)
      expect(decision.allowsSuperuser).toBe(false)
      const roles = decision.groups.map((name) => rules.groups.get(name)?.role)
      expect(roles).not.toContain(decision.role)
      for (const name of who.names.map((whole) => capture(its, whole))) {
        const mapped = mapPrincipal(rules.identityMap, who.issuer, name)
        if (mapped.kind === 'mapped') expect(mapped.users).not.toContain(decision.role)
      }
    })
  })

  test('never turns into a grant when a group of the identity is blocked', () => {
    property(request, identity, integration, catalog, word, (asked, who, its, rules, value) => {
      const before = decide(asked, who, its, rules)
      const blocking = { ...its, blockedGroups: new Set([...its.blockedGroups, value]) }
      const after = decide(asked, who, blocking, rules)
      if (who.groups.includes(value)) expect(after).toMatchObject({ reason: 'group-blocked' })
      else expect(after).toEqual(before)
    })
  })

  test('never turns into a grant when the token has one value more that is blocked', () => {
    property(request, identity, integration, catalog, word, (asked, who, its, rules, value) => {
      const blocking = { ...its, blockedGroups: new Set([...its.blockedGroups, value]) }
      const joined = { ...who, groups: [...who.groups, value] }
      expect(decide(asked, joined, blocking, rules).outcome).toBe('denied')
    })
  })

  test('on a role that was asked for stays a grant when a line more names a role', () => {
    property(request, identity, integration, catalog, word, (asked, who, its, rules, role) => {
      if (asked.user === undefined) return
      const decision = decide(asked, who, its, rules)
      const lines = rules.identityMap.get(withoutTrailingSlash(who.issuer))
      if (decision.outcome === 'denied' || lines === undefined) return
      const more = parseIdentityMap(`${who.issuer} /. ${role}`).map
      const added = more.get(withoutTrailingSlash(who.issuer)) ?? []
      const identityMap = new Map(rules.identityMap).set(withoutTrailingSlash(who.issuer), [
        ...lines,
        ...added,
      ])
      expect(decide(asked, who, its, { ...rules, identityMap })).toMatchObject({
        outcome: 'granted',
        role: decision.role,
      })
    })
  })

  test('grants a reserved role, or a superuser, only by a group that allows it', () => {
    property(request, identity, integration, catalog, (asked, who, its, rules) => {
      const decision = decide(asked, who, its, rules)
      if (decision.outcome === 'denied') return
      const isReserved = decision.role.startsWith('pg_') || decision.role === 'postgres'
      if (!isReserved && !decision.allowsSuperuser) return
      const allowing = decision.groups.map((name) => rules.groups.get(name)!)
      expect(
        allowing.some(({ role, allowsSuperuser }) => allowsSuperuser && role === decision.role),
      ).toBe(true)
    })
  })

  test('grants only databases with an upstream, and every step of it has passed', () => {
    property(request, identity, integration, catalog, (asked, who, its, rules) => {
      const { outcome, steps } = decide(asked, who, its, rules)
      const failed = steps.filter(({ passed }) => !passed)
      expect(failed).toHaveLength(outcome === 'granted' ? 0 : 1)
      if (outcome === 'granted') {
        expect(rules.databases.get(asked.database)?.hasUpstream).toBe(true)
        if (its.requiresGroups) expect(who.groups).not.toEqual([])
      }
    })
  })

  test('does not depend on the order in which the token lists its groups', () => {
    property(request, identity, integration, catalog, (asked, who, its, rules) => {
      const { steps, ...decision } = decide(asked, who, its, rules)
      const reversed = { ...who, groups: [...who.groups, ...who.groups].reverse() }
      const again = decide(asked, reversed, its, rules)
      expect(again).toMatchObject(decision)
      expect(again.steps.map(({ passed }) => passed)).toEqual(steps.map(({ passed }) => passed))
    })
  })

  test('does not change when integrations, pools and groups are added that it does not name', () => {
    const more = fc.record({ integration, group })
    property(request, identity, integration, catalog, more, (asked, who, its, rules, added) => {
      const larger: Catalog = {
        ...rules,
        pools: new Pools([
          {
            name: 'added',
            networks: [parseNetwork('0.0.0.0/0')],
            priority: 99,
            requireSso: false,
            passwordUsers: new Set(who.names),
            authMethods: ['cleartext'],
            ssoIntegration: undefined,
            ssoFlows: ['deviceGrant'] as const,
            allowsReplication: false,
            serverNames: new Set(),
            requiresClientCertificate: false,
            sessionLimits: {
              expiry: 'ignore',
              graceMs: 30_000,
              maxLifetimeMs: undefined,
              idleMs: undefined,
              idleInTransactionMs: undefined,
            },
            listeners: new Set(['main']),
            unixSockets: new Set(),
            allowedDatabases: undefined,
            allowedGroups: undefined,
            allowedIntegrations: undefined,
            loginHours: [],
          },
        ]),
        integrations: new Map(rules.integrations).set('added', {
          ...added.integration,
          name: 'added',
          mapsPrincipal: true,
          defaultGroup: 'added',
        }),
        groups: new Map(rules.groups).set('added', { ...added.group, name: 'added', rank: 99 }),
      }
      expect(decide(asked, who, its, larger)).toEqual(decide(asked, who, its, rules))
    })
  })

  test('changes with an added line of the identity map for another issuer never', () => {
    property(request, identity, integration, identityMap, (asked, who, its, text) => {
      const at = (map: string): Catalog => ({
        pools: new Pools([]),
        databases: byName([
          {
            name: asked.database,
            integrations: [],
            primary: undefined,
            selection: 'token',
            hasUpstream: true,
          },
        ]),
        integrations: new Map(),
        groups: new Map([['a', { name: 'a', role: 'a', rank: 0, allowsSuperuser: false }]]),
        identityMap: parseIdentityMap(map).map,
        console: noConsole,
      })
      const theirs = ['/^(.*)$ \\1', '/. all', '/. +a', '/. /.', `${who.names[0]!} root`]
        .map((line) => `https://other.example ${line}`)
        .join('\n')
      const alone = decide(asked, who, its, at(text))
      expect(decide(asked, who, its, at(`${text}\n${theirs}`))).toEqual(alone)
      expect(decide(asked, who, its, at(`${theirs}\n${text}`))).toEqual(alone)
    })
  })
})

describe('the integration of a login', () => {
  test('is always one of the scope, and the one that was named if one was', () => {
    property(integrationRequest, catalog, (asked, rules) => {
      const resolution = resolveIntegration(rules, asked)
      if (resolution.outcome === 'denied') return
      const { name, isEnabled } = resolution.integration
      expect(isEnabled).toBe(true)
      const own = rules.databases.get(asked.qualifier ?? asked.database)?.integrations ?? []
      const scope = own.length > 0 ? own : (rules.databases.get('system')?.integrations ?? [])
      expect(scope).toContain(name)
      if (asked.identityProvider !== undefined) expect(name).toBe(asked.identityProvider)
    })
  })

  test('does not change when one is added that no scope names', () => {
    property(integrationRequest, catalog, integration, (asked, rules, added) => {
      const integrations = new Map(rules.integrations).set('added', { ...added, name: 'added' })
      expect(resolveIntegration({ ...rules, integrations }, asked)).toEqual(
        resolveIntegration(rules, asked),
      )
    })
  })
})

describe('an expression that takes other engines for ever', () => {
  const evil = [
    '^(a+)+$',
    '^((a|a)*)*$',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '^(a|aa)+$',
    '(.*)(.*)(.*)x$',
  ]

  test.each(evil)('%s is linear in the principal', (expression) => {
    const { map, problems } = parseIdentityMap(`https://one.example /${expression} app`)
    expect(problems).toEqual([])
    const its: Integration = {
      name: 'sso',
      isEnabled: true,
      issuer: 'https://one.example',
      clientId: undefined,
      defaultGroup: undefined,
      groupMappings: new Map(),
      blockedGroups: new Set(),
      principalPattern: RE2JS.compile(expression),
      mapsPrincipal: false,
      allowsIdTokenUser: true,
      dialect: 'portcullis',
      requiresGroups: false,
      scopes: [],
    }
    // A backtracking engine needs more than 2^250 steps for the longest name that a token may have.
    const name = `${'a'.repeat(254)}!`
    const startedAt = performance.now()
    const rules: Catalog = {
      pools: new Pools([]),
      databases: new Map(),
      integrations: new Map(),
      groups: new Map(),
      identityMap: map,
      console: noConsole,
    }
    expect(mapPrincipal(map, 'https://one.example', name)).toEqual({
      kind: 'mapped',
      users: [],
      open: [],
    })
    expect(
      decide(
        { user: 'app', database: 'a' },
        { issuer: its.issuer, names: [name], groups: [] },
        its,
        rules,
      ),
    ).toMatchObject({ outcome: 'denied', reason: 'principal-unmapped' })
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })
})

function capture(its: Integration, name: string): string {
  if (its.principalPattern === undefined) return name
  const matcher = its.principalPattern.matcher(name)
  return matcher.find() ? (matcher.group(1) ?? '') : ''
}

describe('what is open to an identity', () => {
  test('is what is decided on a login for it', () => {
    const everybody = ['a', 'b', 'c', 'pg_a', 'postgres', '__proto__', 'constructor']
    property(identity, integration, catalog, (who, its, given) => {
      const rules = { ...given, integrations: new Map([...given.integrations, [its.name, its]]) }
      const { databases } = accessOf(who, its, rules)
      for (const { name } of rules.databases.values()) {
        const open = databases.find(({ database }) => database === name)
        const scope = { qualifier: undefined, identityProvider: its.name, claimed: undefined }
        const isIn = resolveIntegration(rules, { ...scope, database: name }).outcome === 'resolved'
        const first = decide({ user: undefined, database: name }, who, its, rules)
        const usual = isIn && first.outcome === 'granted' ? first.role : undefined
        expect(open?.hasDefault === true ? open.roles[0] : undefined).toBe(usual)
        for (const user of everybody) {
          const decision = decide({ user, database: name }, who, its, rules)
          const isGranted = isIn && decision.outcome === 'granted'
          const isFolded = its.dialect === 'cockroachdb'
          if (isGranted && !isFolded && decision.condition === undefined) {
            expect([...(open?.roles ?? []), ...(open?.rules ?? [])]).not.toEqual([])
          }
          if (open?.roles.includes(user) === true) expect(isGranted).toBe(true)
          if (isGranted && !isFolded && (open?.rules ?? []).length === 0) {
            expect(open?.roles).toContain(user)
          }
        }
      }
    })
  })
})
