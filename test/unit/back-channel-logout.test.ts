import { describe, expect, test } from 'vitest'
import { BackChannelLogout, type LogoutVerdict } from '../../src/back-channel-logout.ts'
import { knownHere, sharedMarks, type UsedOnce } from '../../src/shared/marks.ts'
import type { EndCount, EndOrder } from '../../src/session/revocations.ts'
import { MemoryDatabase } from '../support/memory-store.ts'

const now = new Date(0)
const call = 'a token'

function genuine(tokenIdHash: string): LogoutVerdict {
  const about = { issuer: 'https://auth.example.com', subject: 'alice', sid: undefined }
  const times = { issuedAtMs: 0, freshUntilMs: 300_000 }
  return { kind: 'genuine', logout: { ...about, ...times, tokenIdHash } }
}

function channel(
  verdicts: readonly LogoutVerdict[],
  end: () => Promise<EndCount> = async () => Promise.resolve({ ended: 1, unanswered: 0 }),
  once: UsedOnce = knownHere,
) {
  const left = [...verdicts]
  const orders: EndOrder[] = []
  const told: string[] = []
  const logout = new BackChannelLogout({
    find: (token) => (token === call ? 'people' : undefined),
    verify: async () => {
      const verdict = left.shift()
      return verdict === undefined
        ? Promise.reject(new Error('no worker'))
        : Promise.resolve(verdict)
    },
    end: async (order) => {
      orders.push(order)
      return end()
    },
    once,
    now: () => now,
    tell: (outcome, fields) => told.push(`${outcome} ${JSON.stringify(fields)}`),
  })
  return { logout, orders, told }
}

describe('the back channel', () => {
  test('ends the sessions of whom a genuine token names', async () => {
    const { logout, orders, told } = channel([genuine('1')])
    expect(await logout.accept(call)).toBe('done')
    expect(orders).toMatchObject([{ selectors: [{ subject: 'alice' }], end: 'logged-out' }])
    expect(told).toEqual([expect.stringMatching(/^done .*"ended":1/)])
  })

  test('takes a token once, also where it comes twice at once', async () => {
    const { logout, orders } = channel([genuine('1'), genuine('1'), genuine('2')])
    const both = await Promise.all([logout.accept(call), logout.accept(call)])
    expect(both).toEqual(['done', 'refused'])
    expect(await logout.accept(call)).toBe('done')
    expect(orders).toHaveLength(2)
  })

  test('takes no token that another replica has taken, and one that came to nothing there', async () => {
    const database = new MemoryDatabase()
    const [one, other] = [database.store(), database.store()]
    const away: unknown[] = []
    const at = (store: typeof one) => sharedMarks(store, (error) => away.push(error))
    const failing = channel([genuine('1')], async () => Promise.reject(new Error('no')), at(one))
    expect(await failing.logout.accept(call)).toBe('failed')
    expect(await channel([genuine('1')], undefined, at(other)).logout.accept(call)).toBe('done')
    expect(await channel([genuine('1')], undefined, at(one)).logout.accept(call)).toBe('refused')
    one.goAway()
    expect(await channel([genuine('1')], undefined, at(one)).logout.accept(call)).toBe('done')
    expect(away).toHaveLength(1)
    expect(database.tables.marks.size).toBe(1)
  })

  test('takes no token that is for nobody here', async () => {
    const { logout, orders, told } = channel([genuine('1')])
    expect(await logout.accept('another token')).toBe('refused')
    expect(orders).toEqual([])
    expect(told).toEqual([expect.stringContaining('it is for no integration that takes any')])
  })

  test('ends nothing for a token that is not genuine', async () => {
    const { logout, orders, told } = channel([
      { kind: 'refused', reason: 'token-signature', detail: undefined },
    ])
    expect(await logout.accept(call)).toBe('refused')
    expect(orders).toEqual([])
    expect(told).toEqual([expect.stringMatching(/^refused .*token-signature/)])
  })

  test('has failed where nobody can verify, and believes the token later', async () => {
    const { logout, told } = channel([])
    expect(await logout.accept(call)).toBe('failed')
    expect(told).toHaveLength(1)
  })

  test.each([
    ['does not answer', async () => Promise.resolve({ ended: 1, unanswered: 1 })],
    ['cannot be asked', async () => Promise.reject(new Error('gone'))],
  ])('has failed where a worker %s, and takes the same token again', async (_, first) => {
    let end: () => Promise<EndCount> = first
    const { logout, orders } = channel([genuine('1'), genuine('1')], async () => end())
    expect(await logout.accept(call)).toBe('failed')
    end = async () => Promise.resolve({ ended: 0, unanswered: 0 })
    expect(await logout.accept(call)).toBe('done')
    expect(orders).toHaveLength(2)
  })
})
