import { createLocalJWKSet } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { IssuerKeys } from '../../../src/identity/discovery.ts'
import { keyAges, KeyCache } from '../../../src/identity/key-cache.ts'
import { verifyToken } from '../../../src/identity/verify-token.ts'
import { Refusal } from '../../../src/refusal.ts'
import { issuer, makeToken, now, type SigningKey, signingKey, tokenRules, toJwk } from './tokens.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

const first = signingKey('first')
const next = signingKey('next')
const firstToken = makeToken(first)
const nextToken = makeToken(next)

/** An issuer whose every answer the test gives, a cache of its keys, and the clock that both go by. */
class Scene {
  time = 0
  fetches = 0
  readonly events: string[] = []
  readonly cache: KeyCache
  readonly #open: PromiseWithResolvers<IssuerKeys>[] = []
  #answer: (() => Promise<IssuerKeys>) | undefined

  constructor() {
    this.cache = new KeyCache({
      issuer,
      fetch: async () => {
        this.fetches += 1
        if (this.#answer !== undefined) return this.#answer()
        const open = Promise.withResolvers<IssuerKeys>()
        this.#open.push(open)
        return open.promise
      },
      observer: {
        keysRefreshed: (name, outcome, error) => {
          expect(name).toBe(issuer)
          this.events.push(error instanceof Error ? `${outcome}: ${error.message}` : outcome)
        },
        unknownKey: (name) => {
          expect(name).toBe(issuer)
          this.events.push('unknown key')
        },
      },
      monotonicNow: () => this.time,
    })
  }

  publish(...keys: SigningKey[]): this {
    const findKey = createLocalJWKSet({ keys: keys.map((key) => ({ kty: '', ...toJwk(key) })) })
    this.#answer = async () => Promise.resolve({ issuer, findKey })
    for (const open of this.#open.splice(0)) open.resolve({ issuer, findKey })
    return this
  }

  goAway(): this {
    this.#answer = async () => Promise.reject(new Error('away'))
    for (const open of this.#open.splice(0)) open.reject(new Error('away'))
    return this
  }

  hang(): this {
    this.#answer = undefined
    return this
  }

  /** What became of a login: `in`, or the reason of the refusal. */
  async login(token = firstToken): Promise<string> {
    try {
      await verifyToken(token, tokenRules(this.cache), now)
      return 'in'
    } catch (error) {
      if (error instanceof Refusal) return error.reason
      throw error
    }
  }

  async loginAt(time: number, token = firstToken): Promise<string> {
    this.time = time
    return this.login(token)
  }
}

/** Lets everything happen that needs no answer from outside. */
async function settled(): Promise<void> {
  await new Promise(setImmediate)
}

/** Only for what verifies no signature: that happens on a thread, whose end `settled` does not await. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true
  const done = (): void => {
    pending = false
  }
  promise.then(done, done)
  await settled()
  return pending
}

describe('the first keys', () => {
  test('are fetched once for a hundred logins at the same time', async () => {
    const scene = new Scene().hang()
    const logins = Array.from({ length: 100 }, async () => scene.login())
    await settled()
    expect(scene.fetches).toBe(1)
    scene.publish(first)
    expect(new Set(await Promise.all(logins))).toEqual(new Set(['in']))
    expect(scene.fetches).toBe(1)
    expect(scene.events).toEqual(['ok'])
  })

  test('are not there before they are fetched', async () => {
    const scene = new Scene().publish(first)
    expect(scene.cache.issuer).toBe(issuer)
    expect(scene.cache.hasKeys).toBe(false)
    expect(scene.cache.clockAheadMs).toBeUndefined()
    await scene.cache.warm()
    expect(scene.cache.hasKeys).toBe(true)
    await expect(scene.login()).resolves.toBe('in')
    expect(scene.fetches).toBe(1)
  })

  test('are tried again a second after a failure, and not before', async () => {
    const scene = new Scene().goAway()
    await expect(scene.loginAt(0)).resolves.toBe('keys-unavailable')
    await expect(scene.loginAt(999)).resolves.toBe('keys-unavailable')
    expect(scene.fetches).toBe(1)
    await expect(scene.loginAt(1_000)).resolves.toBe('keys-unavailable')
    expect(scene.fetches).toBe(2)
    scene.publish(first)
    await expect(scene.loginAt(2_000)).resolves.toBe('in')
    expect(scene.events).toEqual(['failed: away', 'failed: away', 'ok'])
  })

  test('that cannot be fetched ahead are told to the observer and to the login, not thrown', async () => {
    const scene = new Scene().goAway()
    await expect(scene.cache.warm()).resolves.toBeUndefined()
    expect(scene.cache.hasKeys).toBe(false)
    const error: unknown = await scene.cache.current().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Refusal)
    expect(error).toMatchObject({
      reason: 'keys-unavailable',
      logDetail: `no keys of ${issuer}`,
      cause: new Error('away'),
    })
    expect(scene.events).toEqual(['failed: away'])
  })

  test('that do not come make every login wait that needs them', async () => {
    const scene = new Scene().hang()
    const logins = [scene.login(), scene.loginAt(10 * second)]
    await expect(isPending(scene.cache.current())).resolves.toBe(true)
    expect(scene.fetches).toBe(1)
    scene.goAway()
    await expect(Promise.all(logins)).resolves.toEqual(['keys-unavailable', 'keys-unavailable'])
  })
})

describe('keys that get old', () => {
  async function withKeys(): Promise<Scene> {
    const scene = new Scene().publish(first)
    await scene.cache.warm()
    return scene
  }

  test('are used for five minutes without another fetch', async () => {
    const scene = await withKeys()
    await expect(scene.loginAt(keyAges.refreshAfterMs)).resolves.toBe('in')
    expect(scene.fetches).toBe(1)
  })

  test('are refreshed in the background, while logins go on with them', async () => {
    const scene = await withKeys()
    scene.hang()
    await expect(scene.loginAt(5 * minute + 1)).resolves.toBe('in')
    await expect(scene.loginAt(50 * minute)).resolves.toBe('in')
    expect(scene.fetches).toBe(2)
    scene.publish(next)
    await settled()
    await expect(scene.login(nextToken)).resolves.toBe('in')
    expect(scene.fetches).toBe(2)
  })

  test('make a login wait once they are an hour old', async () => {
    const scene = await withKeys()
    scene.hang()
    scene.time = hour
    await expect(isPending(scene.cache.current())).resolves.toBe(false)
    scene.time = hour + 1
    await expect(isPending(scene.cache.current())).resolves.toBe(true)
    const logins = [scene.login(), scene.login(nextToken)]
    expect(scene.fetches).toBe(2)
    scene.publish(first, next)
    await expect(Promise.all(logins)).resolves.toEqual(['in', 'in'])
  })

  test('stay in use for a day while their issuer is away', async () => {
    const scene = await withKeys()
    scene.goAway()
    for (const time of [6 * minute, hour + 1, 12 * hour, 24 * hour]) {
      await expect(scene.loginAt(time)).resolves.toBe('in')
      await settled()
    }
    expect(scene.fetches).toBe(5)
    expect(scene.cache.hasKeys).toBe(true)
    await expect(scene.loginAt(24 * hour + 1)).resolves.toBe('keys-unavailable')
    expect(scene.cache.hasKeys).toBe(false)
    scene.publish(first)
    await expect(scene.loginAt(24 * hour + 2 * second)).resolves.toBe('in')
  })

  test.each([
    ['in the background', 6 * minute],
    ['while logins wait', 2 * hour],
  ])('are fetched at most every thirty seconds %s when their issuer is away', async (_, start) => {
    const scene = await withKeys()
    scene.goAway()
    for (let at = start; at < start + 60 * second; at += second) {
      await expect(scene.loginAt(at)).resolves.toBe('in')
      await settled()
    }
    expect(scene.fetches).toBe(1 + 2)
  })

  test('and the time that they took to come are counted from their arrival', async () => {
    const scene = new Scene().hang()
    const login = scene.login()
    await settled()
    scene.time = 10 * minute
    scene.publish(first)
    await expect(login).resolves.toBe('in')
    await expect(scene.loginAt(15 * minute)).resolves.toBe('in')
    expect(scene.fetches).toBe(1)
  })
})

describe('a key that is not in the set', () => {
  test('takes effect at once when the issuer has published it', async () => {
    const scene = new Scene().publish(first)
    await expect(scene.loginAt(0)).resolves.toBe('in')
    scene.publish(first, next)
    await expect(scene.loginAt(30 * second, nextToken)).resolves.toBe('in')
    await expect(scene.login()).resolves.toBe('in')
    expect(scene.events).toEqual(['ok', 'unknown key', 'ok'])
  })

  test('is refused after the refresh that withdrew it', async () => {
    const scene = new Scene().publish(first)
    await expect(scene.loginAt(0)).resolves.toBe('in')
    scene.publish(next)
    await expect(scene.loginAt(30 * second, nextToken)).resolves.toBe('in')
    await expect(scene.login()).resolves.toBe('token-unknown-key')
    expect(scene.fetches).toBe(2)
  })

  test('buys one fetch in thirty seconds', async () => {
    const scene = new Scene().publish(first)
    await scene.cache.warm()
    const fetches: number[] = []
    for (const time of [0, 29_999, 30_000, 30_001, 59_999, 60_000]) {
      await expect(scene.loginAt(time, nextToken)).resolves.toBe('token-unknown-key')
      fetches.push(scene.fetches)
    }
    expect(fetches).toEqual([1, 1, 2, 2, 2, 3])
  })

  test('buys no more when the fetch fails, and the known keys stay', async () => {
    const scene = new Scene().publish(first)
    await scene.cache.warm()
    scene.goAway()
    const fetches: number[] = []
    for (const time of [30_000, 30_001, 59_999, 60_000]) {
      await expect(scene.loginAt(time, nextToken)).resolves.toBe('token-unknown-key')
      await expect(scene.loginAt(time)).resolves.toBe('in')
      fetches.push(scene.fetches)
    }
    expect(fetches).toEqual([2, 2, 2, 3])
  })

  test.each([
    ['fresh', 0],
    ['between thirty seconds and five minutes old', 2 * minute],
    ['more than five minutes old', 10 * minute],
    ['more than an hour old', 2 * hour],
  ])('and two hundred like it in ten seconds buy one fetch of keys that are %s', async (_, age) => {
    const scene = new Scene().publish(first)
    await scene.cache.warm()
    for (let i = 0; i < 200; i += 1) {
      const token = makeToken(next, {}, { kid: `made-up-${i}` })
      await expect(scene.loginAt(age + i * 50, token)).resolves.toBe('token-unknown-key')
    }
    expect(scene.fetches).toBeLessThanOrEqual(2)
    expect(scene.events.filter((event) => event === 'unknown key')).toHaveLength(200)
  })

  test('and two hundred like it at the same time buy one fetch', async () => {
    const scene = new Scene().publish(first)
    await scene.cache.warm()
    scene.time = minute
    const logins = Array.from({ length: 200 }, async (_, i) =>
      scene.login(makeToken(next, {}, { kid: `made-up-${i}` })),
    )
    expect(new Set(await Promise.all(logins))).toEqual(new Set(['token-unknown-key']))
    expect(scene.fetches).toBe(2)
  })

  test('waits for the issuer, and nobody else does', async () => {
    const scene = new Scene().publish(first)
    await scene.cache.warm()
    scene.hang()
    const waiting = [scene.loginAt(minute, nextToken), scene.login(nextToken)]
    await expect(isPending(Promise.race(waiting))).resolves.toBe(true)
    await expect(scene.login()).resolves.toBe('in')
    expect(scene.fetches).toBe(2)
    scene.publish(first, next)
    await expect(Promise.all(waiting)).resolves.toEqual(['in', 'in'])
  })

  test('is not one that fits twice: nothing is fetched, and no key id is counted as unknown', async () => {
    const scene = new Scene().publish(signingKey(undefined), signingKey(undefined))
    await scene.cache.warm()
    const token = makeToken(signingKey(undefined))
    await expect(scene.loginAt(minute, token)).resolves.toBe('token-unknown-key')
    expect(scene.events).toEqual(['ok'])
  })

  test('is not looked for again because a signature is wrong', async () => {
    const scene = new Scene().publish(first)
    await scene.cache.warm()
    const forged = makeToken(signingKey('first'))
    await expect(scene.loginAt(minute, forged)).resolves.toBe('token-signature')
    expect(scene.events).toEqual(['ok'])
  })
})

describe('a wall clock that steps', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test.each([
    ['back by a year', '2025-03-01'],
    ['ahead by a year', '2027-03-01'],
  ])('%s makes no key older or younger', async (_, then) => {
    vi.useFakeTimers({ toFake: ['Date'], now })
    let fetches = 0
    const findKey = createLocalJWKSet({ keys: [{ kty: '', ...toJwk(first) }] })
    const cache = new KeyCache({
      issuer,
      fetch: async () => {
        fetches++
        return Promise.resolve({ issuer, findKey })
      },
      observer: { keysRefreshed() {}, unknownKey() {} },
    })
    await cache.warm()
    vi.setSystemTime(new Date(then))
    // Neither discarded nor due, and a refresh that is asked for is not put off until the clock is back.
    expect(cache.hasKeys).toBe(true)
    await verifyToken(firstToken, tokenRules(cache), now)
    expect(fetches).toBe(1)
    await cache.warm()
    expect(fetches).toBe(2)
  })
})

describe('what a cache shows', () => {
  test('is the names of its keys, and how long they are believed', async () => {
    const scene = new Scene().publish(first, next)
    expect(scene.cache.state).toEqual({
      issuer,
      ageMs: undefined,
      believedForMs: undefined,
      keys: [],
      triedMs: undefined,
      failure: undefined,
      clockAheadMs: undefined,
    })
    await scene.cache.warm()
    scene.time += minute
    const { ageMs, believedForMs, keys } = scene.cache.state
    expect({ ageMs, believedForMs }).toEqual({ ageMs: minute, believedForMs: 24 * hour - minute })
    expect(keys.map(({ kid }) => kid)).toEqual(['first', 'next'])
    expect(Object.keys(keys[0]!)).toEqual(['kid', 'kty', 'alg', 'use'])
    scene.time += 24 * hour
    expect(scene.cache.state.keys).toEqual([])
  })

  test('is when they were last asked for, and what was wrong as long as it is', async () => {
    const scene = new Scene().publish(first)
    await scene.cache.warm()
    expect(scene.cache.state).toMatchObject({ triedMs: 0, failure: undefined })
    scene.goAway()
    scene.time += minute
    await scene.cache.warm()
    scene.time += second
    expect(scene.cache.state).toMatchObject({
      ...{ ageMs: minute + second, triedMs: second, failure: 'away' },
    })
    scene.publish(first)
    await scene.cache.warm()
    expect(scene.cache.state).toMatchObject({ ageMs: 0, triedMs: 0, failure: undefined })
  })

  test('is what a failure came from, on one line and held to a length', async () => {
    const cause = new Error(`connect\nECONNREFUSED ${'x'.repeat(1_000)}`)
    const fetch = [new Error('fetch failed', { cause }), 'no error']
    const cache = new KeyCache({
      issuer,
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what others throw need not be one
      fetch: async () => Promise.reject(fetch.shift()),
      observer: { keysRefreshed() {}, unknownKey() {} },
    })
    await cache.warm()
    expect(cache.state.failure).toMatch(/^fetch failed: connect\?ECONNREFUSED x+\.\.\.$/)
    await cache.warm()
    expect(cache.state.failure).toBe('failed')
  })

  test('is by how much the clock of the provider is ahead', async () => {
    const findKey = createLocalJWKSet({ keys: [] })
    const cache = new KeyCache({
      issuer,
      fetch: async () => Promise.resolve({ issuer, findKey, clockAheadMs: 5_000 }),
      observer: { keysRefreshed() {}, unknownKey() {} },
    })
    await cache.warm()
    expect(cache.state.clockAheadMs).toBe(5_000)
  })
})
