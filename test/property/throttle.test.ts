// However tries are interleaved: the arithmetic of the throttle, and that a right credential gets through.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Guess, Throttle, type Trial } from '../../src/session/throttle.ts'

const secondMs = 1_000
const hourMs = 3_600 * secondMs
const dayMs = 24 * hourMs

type Step =
  | { readonly do: 'begin'; readonly user: string; readonly digest: number | undefined }
  | { readonly do: 'settle'; readonly which: number; readonly outcome: 'failed' | 'neither' }
  | { readonly do: 'wait'; readonly ms: number }

interface Open {
  readonly guess: Guess
  readonly trial: Trial
  readonly admitted: { readonly at?: number }
  isOver: boolean
}

const anyUser = fc.constantFrom('alice', 'bob')
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('begin' as const),
        user: anyUser,
        digest: fc.option(fc.nat(40), { nil: undefined }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        which: fc.nat(),
        outcome: fc.constantFrom('failed' as const, 'failed' as const, 'neither' as const),
      }),
    },
    {
      weight: 3,
      arbitrary: fc
        .oneof(fc.constantFrom(0, 1, 999, 1_000, 2_000, 60_000), fc.nat(hourMs), fc.nat(dayMs))
        .map((ms) => ({ do: 'wait' as const, ms })),
    },
  ),
  { minLength: 50, maxLength: 400 },
)

/** Runs the steps; what is there at the end fails. */
function play(all: readonly Step[]): readonly { readonly guess: Guess; readonly at: number }[] {
  const throttle = new Throttle()
  const failed: { guess: Guess; at: number }[] = []
  const open: Open[] = []
  let nowMs = 0
  const settle = (one: Open, outcome: 'failed' | 'neither'): void => {
    if (one.isOver) return
    one.isOver = true
    if (one.admitted.at !== undefined && outcome === 'failed') {
      failed.push({ guess: one.guess, at: one.admitted.at })
    }
    one.trial.settle(outcome, nowMs)
  }
  const running = (): Open[] => open.filter((one) => !one.isOver && one.admitted.at !== undefined)
  for (const step of all) {
    if (step.do === 'wait') nowMs += step.ms
    else if (step.do === 'settle') {
      const candidates = running()
      const one = candidates[step.which % Math.max(1, candidates.length)]
      if (one !== undefined) settle(one, step.outcome)
    } else {
      const guess: Guess = { address: 'a', kind: 'password', user: step.user, digest: step.digest }
      const admitted: { at?: number } = {}
      const trial = throttle.begin(guess, nowMs, ({ kind }) => {
        if (kind === 'admitted') admitted.at = nowMs
      })
      const one: Open = { guess, trial, admitted, isOver: false }
      open.push(one)
    }
  }
  for (const one of running()) settle(one, 'failed')
  for (const one of open) if (!one.isOver) one.trial.settle('neither', nowMs)
  expect(throttle.busy).toBe(0)
  return failed
}

/** When each wrong credential was first tried: where it is not seen, each is another one. */
function guessesOf(user: string, failed: ReturnType<typeof play>): readonly number[] {
  const seen = new Set<number>()
  const times: number[] = []
  const inTime = failed.filter(({ guess }) => guess.user === user).toSorted((a, b) => a.at - b.at)
  for (const { guess, at } of inTime) {
    if (guess.digest !== undefined && seen.has(guess.digest)) continue
    if (guess.digest !== undefined) seen.add(guess.digest)
    times.push(at)
  }
  return times
}

function mostWithin(times: readonly number[], windowMs: number): number {
  return Math.max(
    0,
    ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length),
  )
}

test('no interleaving of tries gets more than 12 guesses in an hour, or 35 in a day', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const failed = play(all)
      for (const user of ['alice', 'bob']) {
        const times = guessesOf(user, failed)
        expect(mostWithin(times, hourMs)).toBeLessThanOrEqual(12)
        expect(mostWithin(times, dayMs)).toBeLessThanOrEqual(35)
      }
    }),
    { numRuns: 200 },
  )
})

test('a guesser who tries as soon and as much as possible gets no more either', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 300, maxLength: 300 }), (choices) => {
      const all: Step[] = choices.flatMap((choice): Step[] => [
        ...Array.from({ length: choice }, () => ({
          do: 'begin' as const,
          user: 'alice',
          digest: undefined,
        })),
        ...Array.from({ length: choice }, () => ({
          do: 'settle' as const,
          which: choice,
          outcome: 'failed' as const,
        })),
        { do: 'wait', ms: 2 ** (choice + 3) * secondMs },
      ])
      const times = guessesOf('alice', play(all))
      expect(mostWithin(times, hourMs)).toBeLessThanOrEqual(12)
      expect(mostWithin(times, dayMs)).toBeLessThanOrEqual(35)
    }),
    { numRuns: 50 },
  )
})

test('a right credential that is tried by many at once is refused to none of them', () => {
  const order = fc.array(fc.nat(), { minLength: 60, maxLength: 60 })
  fc.assert(
    fc.property(order, fc.option(fc.constant(7), { nil: undefined }), (choices, digest) => {
      const throttle = new Throttle()
      const guess: Guess = { address: 'a', kind: 'password', user: 'alice', digest }
      const ready: (() => void)[] = []
      let refused = 0
      let passed = 0
      for (const choice of choices) {
        const begun: { trial?: Trial } = {}
        begun.trial = throttle.begin(guess, 0, (verdict) => {
          if (verdict.kind === 'throttled') refused++
          else {
            ready.push(() => {
              passed++
              begun.trial?.settle('passed', 0)
            })
          }
        })
        const [one] = ready.splice(choice % (ready.length + 1), 1)
        one?.()
      }
      while (ready.length > 0) ready.shift()?.()
      expect([refused, passed, throttle.busy]).toEqual([0, choices.length, 0])
    }),
  )
})
