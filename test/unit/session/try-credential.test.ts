import { describe, expect, test } from 'vitest'
import { type Reason, reasons, Refusal } from '../../../src/refusal.ts'
import type { TokenVerifier } from '../../../src/session/admit-token.ts'
import type { Admission } from '../../../src/session/attempt.ts'
import { type Ledger, LocalLedger } from '../../../src/session/ledger.ts'
import type { SessionFacts } from '../../../src/session/observer.ts'
import type { Guess, TrialOutcome, Verdict } from '../../../src/session/throttle.ts'
import { guessOf, throttleTokens, tryCredential } from '../../../src/session/try-credential.ts'

const key = Buffer.alloc(32, 1)
const both = { throttled: new Set(['password', 'opaque-token'] as const) }
const none = { throttled: new Set<never>() }
const now = new Date()
const guess: Guess = { address: 'a', kind: 'password', user: 'alice', digest: 7 }

/** A ledger that says one thing, and notes what it is told. */
function saying(verdict: Verdict | Error): Ledger & { told: TrialOutcome[]; asked: Guess[] } {
  const told: TrialOutcome[] = []
  const asked: Guess[] = []
  return {
    told,
    asked,
    reserve: async () => Promise.reject(new Error('not asked')),
    tryCredential: (one) => {
      asked.push(one)
      return {
        verdict: verdict instanceof Error ? Promise.reject(verdict) : Promise.resolve(verdict),
        settle: (outcome) => told.push(outcome),
      }
    },
  }
}

async function reasonOf(action: Promise<unknown>): Promise<Refusal> {
  const error = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof Refusal) return error
  throw new Error('nothing was refused')
}

function facts(address = '192.0.2.1'): SessionFacts {
  return {
    id: 'one',
    openedAt: now,
    peer: { address, port: 1 },
    listener: { address: '127.0.0.1', port: 5432 },
  }
}

function admission(password: string, role = 'alice'): Admission {
  return { kind: 'password', role, password } as Admission
}

describe('a credential that is tried', () => {
  test.each<[Reason, TrialOutcome]>([
    ['wrong-password', 'failed'],
    ['upstream-authentication', 'failed'],
    ['token-inactive', 'failed'],
    ['upstream-refused', 'neither'],
    ['upstream-unreachable', 'neither'],
    ['introspection-unavailable', 'neither'],
    ['token-expired', 'neither'],
    ['session-limit', 'neither'],
  ])('and refused as %s is told as %s', async (reason, outcome) => {
    const ledger = saying({ kind: 'admitted' })
    const work = async (): Promise<void> => Promise.reject(new Refusal(reason))
    const tried = tryCredential({ ledger, credentialKey: key }, guess, work)
    expect((await reasonOf(tried)).reason).toBe(reason)
    expect(ledger.told).toEqual([outcome])
  })

  test('and let in is told as right, and one that a bug ended as neither', async () => {
    const ledger = saying({ kind: 'admitted' })
    const services = { ledger, credentialKey: key }
    expect(await tryCredential(services, guess, async () => Promise.resolve('in'))).toBe('in')
    const bug = async (): Promise<void> => Promise.reject(new Error('a bug'))
    await expect(tryCredential(services, guess, bug)).rejects.toThrow('a bug')
    expect(ledger.told).toEqual(['passed', 'neither'])
  })

  test.each<[string, Verdict | Error, Reason]>([
    ['too early', { kind: 'throttled', retryMs: 1_001 }, 'throttled'],
    ['while nobody counts', new Error('no answer'), 'limits-unavailable'],
  ])('%s is not looked at', async (_, verdict, reason) => {
    const ledger = saying(verdict)
    let isLookedAt = false
    const tried = tryCredential({ ledger, credentialKey: key }, guess, async () => {
      isLookedAt = true
      return Promise.resolve()
    })
    const refusal = await reasonOf(tried)
    expect([refusal.reason, isLookedAt]).toEqual([reason, false])
    expect(ledger.told).toEqual(['neither'])
    if (reason === 'throttled') {
      expect(refusal.messageFor({})).toBe('too many failed authentication attempts; retry in 2 s')
    }
  })

  test('and is no guess is asked about nowhere', async () => {
    const ledger = saying(new Error('asked'))
    const services = { ledger, credentialKey: key }
    expect(await tryCredential(services, undefined, async () => Promise.resolve(1))).toBe(1)
    expect(ledger.asked).toEqual([])
  })

  test('counts no refusal but those by which a guesser learns that it was wrong', async () => {
    const counted: string[] = []
    for (const reason of Object.keys(reasons) as Reason[]) {
      const ledger = saying({ kind: 'admitted' })
      const work = async (): Promise<void> => Promise.reject(new Refusal(reason))
      await reasonOf(tryCredential({ ledger, credentialKey: key }, guess, work))
      if (ledger.told[0] === 'failed') counted.push(reason)
    }
    expect(counted.toSorted()).toEqual([
      'token-inactive',
      'upstream-authentication',
      'wrong-password',
    ])
  })
})

describe('the guess of a password', () => {
  const of = (one: Admission, address?: string): Guess | undefined =>
    guessOf(facts(address), one, both, key)

  test('is of its address, its user and itself', () => {
    expect(of(admission('a'))).toMatchObject({
      address: 'c0000201',
      kind: 'password',
      user: 'alice',
    })
    expect(of(admission('a'))).toEqual(of(admission('a')))
    expect(of(admission('a'))?.digest).not.toBe(of(admission('b'))?.digest)
    expect(of(admission('a'))?.digest).not.toBe(of(admission('a', 'bob'))?.digest)
  })

  test('has no digest where it is relayed, and is none with a token', () => {
    expect(of({ kind: 'relay', role: 'alice' } as Admission)?.digest).toBeUndefined()
    expect(of({ kind: 'token', role: 'alice' } as Admission)).toBeUndefined()
  })

  test.each<[string, string, string]>([
    ['by case', 'Alice', 'aLICE'],
    ['by their Unicode form', 'ä', 'a\u0308'],
    ['behind what PostgreSQL keeps of a name', `${'a'.repeat(63)}1`, `${'a'.repeat(63)}2`],
  ])('is of one user, where users differ %s', (_, one, other) => {
    expect(of(admission('a', one))?.user).toBe(of(admission('a', other))?.user)
  })

  test('is of another user, where they differ in the last byte that PostgreSQL keeps', () => {
    const long = 'a'.repeat(62)
    expect(of(admission('a', `${long}1`))?.user).not.toBe(of(admission('a', `${long}2`))?.user)
  })

  test('is of one address on all Unix sockets, and in an IPv6 network', () => {
    expect(of(admission('a'), 'unix')?.address).toBe('unix')
    expect(of(admission('a'), '2001:db8::1')?.address).toBe(
      of(admission('a'), '2001:db8::2')?.address,
    )
  })

  test('is told by 32 bits that another key makes others of', () => {
    const digests = [key, Buffer.alloc(32, 2)].map(
      (its) => guessOf(facts(), admission('a'), both, its)?.digest,
    )
    expect(digests[0]).not.toBe(digests[1])
    for (const digest of digests) expect(digest).toBe(digest! | 0)
  })

  test('is none where passwords are not throttled', () => {
    expect(guessOf(facts(), admission('a'), none, key)).toBeUndefined()
    const others = { throttled: new Set(['opaque-token'] as const) }
    expect(guessOf(facts(), admission('a'), others, key)).toBeUndefined()
  })
})

describe('the tokens that a provider is asked about', () => {
  const refused = async (): Promise<never> => Promise.reject(new Refusal('token-inactive'))
  const verifier: TokenVerifier = { verify: refused, introspected: { verify: refused } }
  const tokens = new Map([
    ['asking', verifier],
    ['others', verifier],
    ['not asking', { verify: refused }],
  ])

  test('are throttled by address and integration, whatever the user, and the same one counts once', async () => {
    let nowMs = 0
    const services = { ledger: new LocalLedger(() => nowMs), credentialKey: key }
    const throttled = throttleTokens(tokens, facts(), both, services)
    const ask = async (token: string, integration = 'asking'): Promise<Reason> =>
      (await reasonOf(throttled.get(integration)!.introspected!.verify(token, now))).reason
    for (let i = 0; i < 3; i++) {
      expect(await ask('one')).toBe('token-inactive')
      expect(await ask('one')).toBe('throttled')
      nowMs += 1_000
    }
    expect(await ask('two')).toBe('token-inactive')
    nowMs += 1_999
    expect(await ask('three')).toBe('throttled')
    expect(await ask('three', 'others')).toBe('token-inactive')
    const other = throttleTokens(tokens, facts('192.0.2.2'), both, services)
    const elsewhere = other.get('asking')!.introspected!.verify('three', now)
    expect((await reasonOf(elsewhere)).reason).toBe('token-inactive')
    nowMs += 1
    expect(await ask('three')).toBe('token-inactive')
  })

  test('are others than those that are verified by their signature', async () => {
    const ledger = saying(new Error('asked'))
    const throttled = throttleTokens(tokens, facts(), both, { ledger, credentialKey: key })
    for (const name of ['asking', 'not asking']) {
      const verified = throttled.get(name)!.verify('token', now)
      expect((await reasonOf(verified)).reason).toBe('token-inactive')
    }
    expect(throttled.get('not asking')!.introspected).toBeUndefined()
    expect(throttled.get('unknown')).toBeUndefined()
    expect(ledger.asked).toEqual([])
  })

  test('are as they are where they are not throttled', () => {
    const ledger = saying(new Error('asked'))
    const others = { throttled: new Set(['password'] as const) }
    expect(throttleTokens(tokens, facts(), others, { ledger, credentialKey: key })).toBe(tokens)
  })
})
