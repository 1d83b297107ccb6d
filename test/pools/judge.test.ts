import { expect, test } from 'vitest'
import { judge, type Result } from './judge.ts'
import { languages } from './languages.ts'

const load = {
  ...{ tokenSeconds: 5, seconds: 40, lifetimeSeconds: 3, querySeconds: 0.25 },
  fewestTokens: 8,
}
const good: Result = {
  ...{ language: languages[0]!, queries: 320, failures: [], connections: 160, tokens: 8, runs: 40 },
  refusals: [],
}

test('a pool has lived through it without a failure, with enough of everything', () => {
  expect(judge(good, load)).toEqual([])
})

test.each<[string, Partial<Result>]>([
  ['a failed query', { failures: ['refused'] }],
  ['a refused login', { refusals: ['token-expired'] }],
  ['fewer queries', { queries: 319 }],
  ['fewer tokens', { tokens: 7 }],
  ['fewer connections', { connections: 159 }],
  ['more runs of the command', { runs: 41 }],
])('a pool with %s has not', (_, change) => {
  expect(judge({ ...good, ...change }, load)).not.toEqual([])
})
