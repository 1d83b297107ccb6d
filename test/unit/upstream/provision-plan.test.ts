import { describe, expect, test } from 'vitest'
import {
  type Change,
  markOf,
  type Membership,
  planRole,
  type RoleState,
  toSql,
  type Wish,
} from '../../../src/upstream/provision-plan.ts'

const identity = { issuer: 'https://issuer.example', subject: 'alice' }

function wish(changes: Partial<Wish> = {}): Wish {
  return {
    role: 'alice',
    ...identity,
    memberOf: ['a', 'b'],
    sync: 'granted',
    connectionLimit: undefined,
    ...changes,
  }
}

const hers = {
  isSuperuser: false,
  isReplication: false,
  isMadeHere: true,
  comment: markOf(identity),
}

const ours = (group: string, changes: Partial<Membership> = {}): Membership => ({
  group,
  grantor: 'maker',
  isOurs: true,
  admin: false,
  inherit: true,
  set: true,
  ...changes,
})
const byHand = (group: string): Membership => ours(group, { grantor: 'postgres', isOurs: false })

function state(changes: Partial<RoleState> = {}): RoleState {
  const groups = ['a', 'b'].map((name) => ({ name, isSuperuser: false }))
  return { person: hers, memberships: [ours('a'), ours('b')], groups, ...changes }
}

function told(change: Change): string {
  switch (change.kind) {
    case 'create':
      return `create ${change.role} ${String(change.connectionLimit)}`
    case 'mark':
      return `mark ${change.role} ${change.mark}`
    case 'grant':
      return `grant ${change.group}`
    case 'revoke':
      return `revoke ${change.group} of ${change.grantor ?? 'ours'}`
  }
}

function planned(its: Partial<RoleState>, wanted: Partial<Wish> = {}): readonly string[] {
  const plan = planRole(wish(wanted), state(its))
  if (plan.outcome === 'refused') return [plan.reason, plan.detail]
  return [plan.outcome, ...plan.changes.map(told)]
}

describe('what a login changes', () => {
  const group = (name: string) => ({ name, isSuperuser: false })

  test.each<[string, Partial<RoleState>, Partial<Wish>, readonly string[]]>([
    ['nothing, where all is as it should be', {}, {}, ['unchanged']],
    [
      'a role that is not there is made, marked, and given its groups in order',
      { person: null, memberships: [], groups: [group('b'), group('a')] },
      { connectionLimit: 5 },
      ['created', 'create alice 5', `mark alice ${markOf(identity)}`, 'grant a', 'grant b'],
    ],
    ['what is missing is granted', { memberships: [ours('b')] }, {}, ['changed', 'grant a']],
    [
      'what we granted is revoked where it is not wanted, all in one order',
      { memberships: [ours('z'), ours('b'), ours('0')] },
      {},
      ['changed', 'revoke 0 of ours', 'grant a', 'revoke z of ours'],
    ],
    [
      'what others granted stays',
      { memberships: [ours('a'), ours('b'), byHand('x')] },
      {},
      ['unchanged'],
    ],
    [
      'what others granted is granted by us as well',
      { memberships: [byHand('a'), ours('b')] },
      {},
      ['changed', 'grant a'],
    ],
    [
      'what both granted is revoked by us alone',
      { memberships: [ours('a'), ours('b'), ours('x'), byHand('x')] },
      {},
      ['changed', 'revoke x of ours'],
    ],
    [
      'with sync: exact what others granted is revoked in their name',
      { memberships: [ours('a'), ours('b'), byHand('x')] },
      { sync: 'exact' },
      ['changed', 'revoke x of postgres'],
    ],
    [
      'with sync: exact what others granted of her groups stays',
      { memberships: [ours('a'), ours('b'), byHand('b')] },
      { sync: 'exact' },
      ['unchanged'],
    ],
    ...([{ admin: true }, { inherit: false }, { set: false }] as const).map(
      (changed): [string, Partial<RoleState>, Partial<Wish>, readonly string[]] => [
        `a grant of ours with ${JSON.stringify(changed)} is made again`,
        { memberships: [ours('a', changed), ours('b')] },
        {},
        ['changed', 'grant a'],
      ],
    ),
    [
      'a group whose role is not there is left out',
      { groups: [group('a')], memberships: [] },
      {},
      ['changed', 'grant a'],
    ],
  ])('%s', (_, its, wanted, expected) => {
    expect(planned(its, wanted)).toEqual(expected)
  })

  test.each<[string, Partial<RoleState>, readonly string[]]>([
    [
      'a superuser',
      { person: { ...hers, isSuperuser: true } },
      ['role-reserved', 'it is a superuser'],
    ],
    [
      'one that replicates',
      { person: { ...hers, isReplication: true } },
      ['role-reserved', 'it has the attribute REPLICATION'],
    ],
    [
      'one that the provisioner did not make, whatever it is marked',
      { person: { ...hers, isMadeHere: false } },
      ['role-taken', 'alice exists, and the provisioner did not make it'],
    ],
    [
      'one without a mark',
      { person: { ...hers, comment: null } },
      ['role-taken', 'alice is marked for another identity: (no comment)'],
    ],
    [
      'one with another mark',
      { person: { ...hers, comment: 'x' } },
      ['role-taken', 'alice is marked for another identity: x'],
    ],
    [
      'a member of a superuser',
      { groups: [{ name: 'a', isSuperuser: true }], memberships: [] },
      ['role-reserved', 'membership in a, which is a superuser'],
    ],
    [
      'a member of a superuser that is not there yet',
      { person: null, groups: [{ name: 'a', isSuperuser: true }], memberships: [] },
      ['role-reserved', 'membership in a, which is a superuser'],
    ],
    [
      'a member of nothing',
      { groups: [] },
      ['provisioning-failed', 'none of the roles of its groups exists: a, b'],
    ],
  ])('is refused for %s', (_, its, expected) => {
    expect(planned(its)).toEqual(expected)
  })
})

describe('the mark', () => {
  test('says issuer and subject', () => {
    expect(markOf(identity)).toBe(
      '{"portcullis":{"issuer":"https://issuer.example","subject":"alice"}}',
    )
  })

  test('is ASCII that reads as what it was', () => {
    const odd = { issuer: 'https://ä.example', subject: 'Größe 😀 \u0000\u007f\uffff"\\' }
    const mark = markOf(odd)
    expect(mark).toMatch(/^[ -~]+$/)
    expect(JSON.parse(mark)).toEqual({ portcullis: odd })
  })

  test('of two identities is never the same, however they are cut', () => {
    const one = markOf({ issuer: 'https://a', subject: 'b","subject":"c' })
    const other = markOf({ issuer: 'https://a","subject":"b', subject: 'c' })
    expect(one).not.toBe(other)
  })
})

describe('a statement', () => {
  test.each<[Change, string]>([
    [
      { kind: 'create', role: 'a"b', connectionLimit: undefined },
      'CREATE ROLE "a""b" LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT -1 PASSWORD NULL',
    ],
    [
      { kind: 'create', role: 'a', connectionLimit: 3 },
      'CREATE ROLE "a" LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 3 PASSWORD NULL',
    ],
    [{ kind: 'mark', role: 'a', mark: `it's` }, `COMMENT ON ROLE "a" IS 'it''s'`],
    [
      { kind: 'grant', role: 'a', group: 'g"' },
      'GRANT "g""" TO "a" WITH ADMIN FALSE, INHERIT TRUE, SET TRUE GRANTED BY CURRENT_USER',
    ],
    [
      { kind: 'revoke', role: 'a', group: 'g', grantor: undefined },
      'REVOKE "g" FROM "a" GRANTED BY CURRENT_USER CASCADE',
    ],
    [
      { kind: 'revoke', role: 'a', group: 'g', grantor: 'o"o' },
      'REVOKE "g" FROM "a" GRANTED BY "o""o" CASCADE',
    ],
  ])('%j has its names in quotes', (change, sql) => {
    expect(toSql(change)).toBe(sql)
  })
})
