import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Principal } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import { type Rechecked, Rechecks, type RecheckRule } from '../../../src/session/rechecks.ts'
import type { LiveSession } from '../../../src/session/registry.ts'
import { catalogOf, database, group, integration, issuer, pool } from '../policy/catalogs.ts'
import { asked } from '../telemetry/facts.ts'

const everyMs = 60_000
const rule: RecheckRule = { everyMs, maxStaleMs: 150_000 }
const person = { issuer, names: ['alice'], groups: ['writers'] }

const people = integration('people', { mappings: { writers: 'readwrite' } })
const catalog = catalogOf({
  pools: [pool('main', ['0.0.0.0/0'])],
  integrations: [people],
  databases: [database('sandbox', { integrations: ['people'] })],
  groups: [group('readwrite', 'app_readwrite')],
})

type Answer = () => Promise<Partial<Principal>>

let now: number
let asks: number
let revoked: string[]
let ended: (string | undefined)[]
let answer: Answer
let stop: () => void

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  now = 0
  asks = 0
  revoked = []
  ended = []
  answer = async () => Promise.resolve({ ...person, subject: 'alice' })
  stop = () => {}
})

afterEach(() => {
  stop()
  vi.useRealTimers()
})

const unavailable = async (): Promise<never> =>
  Promise.reject(new Refusal('introspection-unavailable'))

function session(): LiveSession {
  return {
    facts: { ...asked, pool: 'main', integration: 'people' },
    grant: {
      listener: 'main',
      intent: {
        ...{ user: 'app_readwrite', database: 'sandbox', qualifier: undefined },
        ...{ dialect: undefined, tokenUser: undefined, asksForReplication: false },
      },
      role: 'app_readwrite',
      identity: person,
      allowsSuperuser: false,
      condition: undefined,
      memberOf: [],
    },
    cancel: async () => Promise.resolve(),
    drain: () => {},
    endNow: (reason) => ended.push(reason),
  }
}

interface World {
  readonly token?: string | null
  readonly its?: RecheckRule | undefined
  readonly expiresAt?: Date
}

/** Watches a session by a token that is good for a day. */
function watch({ token = 'a token', its = rule, expiresAt = new Date(86_400_000) }: World = {}) {
  const live = session()
  const world = { rule: its as RecheckRule | undefined, catalog, isAsked: true }
  const verifyAgain = async (): Promise<Principal> => {
    asks++
    return answer() as Promise<Principal>
  }
  const rechecks = new Rechecks({
    rules: () => ({
      catalog: world.catalog,
      tokens: new Map([['people', { introspected: world.isAsked ? { verifyAgain } : undefined }]]),
      rechecks: new Map(world.rule && [['people', world.rule]]),
    }),
    revoke: (_, why) => revoked.push(why),
    now: () => new Date(now),
    monotonicNow: () => now,
    random: () => 1,
  })
  const rechecked: Rechecked = {
    integration: 'people',
    subject: 'alice',
    expiresAt,
    token: token ?? undefined,
  }
  stop = rechecks.watch(live, rechecked)
  return { live, world }
}

async function pass(ms: number): Promise<void> {
  now += ms
  await vi.advanceTimersByTimeAsync(ms)
}

describe('a session that is looked at again', () => {
  test('is asked about as often as it says, while it is open', async () => {
    watch()
    await pass(everyMs - 1)
    expect(asks).toBe(0)
    await pass(1)
    expect(asks).toBe(1)
    await pass(everyMs)
    expect(asks).toBe(2)
    stop()
    await pass(everyMs)
    expect([asks, revoked, ended]).toEqual([2, [], []])
  })

  test('is ended when its token is not active any more', async () => {
    watch()
    answer = async () => Promise.reject(new Refusal('token-inactive'))
    await pass(everyMs)
    expect([revoked, ended]).toEqual([['recheck: token-inactive'], []])
  })

  test('is told that its token has expired, where that is why it is not active', async () => {
    watch({ expiresAt: new Date(everyMs) })
    answer = async () => Promise.reject(new Refusal('token-inactive'))
    await pass(everyMs)
    expect([revoked, ended]).toEqual([[], ['token-expired']])
  })

  test('is ended when the token is somebody else’s', async () => {
    watch()
    answer = async () => Promise.resolve({ ...person, subject: 'bob' })
    await pass(everyMs)
    expect(revoked).toEqual(['recheck: token-inactive'])
  })

  test('is ended when its groups do not give its role any more', async () => {
    const { live } = watch()
    answer = async () => Promise.resolve({ ...person, groups: ['readers'], subject: 'alice' })
    await pass(everyMs)
    expect(revoked).toEqual(['recheck: no-group'])
    expect(live.grant.identity?.groups).toEqual(['readers'])
  })

  test('goes on while the provider is away, and is asked about sooner, for so long', async () => {
    watch()
    answer = unavailable
    await pass(everyMs)
    expect(asks).toBe(1)
    await pass(30_000)
    expect(asks).toBe(2)
    await pass(59_999)
    expect([asks, revoked]).toEqual([3, []])
    await pass(1)
    expect([asks, revoked]).toEqual([4, ['the provider could not be asked for too long']])
  })

  test('goes on where the provider is back in time', async () => {
    watch()
    answer = unavailable
    await pass(everyMs)
    await pass(60_000)
    answer = async () => Promise.resolve({ ...person, subject: 'alice' })
    await pass(30_000)
    answer = unavailable
    await pass(everyMs)
    await pass(30_000)
    expect(revoked).toEqual([])
  })

  test('is ended at the first failure where nothing stale is to be believed', async () => {
    watch({ its: { everyMs, maxStaleMs: 0 } })
    answer = async () => Promise.reject(new Error('a bug'))
    await pass(everyMs)
    expect(revoked).toEqual(['the provider could not be asked for too long'])
  })

  test('is looked at by the configuration, whether or not the provider can be asked', async () => {
    const { world } = watch()
    answer = unavailable
    world.catalog = { ...catalog, groups: new Map() }
    await pass(everyMs)
    expect(revoked).toEqual(['recheck: no-group'])
  })

  test('without a token to ask about is looked at by the configuration alone', async () => {
    const { world: own } = watch({ token: null })
    await pass(everyMs)
    expect([asks, revoked]).toEqual([0, []])
    own.catalog = { ...catalog, groups: new Map() }
    await pass(everyMs)
    expect([asks, revoked]).toEqual([0, ['recheck: no-group']])
  })

  test('is not asked about where its integration asks nobody any more', async () => {
    const { world } = watch()
    world.isAsked = false
    await pass(everyMs)
    expect([asks, revoked]).toEqual([0, []])
  })

  test('is left alone while its integration does not ask for it', async () => {
    const { world } = watch()
    world.rule = undefined
    await pass(everyMs)
    await pass(60_000)
    expect(asks).toBe(0)
    world.rule = rule
    await pass(60_000)
    expect(asks).toBe(1)
  })

  test('is one of four at most that a process asks about at once', async () => {
    const { promise, resolve } = Promise.withResolvers<Partial<Principal>>()
    answer = async () => promise
    const rechecks = new Rechecks({
      rules: () => ({
        catalog,
        tokens: new Map([
          [
            'people',
            { introspected: { verifyAgain: async () => (asks++, (await answer()) as Principal) } },
          ],
        ]),
        rechecks: new Map([['people', rule]]),
      }),
      revoke: (_, why) => revoked.push(why),
      now: () => new Date(now),
      random: () => 0.5,
    })
    const rechecked = {
      integration: 'people',
      subject: 'alice',
      expiresAt: new Date(86_400_000),
      token: 't',
    }
    const stops = Array.from({ length: 6 }, () => rechecks.watch(session(), rechecked))
    await pass(everyMs * 0.9)
    expect(asks).toBe(4)
    resolve({ ...person, subject: 'alice' })
    await vi.advanceTimersByTimeAsync(0)
    expect(asks).toBe(6)
    for (const one of stops) one()
  })
})
