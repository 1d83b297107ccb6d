import { describe, expect, test } from 'vitest'
import { isPreferred, isWanted, stateFrom } from '../../../src/upstream/server-state.ts'
import type { TargetSession } from '../../../src/upstream/target.ts'

const primary = { isStandby: false, isReadOnly: false }
const readOnlyPrimary = { isStandby: false, isReadOnly: true }
const standby = { isStandby: true, isReadOnly: false }
const readOnlyStandby = { isStandby: true, isReadOnly: true }
const states = [primary, readOnlyPrimary, standby, readOnlyStandby]

describe('which servers will do', () => {
  test.each<[TargetSession, readonly boolean[], readonly boolean[]]>([
    ['any', [true, true, true, true], [true, true, true, true]],
    ['read-write', [true, false, false, false], [true, false, false, false]],
    ['read-only', [false, true, true, true], [false, true, true, true]],
    ['primary', [true, true, false, false], [true, true, false, false]],
    ['standby', [false, false, true, true], [false, false, true, true]],
    ['prefer-standby', [true, true, true, true], [false, false, true, true]],
  ])('for %s', (wanted, wants, prefers) => {
    expect(states.map((state) => isWanted(wanted, state))).toEqual(wants)
    expect(states.map((state) => isPreferred(wanted, state))).toEqual(prefers)
  })
})

test('PostgreSQL 14 says what it is in its greeting', () => {
  const told = (standby: string, readOnly: string): ReadonlyMap<string, string> =>
    new Map([
      ['in_hot_standby', standby],
      ['default_transaction_read_only', readOnly],
    ])
  expect(stateFrom(told('off', 'off'))).toEqual(primary)
  expect(stateFrom(told('on', 'off'))).toEqual(standby)
  expect(stateFrom(told('off', 'on'))).toEqual(readOnlyPrimary)
  expect(stateFrom(new Map([['in_hot_standby', 'on']]))).toBeUndefined()
  expect(stateFrom(new Map([['default_transaction_read_only', 'on']]))).toBeUndefined()
})
