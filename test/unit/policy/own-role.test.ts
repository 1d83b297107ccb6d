// Where `provisioning` is on: whose own role is made, of what it becomes a member, and who has none.
import { describe, expect, test } from 'vitest'
import { decide, type Identity } from '../../../src/policy/decide.ts'
import type { Decision } from '../../../src/policy/decision.ts'
import { catalogOf, database, group, integration, issuer } from './catalogs.ts'

type Integration = ReturnType<typeof integration>

const groups = [
  group('readonly', 'app_readonly'),
  group('readwrite', 'app_readwrite', 10),
  group('twin', 'app_readwrite'),
  group('elsewhere', 'app_elsewhere'),
  group('careless', 'pg_monitor'),
  group('meant', 'pg_read_all_data', 0, true),
  group('maker', 'maker'),
  group('chief maker', 'other_maker', 0, true),
]

const databases = [
  database('app', { provisioner: 'maker' }),
  database('other', { provisioner: 'other_maker' }),
  database('bare'),
  database('system', { hasUpstream: false, provisioner: undefined }),
]

const provisioning = { sync: 'granted', connectionLimit: undefined } as const
const people = integration('people', {
  defaultGroup: 'readonly',
  mappings: {
    writers: 'readwrite',
    twins: 'twin',
    careless: 'careless',
    meant: 'meant',
    makers: 'maker',
    'chief makers': 'chief maker',
  },
  mapsPrincipal: true,
  provisioning,
})

interface Asked {
  readonly user?: string | undefined
  readonly identity?: Partial<Identity>
  readonly its?: Integration
  readonly identityMap?: string
  readonly name?: string
}

function ask({ user, identity, its = people, identityMap = '', name = 'app' }: Asked): Decision {
  return decide(
    { user, database: name },
    { issuer, names: ['alice'], groups: [], ...identity },
    its,
    catalogOf({ groups, databases, identityMap }),
  )
}

/** The role and of what it is made a member, or the reason why not. */
function outcomeOf(asked: Asked): string {
  const decision = ask(asked)
  if (decision.outcome === 'denied') return decision.reason
  const { role, provision } = decision
  return provision === undefined ? role : `${role} in ${provision.memberOf.join(' ')}`
}

describe('a role of one’s own', () => {
  test.each<[string, Asked, string]>([
    ['is that of id_token, before those of groups', {}, 'alice in app_readonly'],
    ['is asked for by its name', { user: 'alice' }, 'alice in app_readonly'],
    ['is nobody else’s', { user: 'bob' }, 'role-not-allowed'],
    [
      'is a member of the role of each group, once and in order',
      { identity: { groups: ['writers', 'twins'] } },
      'alice in app_readonly app_readwrite',
    ],
    [
      'is not made for who asks for the role of a group',
      { user: 'app_readonly', identity: { groups: ['writers'] } },
      'app_readonly',
    ],
    [
      'is not made for who asks for what a rule opens',
      { user: 'bob', identityMap: `${issuer} alice all` },
      'bob',
    ],
    [
      'is what the identity map says',
      { identityMap: `${issuer} alice amy` },
      'amy in app_readonly',
    ],
    [
      'is asked for where there are several',
      { identityMap: `${issuer} alice amy\n${issuer} alice ally` },
      'role-not-allowed',
    ],
    [
      'is one of several that is asked for',
      { user: 'ally', identityMap: `${issuer} alice amy\n${issuer} alice ally` },
      'ally in app_readonly',
    ],
    [
      'is there only by a name, and not by a group',
      { its: { ...people, mapsPrincipal: false } },
      'role-not-allowed',
    ],
    [
      'is not made by an integration without provisioning',
      { its: { ...people, provisioning: undefined }, user: 'alice' },
      'alice',
    ],
    [
      'is not before the groups there',
      { its: { ...people, provisioning: undefined } },
      'app_readonly',
    ],
    [
      'is not made for who is in no group',
      { its: { ...people, defaultGroup: undefined } },
      'no-group',
    ],
    ['is not made where nobody makes roles', { name: 'bare' }, 'provisioning-unavailable'],
    ['is not made in no database', { name: 'nowhere' }, 'unknown-database'],
  ])('%s', (_, asked, outcome) => {
    expect(outcomeOf(asked)).toBe(outcome)
  })

  test.each([
    ['a group of hers has', 'app_readonly'],
    ['a group has that she is not in', 'app_elsewhere'],
    ['is everybody', 'public'],
    ['is nobody', 'none'],
    ['is PostgreSQL’s', 'pg_alice'],
    ['is the first superuser’s', 'postgres'],
    ['makes roles here', 'maker'],
    ['makes roles elsewhere', 'other_maker'],
    ['cannot be seen', 'al\u200bice'],
    ['turns text around', '\u202eecila'],
    ['is too long for a line', 'x'.repeat(64)],
  ])('is none whose name %s', (_, name) => {
    const reason = name.length > 63 ? 'role-not-allowed' : 'role-reserved'
    expect(outcomeOf({ identity: { names: [name] } })).toBe(reason)
  })

  test('may look like a name of PostgreSQL’s own without being one', () => {
    for (const name of ['Public', 'nonesuch', 'xpg_', 'PG_alice']) {
      expect(outcomeOf({ identity: { names: [name] } })).toBe(`${name} in app_readonly`)
    }
  })

  test.each([
    ['PostgreSQL has for itself', 'careless', 'role-reserved'],
    [
      'PostgreSQL has for itself, unless that is meant',
      'meant',
      'alice in app_readonly pg_read_all_data',
    ],
    ['makes roles', 'makers', 'role-reserved'],
    ['makes roles in another database, whatever is meant', 'chief makers', 'role-reserved'],
  ])('is no member of a role that %s', (_, claimed, outcome) => {
    expect(outcomeOf({ identity: { groups: [claimed] } })).toBe(outcome)
  })

  test('is made as the integration says', () => {
    const its = { ...people, provisioning: { sync: 'exact', connectionLimit: 7 } as const }
    expect(ask({ its })).toMatchObject({
      outcome: 'granted',
      allowsSuperuser: false,
      provision: { sync: 'exact', connectionLimit: 7, memberOf: ['app_readonly'] },
    })
  })

  test('is told of in the steps, as far as they went', () => {
    const told = (asked: Asked): readonly string[] =>
      ask(asked).steps.map(({ check, compared, passed }) => `${check}: ${compared}: ${passed}`)
    expect(told({})).toEqual([
      'principal: alice -> alice: true',
      'groups: claim: (none); groups: readonly: true',
      'role: the only name among alice, app_readonly: true',
      'reserved role: alice: true',
      'own role: alice as a member of app_readonly: true',
      'database: app: true',
      'provisioner: maker: true',
    ])
    expect(told({ name: 'bare' }).at(-1)).toBe('provisioner: (none): false')
    expect(told({ its: { ...people, defaultGroup: undefined } }).at(-1)).toBe(
      'own role: alice as a member of (none): false',
    )
    expect(told({ user: 'alice' })[2]).toBe('role: alice among alice, app_readonly: true')
    const its = { ...people, provisioning: undefined }
    expect(told({ its })[2]).toBe('role: the first group among alice, app_readonly: true')
  })
})

describe('who makes roles', () => {
  test.each([
    ['by the role of a group', { user: 'maker', identity: { groups: ['makers'] } }],
    [
      'by a group that may be a superuser',
      { user: 'other_maker', identity: { groups: ['chief makers'] } },
    ],
    ['by name, without provisioning', { user: 'maker', identity: { names: ['maker'] } }],
    ['by a rule for any role', { user: 'maker', identityMap: `${issuer} alice all` }],
  ])('is nobody who logs in %s', (_, asked) => {
    for (const its of [people, { ...people, provisioning: undefined }]) {
      expect(outcomeOf({ ...asked, its })).toBe('role-reserved')
    }
  })
})
