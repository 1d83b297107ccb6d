// Failures that replicas count and tell each other: in whichever order, and however often, they come to the same.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  delayOf,
  failedOnce,
  type Failures,
  mergeFailures,
  noFailures,
  shiftFailures,
} from '../../src/session/failures.ts'
import { type Guess, Throttle } from '../../src/session/throttle.ts'

const replicas = ['a', 'b', 'c'] as const

type Step =
  | { readonly do: 'fail'; readonly at: number; readonly digest: number }
  | { readonly do: 'tell'; readonly at: number; readonly to: number }

const place = fc.nat(replicas.length - 1)
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('fail' as const), at: place, digest: fc.nat(12) }),
    fc.record({ do: fc.constant('tell' as const), at: place, to: place }),
  ),
  { minLength: 1, maxLength: 60 },
)

/** What each replica knows after some steps; time goes on with each. */
function play(all: readonly Step[]): readonly Failures[] {
  const known: Failures[] = replicas.map(() => noFailures)
  for (const [index, step] of all.entries()) {
    const before = known[step.at]!
    if (step.do === 'fail') {
      known[step.at] = failedOnce(before, replicas[step.at]!, step.digest, index * 1_000)
    } else known[step.to] = mergeFailures(known[step.to]!, before)
  }
  return known
}

function together(all: readonly Failures[]): Failures {
  return all.reduce(mergeFailures, noFailures)
}

test('put together in any order, and more than once, failures come to the same', () => {
  fc.assert(
    fc.property(steps, fc.array(place, { maxLength: 12 }), (all, order) => {
      const known = play(all)
      const whole = together(known)
      const another = together([...order.map((one) => known[one]!), ...known.toReversed()])
      expect(another.counts).toEqual(whole.counts)
      expect(another.digests).toEqual(whole.digests)
      expect(mergeFailures(whole, whole)).toEqual(whole)
      expect(delayOf(another)).toEqual(delayOf(whole))
    }),
  )
})

test('to know what others have counted never makes a delay shorter', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const known = play(all)
      const whole = delayOf(together(known))
      for (const one of known) {
        const own = delayOf(one)
        if (own === undefined) continue
        expect(whole?.notBeforeMs).toBeGreaterThanOrEqual(own.notBeforeMs)
        expect(whole?.count).toBeGreaterThanOrEqual(own.count)
      }
    }),
  )
})

test('failures of different credentials count as often as they were, wherever that was', () => {
  const [a, b] = play([
    { do: 'fail', at: 0, digest: 1 },
    { do: 'fail', at: 0, digest: 2 },
    { do: 'fail', at: 1, digest: 3 },
    { do: 'fail', at: 1, digest: 4 },
  ])
  expect(delayOf(mergeFailures(a!, b!))).toMatchObject({ count: 4, lastAtMs: 3_000 })
})

test('a wrong credential that was tried elsewhere before is no guess any more', () => {
  const [, b] = play([
    { do: 'fail', at: 0, digest: 1 },
    { do: 'tell', at: 0, to: 1 },
    { do: 'fail', at: 1, digest: 1 },
  ])
  expect(delayOf(b!)).toMatchObject({ count: 1, lastAtMs: 2_000, notBeforeMs: 3_000 })
})

test('a credential that passed makes what was before count for nothing, whoever still tells of it', () => {
  const failed = failedOnce(noFailures, 'a', 1, 1_000)
  const passed = { ...noFailures, clearedAtMs: 2_000 }
  const again = failedOnce(passed, 'b', 1, 3_000)
  expect(delayOf(mergeFailures(passed, failed))).toBeUndefined()
  expect(delayOf(mergeFailures(failed, passed))).toBeUndefined()
  expect(delayOf(mergeFailures(again, failed))).toMatchObject({ count: 1, lastAtMs: 3_000 })
})

test('failures are the same by another clock', () => {
  const failed = failedOnce(failedOnce(noFailures, 'a', 1, 1_000), 'a', 2, 2_000)
  const shifted = shiftFailures(failed, 50_000)
  expect(delayOf(shifted)?.notBeforeMs).toBe((delayOf(failed)?.notBeforeMs ?? 0) + 50_000)
  expect(shiftFailures(shifted, -50_000)).toEqual(failed)
})

function guess(digest: number): Guess {
  return { address: '192.0.2.1', kind: 'password', user: 'alice', digest }
}

function tryOne(throttle: Throttle, digest: number, nowMs: number, outcome = 'failed'): string {
  let verdict = 'waits'
  const trial = throttle.begin(guess(digest), nowMs, (given) => {
    verdict = given.kind === 'throttled' ? `retry in ${given.retryMs}` : given.kind
  })
  if (verdict === 'admitted') trial.settle(outcome as 'failed' | 'passed', nowMs)
  return verdict
}

test('throttles that tell each other delay a guess wherever it is made, and let go together', () => {
  const told = new Set<string>()
  const onChange = (key: string): void => void told.add(key)
  const [one, other] = ['one', 'other'].map((name) => new Throttle({ name, onChange }))
  const tell = (from: Throttle, to: Throttle, nowMs: number): void => {
    for (const key of told) to.take(from.tell(key)!, nowMs)
  }
  expect(tryOne(one!, 1, 0)).toBe('admitted')
  tell(one!, other!, 0)
  expect(tryOne(other!, 2, 500)).toBe('retry in 500')
  expect(tryOne(other!, 2, 1_000)).toBe('admitted')
  tell(other!, one!, 1_000)
  expect(tryOne(one!, 3, 1_500)).toBe('retry in 1500')
  expect(tryOne(one!, 3, 3_000, 'passed')).toBe('admitted')
  tell(one!, other!, 3_000)
  expect([one!.remembered, other!.remembered]).toEqual([0, 0])
  expect(tryOne(other!, 4, 3_001)).toBe('admitted')
  // What the one tells of before is told too late.
  tell(other!, one!, 3_002)
  expect(tryOne(one!, 5, 3_003)).toBe('retry in 998')
})

test('whoever waits for a try is told what has become known of its pair meanwhile', () => {
  const throttle = new Throttle({ name: 'one' })
  expect(tryOne(throttle, 1, 0)).toBe('admitted')
  const verdicts: string[] = []
  throttle.begin(guess(2), 2_000, ({ kind }) => verdicts.push(kind))
  throttle.begin(guess(3), 2_000, ({ kind }) => verdicts.push(kind))
  expect(verdicts).toEqual(['admitted'])
  const failures = failedOnce(noFailures, 'other', 9, 2_500)
  throttle.take({ key: '192.0.2.1 password alice', address: '192.0.2.1', failures }, 2_500)
  expect(verdicts).toEqual(['admitted', 'throttled'])
})
