import { describe, expect, test } from 'vitest'
import { nearestName, suggestion } from '../../../src/config/nearest-name.ts'

const names = ['issuer', 'client_id', 'client_secret', 'tls', 'principal_regex']

describe('the nearest name', () => {
  test.each([
    ['isuer', 'issuer'],
    ['isseur', 'issuer'],
    ['Client-ID', 'client_id'],
    ['principle_regexp', 'principal_regex'],
    ['tsl', 'tls'],
  ])('to %s is %s', (written, name) => {
    expect(nearestName(written, names)).toBe(name)
  })

  test.each(['audience', 'x', '', 'tttt'])('to %j does not exist', (written) => {
    expect(nearestName(written, names)).toBeUndefined()
  })
})

test('a suggestion lists a few names where none is near', () => {
  expect(suggestion('zzz', names.slice(0, 2))).toBe('known are "issuer", "client_id"')
  expect(
    suggestion(
      'zzz',
      Array.from({ length: 10 }, (_, index) => `n${index}`),
    ),
  ).toMatch(/"n7" and 2 more$/)
  expect(suggestion('zzz', [])).toBe('there are none')
})
