import { describe, expect, test } from 'vitest'
import { type Denial, Denials, deniedBy } from '../../../src/session/denials.ts'
import type { SessionFacts } from '../../../src/session/observer.ts'
import type { SessionSelector } from '../../../src/session/session-selector.ts'
import { issuer, verified } from '../telemetry/facts.ts'

const now = new Date('2026-03-01T12:00:00Z')

function denial(selector: SessionSelector, untilMs?: number): Denial {
  return { selector, untilMs, why: JSON.stringify(selector) }
}

const session: SessionFacts = {
  ...verified,
  identity: { ...verified.identity!, names: ['alice', 'al'], sid: 'sid-1' },
}

describe('denials', () => {
  test.each<[SessionSelector]>([
    [{ session: verified.id }],
    [{ tokenIdHash: 'c0ffee' }],
    [{ sid: 'sid-1' }],
    [{ subject: 'auth0|alice' }],
    [{ subject: 'auth0|alice', issuer }],
    [{ principal: 'al' }],
    [{ role: 'app_readwrite' }],
    [{ group: 'readwrite' }],
    [{ group: 'readonly', role: 'app_readwrite' }],
    [{ address: '192.0.2.7' }],
    [{ address: '192.0.2.0/24', role: 'app_readwrite' }],
    [{ issuer }],
    [{ pool: 'sso_pool' }],
  ])('are found by %j among others', (selector) => {
    const meant = denial(selector)
    const all = new Denials([
      denial({ subject: 'auth0|bob' }),
      denial({ subject: 'auth0|alice', issuer: 'https://other.example.com' }),
      denial({ address: '198.51.100.0/24' }),
      denial({ issuer: 'https://other.example.com' }),
      meant,
    ])
    expect(all.find(session, now)).toBe(meant)
    expect(all.size).toBe(5)
  })

  test('are not found where one of their criteria does not hold', () => {
    const all = new Denials([
      denial({ role: 'app_readwrite', group: 'engineering' }),
      denial({ address: '192.0.2.0/24', role: 'app_readonly' }),
      denial({ issuer, database: 'other' }),
    ])
    expect(all.find(session, now)).toBeUndefined()
  })

  test('end at their time and not before', () => {
    const all = new Denials([denial({ role: 'app_readwrite' }, now.getTime())])
    expect(all.find(session, new Date(now.getTime() - 1))).toBeDefined()
    expect(all.find(session, now)).toBeUndefined()
  })

  test('of one key are found behind those that are over', () => {
    const standing = denial({ role: 'app_readwrite' })
    const all = new Denials([denial({ role: 'app_readwrite' }, 0), standing])
    expect(all.find(session, now)).toBe(standing)
  })

  test('that are removed are not found any more, and others are', () => {
    const [one, other] = [denial({ role: 'app_readwrite' }), denial({ role: 'app_readwrite' })]
    const all = new Denials([one, other])
    all.remove(one)
    expect([all.find(session, now), all.size]).toEqual([other, 1])
    all.remove(one)
    all.remove(other)
    expect([all.find(session, now), all.size]).toEqual([undefined, 0])
  })

  test('deny nobody whom they do not know', () => {
    const all = new Denials([denial({ role: 'app_readwrite' }), denial({ issuer })])
    const { identity, role, ...stranger } = session
    expect([identity, role]).not.toContain(undefined)
    expect(all.find(stranger, now)).toBeUndefined()
  })

  test('are told to the log alone', () => {
    const refusal = deniedBy({ ...denial({ role: 'r' }), why: 'entry 1: left\nin anger' })
    expect(refusal).toMatchObject({ reason: 'denied', logDetail: 'entry 1: left?in anger' })
    expect(refusal.clientDetail).toBeUndefined()
  })
})

describe('a denial that is taken out', () => {
  test.each<[SessionSelector]>([
    [{ subject: 'auth0|alice' }],
    [{ issuer }],
    [{ pool: 'sso_pool' }],
    [{ address: '192.0.2.0/24' }],
  ])('by %j is not found any more, and no other is lost', (selector) => {
    const [meant, other] = [denial(selector), denial(selector)]
    const all = new Denials([meant, other])
    all.remove(meant)
    expect(all.find(session, now)).toBe(other)
    expect([...all.entries()]).toEqual([other])
    expect(all.size).toBe(1)
    all.remove(meant)
    expect(all.size).toBe(1)
    all.remove(other)
    expect(all.find(session, now)).toBeUndefined()
    expect(all.size).toBe(0)
  })
})
