import { expect, test } from 'vitest'
import { keepIdentity } from '../../../src/policy/keep-identity.ts'
import { keepUsefulGroups, usefulGroups } from '../../../src/policy/useful-groups.ts'
import { catalogOf, group, integration, issuer } from './catalogs.ts'

const catalog = catalogOf({ groups: [group('Readers', 'readers'), group('writers', 'writers')] })
const mapped = integration('sso', {
  mappings: { 'idp-readers': 'Readers' },
  blockedGroups: new Set(['leavers']),
})
const cockroach = { ...mapped, dialect: 'cockroachdb' as const }

test('of use is what is mapped or blocked', () => {
  expect([...usefulGroups(mapped, catalog)]).toEqual(['idp-readers', 'leavers'])
})

test('in the dialect of CockroachDB the names of groups are of use too, in any case', () => {
  expect([...usefulGroups(cockroach, catalog)]).toEqual([
    'idp-readers',
    'leavers',
    'readers',
    'writers',
  ])
})

test('the others are not kept, and none twice', () => {
  const values = ['idp-readers', 'everybody', 'leavers', 'writers', 'idp-readers', 'IDP-readers']
  expect(keepUsefulGroups(values, mapped, catalog)).toEqual(['idp-readers', 'leavers'])
})

test('names of groups are kept as they are compared', () => {
  expect(keepUsefulGroups(['READERS', 'writers', 'everybody'], cockroach, catalog)).toEqual([
    'readers',
    'writers',
  ])
})

const at = (seconds: number): Date => new Date(1_700_000_000_000 + seconds * 1_000)
const principal = {
  integration: 'sso',
  kind: 'id_token',
  issuer,
  subject: 'alice',
  names: ['alice@example.com'],
  groups: ['idp-readers', 'everybody'],
  expiresAt: at(3_600),
  goodUntil: at(600),
  issuedAt: at(0),
  sid: 'session-1',
  tokenIdHash: 'ab'.repeat(32),
  certificateThumbprint: 'thumbprint',
  actors: ['service'],
  sessionClaims: new Map<string, unknown>([['tenant', 7]]),
} as const

test('an identity is kept for as long as its token is good, with all that is decided by', () => {
  expect(keepIdentity(principal, mapped, catalog)).toEqual({
    integration: 'sso',
    kind: 'id_token',
    issuer,
    subject: 'alice',
    names: ['alice@example.com'],
    groups: ['idp-readers'],
    expiresAt: at(600).getTime(),
    issuedAt: at(0).getTime(),
    sid: 'session-1',
    tokenIdHash: 'ab'.repeat(32),
    certificateThumbprint: 'thumbprint',
    actors: ['service'],
    sessionClaims: { tenant: 7 },
  })
})

test('what a token does not say is not kept', () => {
  const bare = {
    ...principal,
    issuedAt: undefined,
    sid: undefined,
    tokenIdHash: undefined,
    certificateThumbprint: undefined,
    actors: [],
    sessionClaims: undefined,
  }
  expect(Object.keys(keepIdentity(bare, mapped, catalog))).toEqual([
    ...['integration', 'kind', 'issuer', 'subject', 'names', 'groups', 'expiresAt', 'issuedAt'],
  ])
  expect(keepIdentity(bare, mapped, catalog).issuedAt).toBeUndefined()
})
