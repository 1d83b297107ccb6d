import { describe, expect, test } from 'vitest'
import {
  type Guess,
  maxAtOnce,
  maxRemembered,
  maxUsersOfAddress,
  maxWaitingOfAddress,
  Throttle,
  type Trial,
  type TrialOutcome,
  type Verdict,
} from '../../../src/session/throttle.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** A throttle with a clock that stands still until it is moved. */
class Gatekeeper {
  readonly throttle = new Throttle()
  nowMs = 0
  #digest = 0

  guess(changes: Partial<Guess> = {}): Guess {
    return { address: 'a', kind: 'password', user: 'alice', digest: ++this.#digest, ...changes }
  }

  begin(changes: Partial<Guess> = {}): Attempt {
    return new Attempt(this, this.guess(changes))
  }

  /** One try after the other: what it is answered, or `failed`. */
  fail(changes: Partial<Guess> = {}): string {
    return this.#try('failed', changes)
  }

  pass(changes: Partial<Guess> = {}): string {
    return this.#try('passed', changes)
  }

  #try(outcome: TrialOutcome, changes: Partial<Guess>): string {
    const attempt = this.begin(changes)
    if (attempt.answer === 'admitted') {
      attempt.settle(outcome)
      return outcome
    }
    return attempt.answer
  }
}

class Attempt {
  readonly #keeper: Gatekeeper
  readonly #trial: Trial
  #verdict: Verdict | undefined

  constructor(keeper: Gatekeeper, guess: Guess) {
    this.#keeper = keeper
    this.#trial = keeper.throttle.begin(guess, keeper.nowMs, (verdict) => {
      if (this.#verdict !== undefined) throw new Error('answered twice')
      this.#verdict = verdict
    })
  }

  get answer(): string {
    if (this.#verdict === undefined) return 'waits'
    return this.#verdict.kind === 'admitted' ? 'admitted' : `retry in ${this.#verdict.retryMs}`
  }

  settle(outcome: TrialOutcome): void {
    this.#trial.settle(outcome, this.#keeper.nowMs)
  }
}

describe('the delay after a wrong credential', () => {
  test('is a second, and doubles with each further one up to an hour', () => {
    const keeper = new Gatekeeper()
    const delays = Array.from({ length: 15 }, () => {
      expect(keeper.fail()).toBe('failed')
      const before = keeper.nowMs
      while (keeper.fail() !== 'failed') {
        const [, retryMs] = /retry in (\d+)/.exec(keeper.fail()) ?? []
        keeper.nowMs += Number(retryMs)
        const delayMs = keeper.nowMs - before
        return delayMs / 1_000
      }
      return undefined
    })
    expect(delays).toEqual([
      1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_600, 3_600, 3_600,
    ])
  })

  test('lasts to its last millisecond and no longer', () => {
    const keeper = new Gatekeeper()
    keeper.fail()
    keeper.nowMs = 999
    expect(keeper.fail()).toBe('retry in 1')
    keeper.nowMs = 1_000
    expect(keeper.fail()).toBe('failed')
  })

  test('leaves 12 guesses in an hour and 35 in a day, of somebody who tries each second', () => {
    const keeper = new Gatekeeper()
    const guessedAt: number[] = []
    for (; keeper.nowMs < 2 * dayMs; keeper.nowMs += 1_000) {
      if (keeper.fail() === 'failed') guessedAt.push(keeper.nowMs)
    }
    expect(mostWithin(guessedAt, hourMs)).toBe(12)
    expect(mostWithin(guessedAt, dayMs)).toBe(35)
  })

  test('is the same answer for the right credential as for a wrong one', () => {
    const keeper = new Gatekeeper()
    keeper.fail()
    expect(keeper.pass()).toBe(keeper.fail())
    keeper.nowMs = 1_000
    expect(keeper.pass()).toBe('passed')
  })

  test('is lifted by the right one, and begins anew', () => {
    const keeper = new Gatekeeper()
    for (const delayMs of [1_000, 2_000, 4_000]) {
      keeper.fail()
      keeper.nowMs += delayMs
    }
    keeper.pass()
    expect(keeper.throttle.remembered).toBe(0)
    keeper.fail()
    expect(keeper.fail()).toBe('retry in 1000')
  })

  test('is not begun or lifted by what shows nothing of the credential', () => {
    const keeper = new Gatekeeper()
    keeper.begin().settle('neither')
    expect(keeper.throttle.remembered).toBe(0)
    keeper.fail()
    keeper.nowMs = 1_000
    keeper.begin().settle('neither')
    keeper.fail()
    expect(keeper.fail()).toBe('retry in 2000')
  })

  test('is forgotten a day after the last wrong one', () => {
    const keeper = new Gatekeeper()
    keeper.fail()
    keeper.nowMs = 1_000
    keeper.fail()
    keeper.nowMs += dayMs - 1
    keeper.begin({ user: 'somebody else' }).settle('neither')
    expect(keeper.throttle.remembered).toBe(1)
    keeper.nowMs += 1
    keeper.fail()
    expect(keeper.fail()).toBe('retry in 1000')
  })

  test.each<[string, Partial<Guess>]>([
    ['address', { address: 'b' }],
    ['user', { user: 'bob' }],
    ['kind of credential', { kind: 'opaque-token' }],
  ])('is nothing to another %s', (_, other) => {
    const keeper = new Gatekeeper()
    keeper.fail()
    expect(keeper.pass(other)).toBe('passed')
    expect(keeper.pass()).toBe('retry in 1000')
  })
})

describe('a wrong credential that is tried again', () => {
  test('is counted once, and waits as long as before', () => {
    const keeper = new Gatekeeper()
    for (let i = 0; i < 100; i++) {
      expect(keeper.fail({ digest: 7 })).toBe('failed')
      expect(keeper.fail({ digest: 7 })).toBe('retry in 1000')
      keeper.nowMs += 1_000
    }
  })

  test('is known beside seven others, of whom nobody grows the delay either', () => {
    const keeper = new Gatekeeper()
    const round = (): void => {
      for (let digest = -8; digest < 0; digest++) {
        expect(keeper.fail({ digest })).toBe('failed')
        const [, retryMs] = /(\d+)/.exec(keeper.fail({ digest })) ?? []
        keeper.nowMs += Number(retryMs)
      }
    }
    round()
    round()
    keeper.fail({ digest: -1 })
    expect(keeper.fail()).toBe('retry in 128000')
    keeper.nowMs += 128_000
    keeper.fail({ digest: -9 })
    expect(keeper.fail()).toBe('retry in 256000')
  })

  test('counts each time where it is not seen', () => {
    const keeper = new Gatekeeper()
    keeper.fail({ digest: undefined })
    keeper.nowMs = 1_000
    keeper.fail({ digest: undefined })
    expect(keeper.fail()).toBe('retry in 2000')
  })
})

describe('tries at the same time', () => {
  test('of one credential are as many as come: an application opens its connections at once', () => {
    const keeper = new Gatekeeper()
    const all = Array.from({ length: 1_000 }, () => keeper.begin({ digest: 7 }))
    expect(new Set(all.map(({ answer }) => answer))).toEqual(new Set(['admitted']))
    for (const one of all) one.settle('passed')
    expect(keeper.throttle.busy).toBe(0)
  })

  test('of one credential are one guess, when they fail', () => {
    const keeper = new Gatekeeper()
    const all = Array.from({ length: 1_000 }, () => keeper.begin({ digest: 7 }))
    for (const one of all) one.settle('failed')
    expect(keeper.fail()).toBe('retry in 1000')
  })

  test('of credentials that are not seen are eight, and the others are let in as those are right', () => {
    const keeper = new Gatekeeper()
    const all = Array.from({ length: 20 }, () => keeper.begin({ digest: undefined }))
    const counts = (): unknown => [
      all.filter(({ answer }) => answer === 'admitted').length,
      all.filter(({ answer }) => answer === 'waits').length,
    ]
    expect(counts()).toEqual([maxAtOnce, 20 - maxAtOnce])
    for (const one of all) one.settle(one.answer === 'admitted' ? 'passed' : 'neither')
    expect(keeper.throttle.busy).toBe(0)
  })

  test('let one wait in for each that is over', () => {
    const keeper = new Gatekeeper()
    const all = Array.from({ length: maxAtOnce + 2 }, () => keeper.begin())
    expect(all.at(-2)!.answer).toBe('waits')
    all[0]!.settle('neither')
    expect([all.at(-2)!.answer, all.at(-1)!.answer]).toEqual(['admitted', 'waits'])
    all[1]!.settle('passed')
    expect(all.at(-1)!.answer).toBe('admitted')
  })

  test('that fail cost as much as one after the other', () => {
    const keeper = new Gatekeeper()
    const all = Array.from({ length: maxAtOnce + 5 }, () => keeper.begin())
    for (const one of all.slice(0, maxAtOnce)) one.settle('failed')
    expect(all.slice(maxAtOnce).map(({ answer }) => answer)).toEqual(Array(5).fill('retry in 1000'))
    expect(keeper.fail()).toBe(`retry in ${(2 ** maxAtOnce - 1) * 1_000}`)
  })

  test('after a failure are one, and the others have to know what comes of it', () => {
    const keeper = new Gatekeeper()
    keeper.fail()
    keeper.nowMs = 1_000
    const [first, second, third] = [keeper.begin(), keeper.begin(), keeper.begin()]
    expect([first.answer, second.answer, third.answer]).toEqual(['admitted', 'waits', 'waits'])
    first.settle('passed')
    expect([second.answer, third.answer]).toEqual(['admitted', 'admitted'])
  })

  test('after a failure are refused together with the one that is tried', () => {
    const keeper = new Gatekeeper()
    keeper.fail()
    keeper.nowMs = 1_000
    const [first, second] = [keeper.begin(), keeper.begin()]
    first.settle('failed')
    expect(second.answer).toBe('retry in 2000')
    second.settle('failed')
    expect(keeper.fail()).toBe('retry in 2000')
  })

  test('after a failure join the one that is tried, where it is the same', () => {
    const keeper = new Gatekeeper()
    keeper.fail()
    keeper.nowMs = 1_000
    keeper.begin({ digest: 7 })
    expect(keeper.begin({ digest: 7 }).answer).toBe('admitted')
  })

  test('can be given up while they wait', () => {
    const keeper = new Gatekeeper()
    const all = Array.from({ length: maxAtOnce + 1 }, () => keeper.begin())
    all.at(-1)!.settle('neither')
    expect(all.at(-1)!.answer).toBe('retry in 1000')
    for (const one of all) one.settle('neither')
    expect(keeper.throttle.busy).toBe(0)
  })

  test('count once, however often they are settled', () => {
    const keeper = new Gatekeeper()
    const [one, other] = [keeper.begin(), keeper.begin()]
    for (let i = 0; i < 5; i++) one.settle('failed')
    expect(keeper.fail()).toBe('retry in 1000')
    other.settle('neither')
    expect(keeper.throttle.busy).toBe(0)
  })

  test('wait in a number that one address cannot use up for the others', () => {
    const keeper = new Gatekeeper()
    const hold = (address: string): Attempt[] =>
      Array.from({ length: maxAtOnce }, () => keeper.begin({ address }))
    hold('a')
    const held = hold('b')
    const waiting = Array.from({ length: maxWaitingOfAddress }, () => keeper.begin())
    expect(new Set(waiting.map(({ answer }) => answer))).toEqual(new Set(['waits']))
    expect(keeper.begin().answer).toBe('retry in 1000')
    expect(keeper.begin({ address: 'b' }).answer).toBe('waits')
    waiting[0]!.settle('neither')
    expect(keeper.begin().answer).toBe('waits')
    for (const one of held) one.settle('neither')
  })
})

describe('the users of one address', () => {
  /** Fills it with users that failed once. */
  function filled(): Gatekeeper {
    const keeper = new Gatekeeper()
    for (let i = 0; i < maxUsersOfAddress; i++) keeper.fail({ user: `u${i}` })
    return keeper
  }

  test('each wait for themselves, fifty of them', () => {
    const keeper = filled()
    expect(keeper.fail({ user: 'u0' })).toBe('retry in 1000')
    expect(keeper.fail({ user: 'one more' })).toBe('failed')
  })

  test('beyond that wait together', () => {
    const keeper = filled()
    keeper.fail({ user: 'one more' })
    expect(keeper.fail({ user: 'and another' })).toBe('retry in 1000')
    keeper.nowMs = 1_000
    expect(keeper.fail({ user: 'and another' })).toBe('failed')
    expect(keeper.fail({ user: 'one more' })).toBe('retry in 2000')
    expect(keeper.fail({ user: 'u0' })).toBe('failed')
    expect(keeper.throttle.remembered).toBe(maxUsersOfAddress + 1)
  })

  test('beyond that are not let go by one of them who has a right credential', () => {
    const keeper = filled()
    keeper.fail({ user: 'one more' })
    keeper.nowMs = 1_000
    keeper.pass({ user: 'a friend' })
    keeper.fail({ user: 'one more' })
    expect(keeper.fail({ user: 'one more' })).toBe('retry in 2000')
  })

  test('beyond that stay together when one of the fifty is let go', () => {
    const keeper = filled()
    keeper.fail({ user: 'one more' })
    keeper.nowMs = 1_000
    keeper.pass({ user: 'u0' })
    keeper.fail({ user: 'one more' })
    expect(keeper.fail({ user: 'a third' })).toBe('retry in 2000')
  })

  test('make room when one of them is let go or forgotten', () => {
    const keeper = filled()
    keeper.nowMs = 1_000
    keeper.pass({ user: 'u0' })
    keeper.fail({ user: 'one more' })
    expect(keeper.fail({ user: 'another' })).toBe('failed')
    expect(keeper.fail({ user: 'a third' })).toBe('retry in 1000')
    keeper.nowMs += dayMs
    expect([keeper.fail({ user: 'x' }), keeper.fail({ user: 'y' })]).toEqual(['failed', 'failed'])
    expect(keeper.throttle.remembered).toBe(2)
  })

  test('that were being tried when it got full are not tried any more often for it', () => {
    const keeper = new Gatekeeper()
    const tries = Array.from({ length: 30 }, () => keeper.begin({ user: 'victim' }))
    for (let i = 0; i < maxUsersOfAddress; i++) keeper.fail({ user: `u${i}` })
    for (const one of tries) one.settle(one.answer === 'admitted' ? 'failed' : 'neither')
    const admitted = tries.filter(({ answer }) => answer === 'admitted')
    expect(admitted).toHaveLength(maxAtOnce)
    expect(keeper.fail({ user: 'victim' })).toMatch(/^retry in/)
  })

  test('that were being tried when it got full wait an hour together, and no more', () => {
    const keeper = new Gatekeeper()
    const tries = Array.from({ length: 30 }, (_, i) => keeper.begin({ user: `late ${i}` }))
    for (let i = 0; i < maxUsersOfAddress; i++) keeper.fail({ user: `u${i}` })
    for (const one of tries) one.settle('failed')
    expect(keeper.fail({ user: 'late 0' })).toBe(`retry in ${hourMs}`)
  })

  test('are counted again when those beyond them are forgotten', () => {
    const keeper = filled()
    keeper.fail({ user: 'one more' })
    keeper.nowMs = dayMs / 2
    for (let i = 1; i < maxUsersOfAddress; i++) keeper.fail({ user: `u${i}` })
    keeper.nowMs = dayMs
    expect(keeper.fail({ user: 'the fiftieth' })).toBe('failed')
    expect(keeper.fail({ user: 'one more' })).toBe('failed')
    expect(keeper.fail({ user: 'another' })).toBe('retry in 1000')
  })

  test('are nothing to those of another', () => {
    const keeper = filled()
    keeper.fail({ user: 'one more' })
    expect(keeper.pass({ address: 'b', user: 'one more' })).toBe('passed')
    expect(keeper.fail({ address: 'b', user: 'u0' })).toBe('failed')
  })
})

describe('a throttle', () => {
  test('counts who has to wait', () => {
    const keeper = new Gatekeeper()
    keeper.fail()
    keeper.fail({ user: 'bob' })
    expect(keeper.throttle.delayed(999)).toBe(2)
    expect(keeper.throttle.delayed(1_000)).toBe(0)
    expect(keeper.throttle.remembered).toBe(2)
  })

  test('forgets whoever has not failed for longest, and nobody else', () => {
    const keeper = new Gatekeeper()
    keeper.fail({ address: 'first' })
    keeper.fail({ address: 'victim' })
    for (let i = 0; i < maxRemembered - 2; i++) keeper.fail({ address: `x${i}` })
    keeper.nowMs = 1_000
    keeper.fail({ address: 'victim' })
    keeper.fail({ address: 'new' })
    expect(keeper.throttle.remembered).toBe(maxRemembered)
    expect(keeper.fail({ address: 'victim' })).toBe('retry in 2000')
    expect(keeper.fail({ address: 'first' })).toBe('failed')
    expect(keeper.fail({ address: 'first' })).toBe('retry in 1000')
  })
})

function mostWithin(times: readonly number[], windowMs: number): number {
  return Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length),
  )
}
