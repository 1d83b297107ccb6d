import { describe, expect, test } from 'vitest'
import type { SessionFacts } from '../../../src/session/observer.ts'
import { criteria, selects, type SessionSelector } from '../../../src/session/session-selector.ts'
import { asked, issuer, verified } from '../telemetry/facts.ts'

const issuedAt = new Date(1_000_000)
const session: SessionFacts = {
  ...verified,
  identity: {
    ...verified.identity!,
    names: ['alice', 'alice@example.com'],
    sid: 'sid-1',
    issuedAt,
  },
}
const withoutSid: SessionFacts = { ...session, identity: { ...session.identity!, sid: undefined } }

type Case = readonly [selector: SessionSelector, other: SessionSelector]

const cases: Readonly<Record<Exclude<keyof SessionSelector, 'isWithoutSid'>, Case>> = {
  session: [{ session: session.id }, { session: 'another' }],
  issuer: [{ issuer }, { issuer: 'https://auth.example.org' }],
  subject: [{ subject: 'auth0|alice' }, { subject: 'auth0|alic' }],
  principal: [{ principal: 'alice@example.com' }, { principal: 'Alice' }],
  role: [{ role: 'app_readwrite' }, { role: 'app_readonly' }],
  group: [{ group: 'readonly' }, { group: 'read' }],
  integration: [{ integration: 'sso_m2m' }, { integration: 'sso' }],
  pool: [{ pool: 'sso_pool' }, { pool: 'pool' }],
  database: [{ database: 'sandbox' }, { database: 'sand' }],
  tokenIdHash: [{ tokenIdHash: 'c0ffee' }, { tokenIdHash: 'c0ffe' }],
  sid: [{ sid: 'sid-1' }, { sid: 'sid-2' }],
  address: [{ address: '192.0.2.0/24' }, { address: '192.0.3.0/24' }],
  issuedUntilMs: [{ issuedUntilMs: issuedAt.getTime() }, { issuedUntilMs: issuedAt.getTime() - 1 }],
}

describe('a selector', () => {
  test.each(Object.entries(cases))(
    'selects by %s what has it, and nothing else',
    (_name, [own, other]) => {
      expect(selects(own, session)).toBe(true)
      expect(selects(other, session)).toBe(false)
    },
  )

  test.each(
    Object.entries(cases).filter(
      ([name]) => !['session', 'pool', 'database', 'address'].includes(name),
    ),
  )('selects by %s nobody who is not known yet', (_name, [own]) => {
    expect(selects(own, asked)).toBe(false)
  })

  test('knows its criteria all', () => {
    expect([...criteria].sort()).toEqual([...Object.keys(cases), 'isWithoutSid'].sort())
  })

  test('without a criterion selects nothing', () => {
    expect(selects({}, session)).toBe(false)
    expect(selects({ subject: undefined }, session)).toBe(false)
  })

  test('selects what all of its criteria hold for', () => {
    expect(selects({ issuer, subject: 'auth0|alice' }, session)).toBe(true)
    expect(selects({ issuer, subject: 'auth0|bob' }, session)).toBe(false)
    expect(selects({ issuer: 'https://other', subject: 'auth0|alice' }, session)).toBe(false)
  })

  test('takes an issuer with and without a slash at its end', () => {
    expect(selects({ issuer: `${issuer}/` }, session)).toBe(true)
    expect(selects({ issuer: `${issuer}//` }, session)).toBe(false)
  })

  test('tells those apart whose token tells no session at the provider', () => {
    expect(selects({ isWithoutSid: true }, withoutSid)).toBe(true)
    expect(selects({ isWithoutSid: true }, session)).toBe(false)
    expect(selects({ isWithoutSid: true }, asked)).toBe(false)
  })

  test('takes a token that does not say when it was issued for an old one', () => {
    const identity = { ...session.identity!, issuedAt: undefined }
    expect(selects({ issuedUntilMs: 0 }, { ...session, identity })).toBe(true)
  })

  test('by address selects nobody on a Unix socket', () => {
    const local = { ...session, peer: { address: 'unix', port: 0 } }
    expect(selects({ address: '0.0.0.0/0' }, local)).toBe(false)
  })
})
