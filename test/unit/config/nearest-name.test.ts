import { expect, test } from 'vitest'
import { suggestion } from '../../../src/config/nearest-name.ts'

const names = ['issuer', 'client_id']

test('a suggestion lists a few names where none is near', () => {
  expect(suggestion('zzz', names)).toBe('known are "issuer", "client_id"')
  expect(
    suggestion(
      'zzz',
      Array.from({ length: 10 }, (_, index) => `n${index}`),
    ),
  ).toMatch(/"n7" and 2 more$/)
  expect(suggestion('zzz', [])).toBe('there are none')
})
