import { RE2JS } from 're2js'
import { describe, expect, test } from 'vitest'
import { lintCatalog } from '../../../src/policy/lint-catalog.ts'
import { catalogOf, database, group, integration, issuer, pool } from './catalogs.ts'

/** An issuer with lines in the identity map. */
const mapped = 'https://mapped.example'

type Parts = Parameters<typeof catalogOf>[0]

/** In which nothing is to be found. */
const sound: Parts = {
  integrations: [
    integration('people', { defaultGroup: 'readers', mappings: { writers: 'writers' } }),
  ],
  databases: [
    database('system', { integrations: ['people'], hasUpstream: false }),
    database('app'),
  ],
  groups: [group('readers', 'app_readonly'), group('writers', 'app_readwrite')],
  pools: [pool('all', ['0.0.0.0/0', '::/0'])],
  identityMap: `${issuer}/ alice app_readonly`,
}

function lint(parts: Parts, withGroupClaims = ['people']): readonly string[] {
  const catalog = catalogOf({ ...sound, ...parts })
  return lintCatalog(catalog, new Set(withGroupClaims)).map(
    ({ verdict, about, check, found }) => `${verdict} ${about} ${check}: ${found}`,
  )
}

const people = (parts: Parameters<typeof integration>[1]): Parts => ({
  integrations: [integration('people', { defaultGroup: 'readers', ...parts })],
  groups: [group('readers', 'app_readonly')],
})

test('a sound catalog has nothing to be found', () => {
  expect(lint({})).toEqual([])
})

describe('found about an integration is', () => {
  const roleless = /^problem integration people roles: nobody gets a role by it/

  test.each<[string, Parts, string[]]>([
    ['no group and no map', people({ defaultGroup: undefined }), ['people']],
    [
      'mapped groups that are in no claim',
      people({ defaultGroup: undefined, mappings: { a: 'readers' } }),
      [],
    ],
    [
      'an identity map of another issuer',
      { ...people({ defaultGroup: undefined }), identityMap: 'https://issuer.example/other x y' },
      [],
    ],
  ])('that nobody gets a role: %s', (_, parts, claims) => {
    const found = lint({ identityMap: '', ...parts }, claims)
    expect(found).toEqual(expect.arrayContaining([expect.stringMatching(roleless)]))
  })

  test.each<[string, Parts]>([
    ['a default group', people({})],
    ['a mapped group', people({ defaultGroup: undefined, mappings: { a: 'readers' } })],
    ['map_principal', people({ defaultGroup: undefined, mapsPrincipal: true })],
    ['a principal_regex', people({ defaultGroup: undefined, pattern: '^(.*)$' })],
    [
      'an identity map',
      { ...people({ defaultGroup: undefined }), identityMap: sound.identityMap ?? '' },
    ],
    ['being switched off', people({ defaultGroup: undefined, isEnabled: false })],
  ])('not that, with %s', (_, parts) => {
    expect(lint({ identityMap: '', ...parts }).join()).not.toMatch(roleless)
  })

  test('that its mappings need claims', () => {
    expect(lint(people({ mappings: { a: 'readers' } }), [])).toEqual([
      'warning integration people groups_claim_mappings: nothing is mapped by it without `groups_claim_ids`',
    ])
  })

  test('that a mapped group is blocked', () => {
    const mappings = { a: 'readers', b: 'readers' }
    expect(lint(people({ mappings, blockedGroups: new Set(['b', 'c']) }))).toEqual([
      'warning integration people groups_claim_mappings: "b" refuses the login by `blocked_groups`, so the mapping is without effect',
    ])
  })

  test('that it opens no database', () => {
    const other = integration('other', { defaultGroup: 'readers' })
    expect(lint({ integrations: [...sound.integrations!, other] })).toEqual([
      'warning integration other databases: it opens no database',
    ])
  })

  test('that every database has others', () => {
    const found = lint({
      integrations: [...sound.integrations!, integration('own', { defaultGroup: 'readers' })],
      databases: [
        database('system', { integrations: ['people'], hasUpstream: false }),
        database('app', { integrations: ['own'] }),
      ],
    })
    expect(found).toEqual([
      expect.stringMatching(
        /^warning integration people databases: it is listed in `system` alone/,
      ),
    ])
  })

  test('nothing of that where `system` is a database itself', () => {
    expect(lint({ databases: [database('system', { integrations: ['people'] })] })).toEqual([])
  })
})

test('lines of the identity map for an issuer of no integration are found', () => {
  const identityMap = `${sound.identityMap ?? ''}\nhttps://other.example bob app_readonly`
  expect(lint({ identityMap })).toEqual([
    'warning identity map issuer: no integration has the issuer https://other.example, so its lines map nobody',
  ])
})

describe('found about a group is', () => {
  const nobody =
    'warning group spare members: nobody is in it: no integration that is enabled leads to it'
  const groups = [...sound.groups!, group('spare', 'spare')]

  test('that nothing leads to it', () => {
    expect(lint({ groups })).toEqual([nobody])
  })

  test('that only an integration leads to it that is switched off', () => {
    const off = integration('off', { defaultGroup: 'spare', isEnabled: false })
    expect(lint({ groups, integrations: [...sound.integrations!, off] })).toEqual([nobody])
  })

  test('that only a mapping without a claim leads to it', () => {
    const parts = people({ mappings: { a: 'spare' } })
    expect(lint({ ...parts, groups: [...parts.groups!, group('spare', 'spare')] }, [])).toContain(
      nobody,
    )
  })

  test('nothing where CockroachDB has groups by their names', () => {
    const theirs = integration('theirs', { mapsPrincipal: true, dialect: 'cockroachdb' })
    const parts = {
      groups,
      integrations: [...sound.integrations!, theirs],
      databases: [
        database('system', { integrations: ['people', 'theirs'], hasUpstream: false }),
        database('app'),
      ],
    }
    expect(lint(parts, ['people', 'theirs'])).toEqual([])
    expect(lint(parts, ['people'])).toEqual([nobody])
  })

  test.each(['postgres', 'pg_monitor'])('that its role is reserved: %s', (role) => {
    const writers = (allowed: boolean): Parts => ({
      groups: [group('readers', 'app_readonly'), group('writers', role, 0, allowed)],
    })
    expect(lint(writers(false))).toEqual([
      `problem group writers role: the role ${role} is PostgreSQL's own, and refused`,
    ])
    expect(lint(writers(true))).toEqual([])
  })
})

describe('found about a database is', () => {
  const one = integration('one', { defaultGroup: 'readers', mappings: { a: 'writers' } })
  const scope = (integrations: readonly string[], selection: 'token' | 'primary' = 'token') => [
    database('app', { integrations, selection }),
  ]

  const making = { provisioning: { sync: 'granted', connectionLimit: undefined } } as const

  test.each<[string, Partial<typeof one>, Partial<typeof one>, boolean]>([
    ['of principals, beside one that makes roles', { mapsPrincipal: true }, making, true],
    ['of a pattern', { principalPattern: RE2JS.compile('(a)') }, making, true],
    ['of an identity map', { issuer: mapped }, making, true],
    ['of groups alone', {}, making, false],
    ['that makes roles as well', { mapsPrincipal: true, ...making }, making, false],
    ['that is switched off', { mapsPrincipal: true, isEnabled: false }, making, false],
    ['beside one that is off', { mapsPrincipal: true }, { ...making, isEnabled: false }, false],
    ['of principals, where nobody makes roles', { mapsPrincipal: true }, {}, false],
  ])('an integration that may be others’ roles, %s', (_, first, second, isFound) => {
    const integrations = [
      { ...one, issuer: 'https://one.example', ...first },
      { ...one, issuer: 'https://two.example', ...second, name: 'two', clientId: 'two' },
    ]
    const databases = scope(['one', 'two'], 'primary')
    const found = lint({ integrations, databases, identityMap: `${mapped} a b` }, ['one', 'two'])
    expect(found.filter((line) => line.includes('provisioning'))).toEqual(
      isFound
        ? [
            'warning database app provisioning: who comes by one may be a role by name, also one that was made for somebody who comes by two',
          ]
        : [],
    )
  })

  test('that its primary integration is switched off', () => {
    const integrations = [...sound.integrations!, { ...one, isEnabled: false }]
    expect(lint({ integrations, databases: scope(['one', 'people']) })).toEqual([
      'warning database app primary: its primary integration one is switched off: who chooses no other is refused',
    ])
  })

  test.each<[string, Partial<typeof one>, Partial<typeof one>, string | undefined]>([
    ['of the same client', {}, { clientId: 'one' }, 'two'],
    ['of another client', {}, { clientId: 'two' }, undefined],
    ['of any client, beside one of a client', {}, { clientId: undefined }, undefined],
    ['of a client, beside one of any client', { clientId: undefined }, { clientId: 'two' }, 'two'],
    ['of another issuer', {}, { clientId: 'one', issuer: 'https://b.example' }, undefined],
  ])('that no token chooses an integration %s', (_, first, second, unchosen) => {
    const integrations = [
      { ...one, ...first },
      { ...one, name: 'two', ...second },
    ]
    const parts = { integrations, databases: scope(['one', 'two']) }
    expect(lint(parts, ['one', 'two'])).toEqual(
      unchosen === undefined
        ? []
        : [
            expect.stringMatching(
              `^warning database app integrations: no token chooses ${unchosen}`,
            ),
          ],
    )
    const byName = { integrations, databases: scope(['one', 'two'], 'primary') }
    expect(lint(byName, ['one', 'two'])).toEqual([])
  })
})

describe('a connectivity pool', () => {
  const nobody = /it serves nobody/
  const rows: [string, Parameters<typeof pool>[], string | RegExp | undefined][] = [
    ['alone', [['own', ['10.0.0.0/8']]], undefined],
    [
      'before a wider one',
      [
        ['own', ['10.0.0.0/8']],
        ['b', ['0.0.0.0/0']],
      ],
      undefined,
    ],
    [
      'behind a wider one',
      [
        ['own', ['10.0.0.0/8']],
        ['b', ['0.0.0.0/0'], { priority: 1 }],
      ],
      nobody,
    ],
    [
      'behind a wider one, and on a Unix socket',
      [
        ['own', ['10.0.0.0/8'], { unixSockets: ['/run/.s.PGSQL.6432 0600'] }],
        ['b', ['0.0.0.0/0'], { priority: 1 }],
      ],
      /other pools come first for 10\.0\.0\.0\/8/,
    ],
    [
      'behind a narrower one',
      [
        ['own', ['10.0.0.0/8']],
        ['b', ['10.1.0.0/16'], { priority: 1 }],
      ],
      undefined,
    ],
    [
      'behind one of another listener',
      [
        ['own', ['10.0.0.0/8']],
        ['b', ['::/0', '0.0.0.0/0'], { priority: 1, listeners: ['x'] }],
      ],
      undefined,
    ],
    [
      'behind one on one of its listeners',
      [
        ['own', ['10.0.0.0/8'], { listeners: ['main', 'x'] }],
        ['b', ['0.0.0.0/0'], { priority: 1 }],
      ],
      undefined,
    ],
    [
      'behind one for some of its ranges',
      [
        ['own', ['10.0.0.0/8', '192.168.0.0/16']],
        ['b', ['10.0.0.0/7'], { priority: 1 }],
      ],
      'other pools come first for 10.0.0.0/8',
    ],
    [
      'behind two halves',
      [
        ['own', ['10.0.0.0/8']],
        ['b', ['10.0.0.0/9', '10.128.0.0/9'], { priority: 1 }],
      ],
      nobody,
    ],
    [
      'behind the two halves of everything',
      [
        ['own', ['::/0']],
        ['b', ['::/1'], { priority: 1 }],
        ['c', ['8000::/1'], { priority: 2 }],
      ],
      nobody,
    ],
    [
      'behind one half',
      [
        ['own', ['10.0.0.0/8']],
        ['b', ['10.0.0.0/9'], { priority: 1 }],
      ],
      undefined,
    ],
    [
      'behind three quarters',
      [
        ['own', ['10.0.0.0/8']],
        ['b', ['10.0.0.0/9', '10.128.0.0/10'], { priority: 1 }],
      ],
      undefined,
    ],
    [
      'beside longer prefixes that cover it',
      [
        ['own', ['10.0.0.0/31']],
        ['b', ['10.0.0.0', '10.0.0.1']],
      ],
      nobody,
    ],
    [
      'behind its equal',
      [
        ['a', ['10.0.0.0/8']],
        ['own', ['10.9.9.9/8']],
      ],
      nobody,
    ],
    [
      'before its equal',
      [
        ['own', ['10.0.0.0/8']],
        ['z', ['10.0.0.0/9']],
      ],
      undefined,
    ],
    [
      'of IPv4, behind all of IPv6',
      [
        ['own', ['0.0.0.0/0']],
        ['b', ['::/0'], { priority: 1 }],
      ],
      undefined,
    ],
    [
      'of other nodes',
      [
        ['own', ['10.0.0.0/8'], { listeners: [] }],
        ['b', ['0.0.0.0/0'], { priority: 1 }],
      ],
      undefined,
    ],
  ]

  test.each<[string, readonly string[], readonly string[], number, boolean]>([
    ['of a name, behind all', ['a.example'], [], 1, true],
    ['of a name, beside all', ['a.example'], [], 0, false],
    ['of a name, behind the same', ['a.example'], ['a.example', 'b.example'], 1, true],
    ['of a name, behind another', ['a.example'], ['b.example'], 1, false],
    ['of two names, behind one of them', ['a.example', 'b.example'], ['a.example'], 1, false],
    ['of all, behind a name', [], ['a.example'], 1, false],
  ])('%s', (_, names, otherNames, priority, isShadowed) => {
    const own = { ...pool('own', ['10.0.0.0/8']), serverNames: new Set(names) }
    const other = { ...pool('b', ['0.0.0.0/0'], { priority }), serverNames: new Set(otherNames) }
    const found = lint({ pools: [own, other] })
    expect(found).toEqual(isShadowed ? [expect.stringMatching(nobody)] : [])
  })

  test.each(rows)('%s', (_, pools, told) => {
    const found = lint({ pools: pools.map((arguments_) => pool(...arguments_)) })
    const own = found.filter((line) => line.includes('pool own'))
    expect(own).toEqual(told === undefined ? [] : [expect.stringMatching(told)])
  })
})
