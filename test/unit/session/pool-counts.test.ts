import { expect, test } from 'vitest'
import { countOccupancy } from '../../../src/session/pool-counts.ts'

test('sessions are counted by pool, and those that have none are in none', () => {
  const live = ['a', 'b', 'a', undefined].map((pool) => ({
    facts: pool === undefined ? {} : { pool },
  }))
  expect(countOccupancy(live)).toEqual(
    new Map([
      ['a', 2],
      ['b', 1],
    ]),
  )
})
