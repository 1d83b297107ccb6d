import { beforeEach, expect, test } from 'vitest'
import type { Grant } from '../../../src/credentials/grant.ts'
import { CredentialProblem } from '../../../src/credentials/problem.ts'
import type { TokenSource } from '../../../src/credentials/source.ts'
import { type KeeperOptions, TokenKeeper } from '../../../src/credentials/token-keeper.ts'
import { Clock, FakeDisk, FakeSource, FakeStore, person } from '../../support/fake-credentials.ts'

const hour = 3_600_000
const minute = 60_000

let clock: Clock
let source: FakeSource
let disk: FakeDisk
let warnings: string[]

beforeEach(() => {
  clock = new Clock()
  source = new FakeSource(clock)
  disk = new FakeDisk()
  warnings = []
})

/** As a process of its own would have it. */
function keeper(options: Partial<KeeperOptions> = {}): TokenKeeper {
  return new TokenKeeper({
    source,
    store: new FakeStore(disk),
    exchange: undefined,
    now: clock.now,
    onWarning: ({ message }) => warnings.push(message),
    ...options,
  })
}

async function signedIn(): Promise<TokenKeeper> {
  const one = keeper()
  await one.signIn(person, AbortSignal.timeout(1_000))
  source.calls.length = 0
  return one
}

test('a kept token is given out, whichever process asks', async () => {
  await signedIn()
  expect((await keeper().token()).token).toBe('t1')
  expect(source.calls).toEqual([])
})

test.each([
  ['an hour: five minutes ahead', hour, hour - 5 * minute],
  ['five minutes: when a third is left', 5 * minute, (5 * minute * 2) / 3],
  ['fifteen seconds: when a third is left', 15_000, 10_000],
])('a token of %s, another one is asked for', async (_, lifeMs, dueMs) => {
  source.lifeMs = lifeMs
  await signedIn()
  clock.pass(dueMs)
  expect((await keeper().token()).token).toBe('t1')
  clock.pass(1)
  expect((await keeper().token()).token).toBe('t2')
  expect(source.calls).toEqual(['refresh r1'])
})

test.each([
  ['what is asked for', 20 * minute, 40 * minute],
  ['no more than half of its life', 2 * hour, 30 * minute],
])('a token is good for %s', async (_, minimumMs, dueMs) => {
  await signedIn()
  clock.pass(dueMs)
  expect((await keeper().token({ minimumMs })).token).toBe('t1')
  clock.pass(1)
  expect((await keeper().token({ minimumMs })).token).toBe('t2')
})

test('a new one is asked for where that is wanted, and kept', async () => {
  await signedIn()
  expect((await keeper().token({ isNew: true })).token).toBe('t2')
  expect((await keeper().token()).token).toBe('t2')
})

test('any number of calls and processes make one refresh', async () => {
  await signedIn()
  clock.pass(2 * hour)
  const keepers = [keeper(), keeper(), keeper()]
  const tokens = await Promise.all(
    Array.from({ length: 30 }, async (_, index) => keepers[index % 3]!.token()),
  )
  expect(new Set(tokens.map(({ token }) => token))).toEqual(new Set(['t2']))
  expect(source.calls).toEqual(['refresh r1'])
})

test('nobody waits for a refresh while the token is good still', async () => {
  const one = await signedIn()
  clock.pass(hour - minute)
  const gate = Promise.withResolvers<undefined>()
  source.gate = gate.promise.then(() => {})
  const first = one.token()
  await expect.poll(() => source.calls.length).toBe(1)
  expect((await one.token()).token).toBe('t1')
  expect((await keeper().token()).token).toBe('t1')
  clock.pass(minute - 1_000)
  const late = keeper().token()
  gate.resolve(undefined)
  expect((await first).token).toBe('t2')
  expect((await late).token).toBe('t2')
})

test('who gives up does not take the token from the others', async () => {
  const one = await signedIn()
  clock.pass(2 * hour)
  const gate = Promise.withResolvers<undefined>()
  source.gate = gate.promise.then(() => {})
  const impatient = new AbortController()
  const calls = [one.token({ signal: impatient.signal }), one.token()] as const
  await expect.poll(() => source.calls.length).toBe(1)
  impatient.abort(new Error('enough'))
  await expect(calls[0]).rejects.toThrow('enough')
  gate.resolve(undefined)
  expect((await calls[1]).token).toBe('t2')
})

test('a call that nobody waits for any more ends, and the next begins anew', async () => {
  const one = keeper()
  source.gate = new Promise(() => {})
  const impatient = new AbortController()
  const call = one.token({ signal: impatient.signal, interaction: person })
  await expect.poll(() => source.calls).toEqual(['ask'])
  impatient.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
  source.gate = undefined
  expect((await one.token({ interaction: person })).token).toBe('t1')
})

test('a refresh that nobody waits for any more goes on: its answer has the next refresh token', async () => {
  const one = await signedIn()
  clock.pass(2 * hour)
  const gate = Promise.withResolvers<undefined>()
  source.gate = gate.promise.then(() => {})
  const impatient = new AbortController()
  const call = one.token({ signal: impatient.signal })
  await expect.poll(() => source.calls).toEqual(['refresh r1'])
  impatient.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
  gate.resolve(undefined)
  await expect.poll(() => disk.kept?.grant.refreshToken).toBe('r2')
})

test('without a network the token is used until it expires, and not every call asks', async () => {
  await signedIn()
  source.problem = 'unreachable'
  clock.pass(hour - 4 * minute)
  expect((await keeper().token()).token).toBe('t1')
  expect((await keeper().token()).token).toBe('t1')
  expect(source.calls).toEqual(['refresh r1'])
  expect(warnings).toEqual(['it did not work'])
  clock.pass(10_000)
  expect((await keeper().token()).token).toBe('t1')
  expect(source.calls).toHaveLength(2)
  clock.pass(4 * minute - 10_001)
  expect((await keeper().token()).token).toBe('t1')
  clock.pass(1)
  await expect(keeper().token()).rejects.toMatchObject({ kind: 'unreachable' })
  source.problem = undefined
  expect((await keeper().token()).token).toBe('t2')
})

test('who does not get a turn uses the token until it expires', async () => {
  await signedIn()
  const store = new FakeStore(disk)
  store.exclusively = async () => Promise.reject(new CredentialProblem('unreachable', 'no turn'))
  clock.pass(hour - minute)
  const one = keeper({ store })
  for (let count = 0; count < 2; count++) expect((await one.token()).token).toBe('t1')
  expect(warnings).toEqual(['no turn', 'no turn'])
  clock.pass(minute)
  await expect(keeper({ store }).token()).rejects.toThrow('no turn')
})

test('one process that gets nothing does not ask for every connection', async () => {
  const one = await signedIn()
  source.problem = 'unreachable'
  clock.pass(2 * hour)
  for (let count = 0; count < 5; count++) {
    await expect(one.token()).rejects.toMatchObject({ kind: 'unreachable' })
  }
  expect(source.calls).toHaveLength(1)
  clock.pass(1_000)
  await expect(one.token()).rejects.toMatchObject({ kind: 'unreachable' })
  expect(source.calls).toHaveLength(2)
})

test('a refusal is told, however good the old token still is', async () => {
  await signedIn()
  source.problem = 'refused'
  clock.pass(hour - 4 * minute)
  await expect(keeper().token()).rejects.toMatchObject({ kind: 'refused' })
})

test('a new one that is not to be had is not replaced by an old one', async () => {
  await signedIn()
  source.problem = 'unreachable'
  await expect(keeper().token({ isNew: true })).rejects.toMatchObject({ kind: 'unreachable' })
})

test('a refresh token that is of no use any more is tried once', async () => {
  await signedIn()
  source.good = 'another'
  clock.pass(hour - 4 * minute)
  expect((await keeper().token()).token).toBe('t1')
  clock.pass(minute)
  expect((await keeper().token()).token).toBe('t1')
  expect(source.calls).toEqual(['refresh r1', 'obtain', 'refresh nothing', 'obtain'])
  clock.pass(hour)
  await expect(keeper().token()).rejects.toMatchObject({ kind: 'sign-in-needed' })
})

test('somebody is asked where the refresh token is of no use, once for all processes', async () => {
  await signedIn()
  source.good = undefined
  clock.pass(2 * hour)
  const calls = [keeper(), keeper()].map(async (one) => one.token({ interaction: person }))
  expect((await Promise.all(calls)).map(({ token }) => token)).toEqual(['t2', 't2'])
  expect(source.calls.filter((call) => call === 'ask')).toHaveLength(1)
})

test('nobody is asked while the token does', async () => {
  await signedIn()
  source.good = undefined
  clock.pass(hour - 4 * minute)
  expect((await keeper().token({ interaction: person })).token).toBe('t1')
  expect(source.calls).not.toContain('ask')
  clock.pass(4 * minute - 1_000)
  expect((await keeper().token({ interaction: person })).token).toBe('t2')
})

test('nobody waits for a person who is asked by somebody else', async () => {
  await signedIn()
  source.good = undefined
  clock.pass(2 * hour)
  const thinking = Promise.withResolvers<undefined>()
  source.thinking = thinking.promise.then(() => {})
  const asked = keeper().token({ interaction: person })
  await expect.poll(() => source.calls).toContain('ask')
  await expect(keeper().token()).rejects.toMatchObject({ kind: 'sign-in-needed' })
  thinking.resolve(undefined)
  expect((await asked).token).toBe('t2')
})

test('what needs nobody is obtained anew', async () => {
  source.needsPerson = false
  expect((await keeper().token()).token).toBe('t1')
  clock.pass(2 * hour)
  expect((await keeper().token()).token).toBe('t2')
})

test('without a sign-in there is none', async () => {
  await expect(keeper().token()).rejects.toMatchObject({ kind: 'sign-in-needed' })
  expect((await keeper().token({ interaction: person })).token).toBe('t1')
})

test('a refresh token stays where the provider gives no other', async () => {
  await signedIn()
  const plain: TokenSource = {
    needsPerson: true,
    obtain: source.obtain.bind(source),
    revoke: source.revoke.bind(source),
    refresh: async (last: Grant, signal: AbortSignal) => {
      const next = await source.refresh(last, signal)
      return next && { ...next, refreshToken: undefined }
    },
  }
  await keeper({ source: plain }).token({ isNew: true })
  expect(disk.kept?.grant).toMatchObject({ token: 't2', refreshToken: 'r1' })
})

test('a token that cannot be written is given out, used again, and written when that is possible', async () => {
  await signedIn()
  disk.isFull = true
  const one = keeper()
  clock.pass(2 * hour)
  expect((await one.token()).token).toBe('t2')
  expect(warnings).toEqual(['the disk is full'])
  expect((await one.token()).token).toBe('t2')
  expect(source.calls).toEqual(['refresh r1'])
  disk.isFull = false
  clock.pass(2 * hour)
  expect((await one.token()).token).toBe('t3')
  expect(source.calls).toEqual(['refresh r1', 'refresh r2'])
  expect(disk.kept?.grant.refreshToken).toBe('r3')
})

test('what another process has written counts for more than what could not be', async () => {
  await signedIn()
  disk.isFull = true
  const one = keeper()
  await one.token({ isNew: true })
  disk.isFull = false
  const other = keeper()
  await other.signIn(person, AbortSignal.timeout(1_000))
  expect((await one.token()).token).toBe('t3')
})

test('a token from the future, kept before the clock was set back, is not used again', async () => {
  await signedIn()
  clock.pass(-2 * minute)
  expect((await keeper().token()).token).toBe('t2')
  expect((await keeper().token()).token).toBe('t2')
  clock.pass(-30_000)
  expect((await keeper().token()).token).toBe('t2')
})

test('a machine whose clock is behind gets tokens, and asks no more often than others', async () => {
  const behind = new Clock()
  behind.pass(-hour)
  const one = keeper({ now: behind.now })
  await one.signIn(person, AbortSignal.timeout(1_000))
  expect((await one.token()).token).toBe('t1')
  behind.pass(hour - 5 * minute - 1)
  clock.pass(hour - 5 * minute - 1)
  expect((await one.token()).token).toBe('t1')
  behind.pass(2)
  expect((await one.token()).token).toBe('t2')
})

test('a token that comes expired is not given out; a clock may be wrong', async () => {
  source.needsPerson = false
  const ahead = new Clock()
  ahead.pass(2 * hour)
  await expect(keeper({ now: ahead.now }).token()).rejects.toMatchObject({
    kind: 'failed',
    hint: expect.stringContaining('clock') as string,
  })
})

test('one that comes late in its life is given out, and asked for again after a pause', async () => {
  source.needsPerson = false
  const grant = { token: 'same', issuedAt: clock.ms, expiresAt: clock.ms + hour }
  const same: TokenSource = {
    needsPerson: false,
    refresh: async () => Promise.resolve(undefined),
    revoke: async () => {},
    obtain: async () => {
      source.calls.push('obtain')
      return Promise.resolve(grant)
    },
  }
  clock.pass(hour - minute)
  for (let count = 0; count < 3; count++) {
    expect((await keeper({ source: same }).token()).token).toBe('same')
  }
  expect(source.calls).toEqual(['obtain'])
  clock.pass(10_000)
  await keeper({ source: same }).token()
  expect(source.calls).toHaveLength(2)
})

test('signing out forgets, and tells the provider', async () => {
  const one = await signedIn()
  expect(await one.signOut(AbortSignal.timeout(1_000))).toBe(true)
  expect(source.calls).toEqual(['revoke t1'])
  expect(disk.kept).toBeUndefined()
  expect(await one.signOut(AbortSignal.timeout(1_000))).toBe(false)
  await expect(one.token()).rejects.toMatchObject({ kind: 'sign-in-needed' })
})

test('signing out works where the provider is not to be reached', async () => {
  const one = keeper({
    source: {
      needsPerson: true,
      refresh: async () => Promise.resolve(undefined),
      obtain: async () => source.obtain(person, AbortSignal.timeout(1_000)),
      revoke: async () => Promise.reject(new CredentialProblem('unreachable', 'no network')),
    },
  })
  await one.signIn(person, AbortSignal.timeout(1_000))
  expect(await one.signOut(AbortSignal.timeout(1_000))).toBe(true)
  expect(warnings).toEqual(['no network'])
})

// The tokens of the gateway.

let exchanges: string[]
let exchangeProblem: CredentialProblem | undefined
let sessionMs: number

beforeEach(() => {
  exchanges = []
  exchangeProblem = undefined
  sessionMs = 15 * minute
})

function sessionKeeper(): TokenKeeper {
  return keeper({
    session: true,
    exchange: async ({ token, expiresAt }) => {
      exchanges.push(token)
      if (exchangeProblem !== undefined) throw exchangeProblem
      const issuedAt = clock.now()
      return Promise.resolve({
        token: `s${exchanges.length}-${token}`,
        issuedAt,
        expiresAt: Math.min(issuedAt + sessionMs, expiresAt),
      })
    },
  })
}

test('a session token is exchanged once, and again from the same token while that is good', async () => {
  await signedIn()
  expect((await sessionKeeper().token()).token).toBe('s1-t1')
  expect((await sessionKeeper().token()).token).toBe('s1-t1')
  clock.pass(11 * minute)
  expect((await sessionKeeper().token()).token).toBe('s2-t1')
  expect(source.calls).toEqual([])
  clock.pass(hour - 14 * minute)
  expect((await sessionKeeper().token()).token).toBe('s3-t2')
  expect(source.calls).toEqual(['refresh r1'])
})

test('the token of the provider is there for who wants that, and the other way round', async () => {
  await signedIn()
  expect((await sessionKeeper().token({ session: false })).token).toBe('t1')
  await expect(keeper().token({ session: true })).rejects.toMatchObject({ kind: 'configuration' })
  const given = keeper({ exchange: 'given', session: true })
  expect((await given.token({ session: true })).token).toBe('t1')
  expect((await given.token()).token).toBe('t1')
  await expect(given.token({ session: false })).rejects.toMatchObject({ kind: 'configuration' })
})

test('a session token is used until it expires while the gateway is not to be reached', async () => {
  await signedIn()
  await sessionKeeper().token()
  exchangeProblem = new CredentialProblem('unreachable', 'no gateway')
  clock.pass(12 * minute)
  expect((await sessionKeeper().token()).token).toBe('s1-t1')
  expect((await sessionKeeper().token()).token).toBe('s1-t1')
  expect(exchanges).toHaveLength(2)
  clock.pass(3 * minute)
  await expect(sessionKeeper().token()).rejects.toMatchObject({ kind: 'unreachable' })
})

test('without a provider the token that is left is exchanged as long as it is good', async () => {
  await signedIn()
  source.problem = 'unreachable'
  clock.pass(hour - 4 * minute)
  expect((await sessionKeeper().token()).token).toBe('s1-t1')
})

test('who signs in anew does not get the session token of who was there before', async () => {
  await signedIn()
  await sessionKeeper().token()
  await sessionKeeper().signIn(person, AbortSignal.timeout(1_000))
  expect((await sessionKeeper().token()).token).toBe('s2-t2')
})

test('a new session token is of a new token', async () => {
  await signedIn()
  await sessionKeeper().token()
  expect((await sessionKeeper().token({ isNew: true })).token).toBe('s2-t2')
})

test('a rotated refresh token is written before the exchange is tried', async () => {
  await signedIn()
  clock.pass(2 * hour)
  exchangeProblem = new CredentialProblem('refused', 'no')
  await expect(sessionKeeper().token()).rejects.toMatchObject({ kind: 'refused' })
  expect(disk.kept?.grant.refreshToken).toBe('r2')
})

test('tokens are kept fresh until that is ended', async () => {
  const one = await signedIn()
  clock.pass(hour - minute)
  one.keepFresh()
  one.keepFresh()
  await expect.poll(() => disk.kept?.grant.token).toBe('t2')
  one.close()
  expect(source.calls).toEqual(['refresh r1'])
})
