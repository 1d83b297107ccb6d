import { describe, expect, test } from 'vitest'
import { Denials } from '../../../src/session/denials.ts'
import type { SessionFacts } from '../../../src/session/observer.ts'
import {
  type EndOrder,
  maxMetOrders,
  maxRememberedOrders,
  type Revocable,
  Revocations,
} from '../../../src/session/revocations.ts'
import { opened, verified } from '../telemetry/facts.ts'
import { refusalOf } from '../wire/bytes.ts'

interface Session extends Revocable {
  readonly told: string[]
}

function session(id: string, more: Partial<SessionFacts> = {}): Session {
  const told: string[] = []
  return { told, facts: { ...verified, id, ...more }, endNow: (reason) => told.push(reason) }
}

function revocations(live: readonly Revocable[], now: () => Date = () => new Date(0)) {
  const log: string[] = []
  return {
    log,
    all: new Revocations({
      live: () => live,
      now,
      onEnd: ({ id }, end, why) => log.push(`${id} ${end} ${why}`),
    }),
  }
}

const killReaders: EndOrder = { selectors: [{ role: 'reader' }], end: 'killed' }

describe('an order to end sessions', () => {
  test('ends those that a selector selects, each once, and counts them', () => {
    const [a, b, c] = [
      session('a', { role: 'reader' }),
      session('b'),
      session('c', { role: 'reader' }),
    ]
    const { all, log } = revocations([a, b, c])
    const selectors = [{ role: 'reader' }, { session: 'c' }]
    expect(all.end({ selectors, end: 'killed' })).toBe(2)
    expect([a.told, b.told, c.told]).toEqual([['killed'], [], ['killed']])
    expect(log).toEqual(['a killed ordered', 'c killed ordered'])
  })

  test('counts nobody twice who is being ended already', () => {
    const one = session('a', { role: 'reader' })
    const { all } = revocations([one])
    expect([all.end(killReaders), all.end(killReaders)]).toEqual([1, 0])
    expect(one.told).toEqual(['killed'])
  })

  test('refuses who was logging in when it came', () => {
    const { all } = revocations([])
    const login = all.enter({ ...verified, role: 'reader' })
    const other = all.enter({ ...verified, role: 'writer' })
    all.end(killReaders)
    expect(
      refusalOf(() => {
        login.check()
      }).reason,
    ).toBe('denied')
    expect(() => {
      other.check()
    }).not.toThrow()
  })

  test('is found by what is known of a login that it came during', () => {
    const { all } = revocations([])
    const login = all.enter(opened)
    all.end(killReaders)
    expect(login.find(opened)).toBeUndefined()
    expect(login.find({ ...opened, role: 'reader' })?.why).toBe('ended during its login: killed')
  })

  test('counts what is found out about a login after it came', () => {
    const { all } = revocations([])
    const facts: { role?: string } & SessionFacts = { ...opened }
    const login = all.enter(facts)
    all.end(killReaders)
    expect(() => {
      login.check()
    }).not.toThrow()
    facts.role = 'reader'
    expect(
      refusalOf(() => {
        login.check()
      }),
    ).toMatchObject({
      reason: 'denied',
      logDetail: 'ended during its login: killed',
    })
  })

  test('refuses nobody who begins after it', () => {
    const { all } = revocations([])
    all.end(killReaders)
    expect(() => {
      all.enter({ ...verified, role: 'reader' }).check()
    }).not.toThrow()
  })

  test('is not told to logins that are over', () => {
    const { all } = revocations([])
    const login = all.enter({ ...verified, role: 'reader' })
    login.leave()
    all.end(killReaders)
    expect(() => {
      login.check()
    }).not.toThrow()
  })

  test('is one of so many at most that a login may meet', () => {
    const { all } = revocations([])
    const login = all.enter({ ...verified, role: 'writer' })
    for (let count = 0; count < maxMetOrders; count++) all.end(killReaders)
    expect(() => {
      login.check()
    }).not.toThrow()
    all.end(killReaders)
    expect(
      refusalOf(() => {
        login.check()
      }).reason,
    ).toBe('denied')
  })

  test('refuses logins until its time, where it says so', () => {
    let nowMs = 0
    const { all } = revocations([], () => new Date(nowMs))
    all.end({ ...killReaders, end: 'logged-out', refusedUntilMs: 1_000 })
    const facts = { ...verified, role: 'reader' }
    nowMs = 999
    expect(all.find(facts)).toMatchObject({ why: 'logged-out' })
    nowMs = 1_000
    expect(all.find(facts)).toBeUndefined()
    all.end({ ...killReaders, refusedUntilMs: 2_000 })
    expect(all.remembered).toBe(1)
  })

  test('is forgotten where there are too many newer ones', () => {
    const { all } = revocations([])
    for (let count = 0; count <= maxRememberedOrders; count++) {
      all.end({ selectors: [{ role: `r${count}` }], end: 'revoked', refusedUntilMs: 1 })
    }
    expect(all.remembered).toBe(maxRememberedOrders)
    expect(all.find({ ...verified, role: 'r0' })).toBeUndefined()
    expect(all.find({ ...verified, role: 'r1' })).toBeDefined()
  })
})

describe('the deny file', () => {
  const denials = new Denials([
    { selector: { role: 'reader' }, untilMs: undefined, why: 'entry 1' },
  ])

  test('ends the sessions of those whom it denies, however many there are', async () => {
    const readers = Array.from({ length: 500 }, (_, n) => session(`r${n}`, { role: 'reader' }))
    const writer = session('w', { role: 'writer' })
    const { all, log } = revocations([...readers, writer])
    await all.deny(denials)
    expect(new Set(readers.map(({ told }) => told.join()))).toEqual(new Set(['revoked']))
    expect(writer.told).toEqual([])
    expect(log[0]).toBe('r0 revoked entry 1')
  })

  test('refuses logins at once, also those that are under way', async () => {
    const { all } = revocations([])
    const login = all.enter({ ...verified, role: 'reader' })
    const done = all.deny(denials)
    expect(
      refusalOf(() => {
        login.check()
      }),
    ).toMatchObject({ reason: 'denied', logDetail: 'entry 1' })
    await done
  })

  test('lets in again whom it does not name any more', async () => {
    const { all } = revocations([])
    await all.deny(denials)
    await all.deny(new Denials())
    expect(all.find({ ...verified, role: 'reader' })).toBeUndefined()
  })
})

test('a session that lost its right by itself is ended, and the log says why', () => {
  const one = session('a')
  const { all, log } = revocations([one])
  all.revoke(one, 'token-inactive')
  expect([one.told, log]).toEqual([['revoked'], ['a revoked token-inactive']])
})

describe('a revocation that is taken back', () => {
  const alice = { subject: 'auth0|alice', issuer: 'https://auth.example.com' }
  const until = (ms: number): EndOrder => ({
    selectors: [alice],
    end: 'revoked',
    refusedUntilMs: ms,
  })

  test('lets in who was kept out by it', () => {
    const { all } = revocations([])
    all.end(until(10))
    expect(all.find(verified)).toBeDefined()
    expect(all.restore({ selector: alice, ids: [] })).toBe(1)
    expect(all.find(verified)).toBeUndefined()
    expect([all.remembered, all.restore({ selector: alice, ids: [] })]).toEqual([0, 0])
  })

  test.each([
    ['other criteria', { subject: 'auth0|alice' }],
    ['more criteria', { ...alice, role: 'app_readwrite' }],
    ['none', {}],
  ])('is not taken back by %s', (_, selector) => {
    const { all } = revocations([])
    all.end(until(10))
    expect(all.restore({ selector, ids: [] })).toBe(0)
    expect(all.find(verified)).toBeDefined()
  })

  test('is none of those that a provider has given', () => {
    const { all } = revocations([])
    all.end({ ...until(10), end: 'logged-out' })
    expect(all.restore({ selector: alice, ids: [] })).toBe(0)
    expect(all.find(verified)).toBeDefined()
  })

  test('is one by its id, however often it comes, and taken back by that alone', () => {
    const { all } = revocations([])
    for (const id of ['1', '1', '2']) all.end({ ...until(10), id })
    expect(all.remembered).toBe(2)
    expect(all.restore({ selector: alice, ids: [] })).toBe(0)
    expect(all.restore({ ids: ['1', '3'] })).toBe(1)
    expect(all.find(verified)).toBeDefined()
    expect(all.restore({ selector: alice, ids: ['2'] })).toBe(1)
    expect(all.find(verified)).toBeUndefined()
    all.end({ ...until(10), id: '1' })
    expect(all.find(verified)).toBeDefined()
  })

  test('is not counted where its time is over', () => {
    let now = 0
    const { all } = revocations([], () => new Date(now))
    all.end(until(10))
    now = 10
    expect(all.restore({ selector: alice, ids: [] })).toBe(0)
  })
})
