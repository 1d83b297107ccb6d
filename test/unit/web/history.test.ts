import { describe, expect, test } from 'vitest'
import { joinIntervals, percentile } from '../../../src/web/history.ts'

describe('a share of durations', () => {
  const durations = [
    [0.01, 50],
    [0.1, 90],
    [1, 100],
    [Infinity, 100],
  ] as const

  test.each([
    [0.25, 0.005],
    [0.5, 0.01],
    [0.9, 0.1],
    [0.95, 0.55],
    [1, 1],
  ])('of %d is within a limit, or between two', (share, seconds) => {
    expect(percentile(durations, share)).toBeCloseTo(seconds, 6)
  })

  test('that took longer than every limit is at least the last', () => {
    expect(
      percentile(
        [
          [0.01, 0],
          [30, 0],
          [Infinity, 4],
        ],
        0.5,
      ),
    ).toBe(30)
  })

  test.each([[[]], [[[0.01, 0] as const, [Infinity, 0] as const]]])(
    'is none of none: %j',
    (none) => {
      expect(percentile(none, 0.5)).toBeUndefined()
    },
  )
})

test('intervals are one by their sums, and by the most sessions', () => {
  const one = {
    at: 10,
    admitted: 1,
    abandoned: 2,
    sessions: 9,
    refused: { x: 1 },
    durations: [[1, 2]],
  } as const
  const other = {
    ...one,
    at: 20,
    sessions: 4,
    refused: { x: 2, y: 1 },
    durations: [
      [1, 3],
      [2, 4],
    ],
  } as const
  expect(joinIntervals([one, other])).toEqual({
    ...{ at: 10, admitted: 2, abandoned: 4, sessions: 9, refused: { x: 3, y: 1 } },
    durations: [
      [1, 5],
      [2, 4],
    ],
  })
})
