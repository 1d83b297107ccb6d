import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CredentialProblem } from '../../src/credentials/problem.ts'
import { TokenKeeper } from '../../src/credentials/token-keeper.ts'
import { Clock, FakeDisk, FakeSource, FakeStore, person } from '../support/fake-credentials.ts'

type Step =
  | { readonly kind: 'ask'; readonly who: number; readonly count: number; readonly isNew: boolean }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'network'; readonly isThere: boolean }
  | { readonly kind: 'disk'; readonly isFull: boolean }
  | { readonly kind: 'sign-in'; readonly who: number }

const who = fc.integer({ min: 0, max: 2 })
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('ask' as const),
    who,
    count: fc.integer({ min: 1, max: 5 }),
    isNew: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 70_000 }) }),
  fc.record({ kind: fc.constant('network' as const), isThere: fc.boolean() }),
  fc.record({ kind: fc.constant('disk' as const), isFull: fc.boolean() }),
  fc.record({ kind: fc.constant('sign-in' as const), who }),
)

function world(lifeMs: number, rotates: boolean) {
  const clock = new Clock()
  const disk = new FakeDisk()
  const source = new FakeSource(clock)
  Object.assign(source, { lifeMs, rotates })
  const keepers = Array.from(
    { length: 3 },
    () =>
      new TokenKeeper({ source, store: new FakeStore(disk), exchange: undefined, now: clock.now }),
  )
  return { clock, disk, source, keepers }
}

async function ignoringProblems(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!(error instanceof CredentialProblem)) throw error
  })
}

test('whatever happens, no token is given out that has expired, and none is asked for in vain', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { maxLength: 30 }),
      fc.integer({ min: 1_000, max: 60_000 }),
      fc.boolean(),
      async (script, lifeMs, rotates) => {
        const { clock, disk, source, keepers } = world(lifeMs, rotates)
        for (const step of script) {
          switch (step.kind) {
            case 'pass':
              clock.pass(step.ms)
              break
            case 'network':
              source.problem = step.isThere ? undefined : 'unreachable'
              break
            case 'disk':
              disk.isFull = step.isFull
              break
            case 'sign-in':
              await ignoringProblems(keepers[step.who]!.signIn(person, AbortSignal.timeout(5_000)))
              break
            case 'ask': {
              const calls = source.calls.length
              const asked = Array.from({ length: step.count }, async () => {
                const grant = await keepers[step.who]!.token({ isNew: step.isNew })
                expect(grant.expiresAt).toBeGreaterThan(clock.ms)
                expect(grant.token).not.toBe('')
              })
              await Promise.all(asked.map(ignoringProblems))
              // A refresh and, where that was of no use, one look for another way.
              expect(source.calls.length - calls).toBeLessThanOrEqual(2)
            }
          }
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('the refresh token that is good is never lost as long as it can be written', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        steps.filter(({ kind }) => kind !== 'disk'),
        { maxLength: 30 },
      ),
      fc.integer({ min: 1_000, max: 60_000 }),
      async (script, lifeMs) => {
        const { clock, disk, source, keepers } = world(lifeMs, true)
        await keepers[0]!.signIn(person, AbortSignal.timeout(5_000))
        for (const step of script) {
          if (step.kind === 'pass') clock.pass(step.ms)
          if (step.kind === 'network') source.problem = step.isThere ? undefined : 'unreachable'
          if (step.kind === 'sign-in') {
            await ignoringProblems(keepers[step.who]!.signIn(person, AbortSignal.timeout(5_000)))
          }
          if (step.kind === 'ask') {
            const everybody = keepers.flatMap((one) =>
              Array.from({ length: step.count }, async () => one.token({ isNew: step.isNew })),
            )
            await Promise.all(everybody.map(ignoringProblems))
          }
          expect(disk.kept?.grant.refreshToken).toBe(source.good)
        }
        source.problem = undefined
        clock.pass(120_000)
        expect((await keepers[1]!.token()).expiresAt).toBeGreaterThan(clock.ms)
      },
    ),
    { numRuns: 200 },
  )
})

test('any number of calls of any number of processes at the same time make one refresh', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(who, fc.integer({ min: 0, max: 600_000 })), {
        minLength: 1,
        maxLength: 30,
      }),
      async (calls) => {
        const { clock, source, keepers } = world(60_000, true)
        await keepers[0]!.signIn(person, AbortSignal.timeout(5_000))
        clock.pass(60_000)
        const before = source.calls.length
        const grants = await Promise.all(
          calls.map(async ([index, minimumMs]) => keepers[index]!.token({ minimumMs })),
        )
        expect(new Set(grants.map(({ token }) => token)).size).toBe(1)
        expect(source.calls.length - before).toBe(1)
      },
    ),
    { numRuns: 200 },
  )
})
