import { describe, expect, test } from 'vitest'
import {
  assess,
  boundsOf,
  describeBounds,
  longestSleepMs,
  type Moment,
  type SessionBounds,
} from '../../../src/session/session-bounds.ts'

const limits = {
  expiry: 'hard',
  graceMs: 10,
  maxLifetimeMs: undefined,
  idleMs: undefined,
  idleInTransactionMs: undefined,
} as const

describe('what bounds a session', () => {
  const free = { ...limits, expiry: 'ignore' } as const

  test('is nothing by default', () => {
    expect(boundsOf(free, new Date(1_000))).toBeUndefined()
  })

  test('is nothing where a password has no expiry', () => {
    expect(boundsOf(limits, undefined)).toBeUndefined()
  })

  test.each([
    ['idle', undefined],
    ['hard', 10],
  ] as const)('is the expiry of its token with %s', (expiry, expiryGraceMs) => {
    expect(boundsOf({ ...limits, expiry }, new Date(1_000))).toMatchObject({
      expiresAtMs: 1_000,
      expiryGraceMs,
    })
  })

  test.each(['maxLifetimeMs', 'idleMs', 'idleInTransactionMs'] as const)(
    'is %s, with or without a token',
    (name) => {
      const bounds = { expiresAtMs: undefined, [name]: 5 }
      expect(boundsOf({ ...free, [name]: 5 }, undefined)).toMatchObject(bounds)
      expect(boundsOf({ ...free, [name]: 5 }, new Date(1_000))).toMatchObject(bounds)
    },
  )
})

const none: SessionBounds = {
  expiresAtMs: undefined,
  expiryGraceMs: undefined,
  maxLifetimeMs: undefined,
  lifetimeGraceMs: 10,
  idleMs: undefined,
  idleInTransactionMs: undefined,
}
const start: Moment = { nowMs: 1_000, ageMs: 0, standing: 'busy', quietMs: 0 }

describe('a session', () => {
  test.each<[string, Partial<SessionBounds>, Partial<Moment>, string]>([
    ['before the expiry', { expiresAtMs: 1_001 }, {}, 'goes on, look in 1'],
    ['at the expiry', { expiresAtMs: 1_000 }, {}, 'token-expired gently, look in 60000'],
    ['long after it', { expiresAtMs: -1e15 }, {}, 'token-expired gently, look in 60000'],
    [
      'at the expiry, with a grace',
      { expiresAtMs: 1_000, expiryGraceMs: 10 },
      {},
      'token-expired gently, look in 10',
    ],
    [
      'before the end of the grace',
      { expiresAtMs: 991, expiryGraceMs: 10 },
      {},
      'token-expired gently, look in 1',
    ],
    [
      'at the end of the grace',
      { expiresAtMs: 990, expiryGraceMs: 10 },
      {},
      'token-expired now, look in 60000',
    ],
    [
      'at the expiry, without a grace',
      { expiresAtMs: 1_000, expiryGraceMs: 0 },
      {},
      'token-expired now, look in 60000',
    ],
    ['whose token never expires', { expiresAtMs: 8.64e15 }, {}, 'goes on, look in 60000'],
    ['before its greatest age', { maxLifetimeMs: 50 }, { ageMs: 49 }, 'goes on, look in 1'],
    [
      'a part of a millisecond before it',
      { maxLifetimeMs: 50 },
      { ageMs: 49.9 },
      'goes on, look in 1',
    ],
    [
      'at its greatest age',
      { maxLifetimeMs: 50 },
      { ageMs: 50 },
      'session-lifetime gently, look in 10',
    ],
    [
      'before the end of its grace',
      { maxLifetimeMs: 50 },
      { ageMs: 59 },
      'session-lifetime gently, look in 1',
    ],
    [
      'at the end of its grace',
      { maxLifetimeMs: 50 },
      { ageMs: 60 },
      'session-lifetime now, look in 60000',
    ],
    [
      'that was idle for less',
      { idleMs: 50 },
      { standing: 'idle', quietMs: 49 },
      'goes on, look in 1',
    ],
    [
      'that was idle for so long',
      { idleMs: 50 },
      { standing: 'idle', quietMs: 50 },
      'idle now, look in 60000',
    ],
    ['that is busy', { idleMs: 50 }, { quietMs: 99 }, 'goes on, look in 50'],
    [
      'that is in a transaction',
      { idleMs: 50 },
      { standing: 'in-transaction', quietMs: 99 },
      'goes on, look in 50',
    ],
    [
      'whose transaction waited for less',
      { idleInTransactionMs: 50 },
      { standing: 'in-transaction', quietMs: 49 },
      'goes on, look in 1',
    ],
    [
      'whose transaction waited for so long',
      { idleInTransactionMs: 50 },
      { standing: 'in-transaction', quietMs: 50 },
      'idle-in-transaction now, look in 60000',
    ],
    [
      'that is in none',
      { idleInTransactionMs: 50 },
      { standing: 'idle', quietMs: 99 },
      'goes on, look in 50',
    ],
    [
      'whose transaction is busy',
      { idleInTransactionMs: 50 },
      { quietMs: 99 },
      'goes on, look in 50',
    ],
    [
      'with two bounds, of which one is due',
      { expiresAtMs: 1_000, maxLifetimeMs: 50 },
      { ageMs: 20 },
      'token-expired gently, look in 30',
    ],
    [
      'with a bound that waits and one that does not',
      { expiresAtMs: 1_000, idleInTransactionMs: 5 },
      { standing: 'in-transaction', quietMs: 5 },
      'idle-in-transaction now, look in 60000',
    ],
  ])('%s', (_, bounds, moment, verdict) => {
    const { end, isNow, lookAgainMs } = assess({ ...none, ...bounds }, { ...start, ...moment })
    const how = end === undefined ? 'goes on' : `${end} ${isNow ? 'now' : 'gently'}`
    expect(`${how}, look in ${lookAgainMs}`).toBe(verdict)
  })

  test.each<[string, Partial<SessionBounds>, string]>([
    ['nothing', {}, ''],
    [
      'an expiry',
      { expiresAtMs: 5_000 },
      'until its transaction is over at 1970-01-01T00:00:05.000Z (token-expired)',
    ],
    [
      'an expiry with its grace',
      { expiresAtMs: 5_000, expiryGraceMs: 10 },
      'until its transaction is over at 1970-01-01T00:00:05.000Z (token-expired), 1970-01-01T00:00:05.010Z at most',
    ],
    [
      'an expiry at the end of time',
      { expiresAtMs: 8.64e15, expiryGraceMs: 10 },
      'until its transaction is over at +275760-09-13T00:00:00.000Z (token-expired), +275760-09-13T00:00:00.000Z at most',
    ],
    [
      'a greatest age',
      { maxLifetimeMs: 2_000 },
      'until its transaction is over at 1970-01-01T00:00:03.000Z (session-lifetime), 1970-01-01T00:00:03.010Z at most',
    ],
    [
      'limits to idleness',
      { idleMs: 2_500, idleInTransactionMs: 1_000 },
      '2.5 s idle; 1 s idle in a transaction',
    ],
  ])('with %s is described so', (_, bounds, described) => {
    expect(describeBounds({ ...none, ...bounds }, 1_000)).toBe(described)
  })

  test('is looked at more often than a timer can count', () => {
    expect(longestSleepMs).toBeLessThan(2 ** 31)
  })
})
