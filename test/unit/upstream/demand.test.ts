import { expect, test } from 'vitest'
import { Demand } from '../../../src/upstream/demand.ts'

const keepMs = 300_000

function demandOf(most: number, ...timesMs: readonly number[]): Demand {
  const demand = new Demand(most, keepMs)
  for (const atMs of timesMs) demand.note(atMs)
  return demand
}

test.each([
  ['nothing before the first login', [], 0, 0],
  ['nothing for a single one', [0], 0, 0],
  ['one for two within the time', [0, 299_999], 299_999, 1],
  ['nothing for two that are further apart', [0, 300_000], 300_000, 0],
  ['as many as came in ten seconds', [0, 1, 2], 9_999, 3],
  ['one when the ten seconds of all but the last are over', [0, 1, 2], 10_001, 1],
  ['one while the last two are recent', [0, 1, 2], 299_999, 1],
  ['nothing when all are long ago', [0, 1, 2], 300_001, 0],
  ['no more than the most', [0, 1, 2, 3, 4, 5, 6], 7, 4],
])('%s', (_, timesMs, nowMs, wanted) => {
  expect(demandOf(4, ...timesMs).wanted(nowMs)).toBe(wanted)
})

test('one for two logins where one is the most', () => {
  expect(demandOf(1, 0, 1).wanted(2)).toBe(1)
})

test('the last login is remembered', () => {
  expect(demandOf(4).lastMs).toBe(-Infinity)
  expect(demandOf(4, 1, 2).lastMs).toBe(2)
})
