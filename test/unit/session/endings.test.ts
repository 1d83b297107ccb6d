import { describe, expect, test } from 'vitest'
import { farewells, type GovernedEnd, isGoverned } from '../../../src/session/endings.ts'
import { endReasons } from '../../../src/session/observer.ts'
import { readError } from '../../transcript/frontend.ts'

describe('the end of a session that we choose', () => {
  test.each<[GovernedEnd, string, string]>([
    ['drain', '57P01', 'terminating connection due to administrator command'],
    ['token-expired', '57P01', 'terminating connection: token expired'],
    ['session-lifetime', '57P01', 'terminating connection: session lifetime exceeded'],
    ['idle', '57P05', 'terminating connection due to idle-session timeout'],
    ['killed', '57P01', 'terminating connection due to administrator command'],
    ['revoked', '57P01', 'terminating connection: access was revoked'],
    ['logged-out', '57P01', 'terminating connection: signed out at the identity provider'],
    ['idle-in-transaction', '25P03', 'terminating connection due to idle-in-transaction timeout'],
  ])('by %s is told with %s: %s', (reason, sqlstate, message) => {
    expect(readError(farewells[reason])).toMatchObject({
      sqlstate,
      message,
      hint: expect.any(String) as string,
    })
  })

  test('is every end that is nobody’s own', () => {
    expect(endReasons.filter((reason) => !isGoverned(reason))).toEqual([
      'client-closed',
      'client-lost',
      'upstream-closed',
      'upstream-lost',
    ])
  })
})
