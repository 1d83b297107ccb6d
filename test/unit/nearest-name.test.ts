import { describe, expect, test } from 'vitest'
import { nearestName } from '../../src/nearest-name.ts'

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
