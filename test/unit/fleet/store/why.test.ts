import { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { StoreAway } from '../../../../src/fleet/store/store.ts'
import { toStoreError, whyOf } from '../../../../src/fleet/store/why.ts'

const coded = (message: string, code: string): Error => Object.assign(new Error(message), { code })

test.each([
  [coded('connect ECONNREFUSED 10.0.0.9:5432', 'ECONNREFUSED'), 'ECONNREFUSED'],
  [coded('getaddrinfo ENOTFOUND db.internal', 'ENOTFOUND'), 'ENOTFOUND'],
  [new Error('Connection terminated due to connection timeout'), 'timeout'],
  [new Error('timeout expired'), 'timeout'],
  [new Error('The server does not support SSL connections'), 'no-tls'],
  [new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: ...'), 'authentication'],
  [new Error('Connection terminated unexpectedly'), 'connection-lost'],
  [coded('x', 'password of db.internal'), 'unknown'],
  [new Error('db.internal'), 'unknown'],
  ['db.internal', 'unknown'],
])('the cause of %s is %s', (error, why) => {
  expect(whyOf(error)).toBe(why)
})

function failed(code: string): DatabaseError {
  return Object.assign(new DatabaseError('failed', 1, 'error'), { code })
}

test('a violated constraint is for whoever broke it, and all else is the store being away', () => {
  const violation = failed('23505')
  expect(toStoreError(violation)).toBe(violation)
  for (const code of ['57P01', '42P01', '25006', '40001', '22023']) {
    expect(toStoreError(failed(code))).toEqual(new StoreAway(code))
  }
})
