import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import { keepDeniedLogins } from '../../../src/telemetry/denied-logins.ts'
import { asked, jwt, opened, secret, verified } from './facts.ts'

describe('refused logins that are kept', () => {
  test('say who, where and why', () => {
    const kept = keepDeniedLogins()
    kept.refused(verified, new Refusal('role-not-allowed'))
    expect(kept.latest).toMatchObject([
      {
        reason: 'role-not-allowed',
        sqlstate: '28000',
        count: 1,
        address: '192.0.2.7',
        user: 'id_token',
        database: 'sandbox',
        application: 'psql',
        pool: 'sso_pool',
        integration: 'sso_m2m',
        issuer: 'https://auth.example.com',
        subject: 'auth0|alice',
        principal: 'alice',
        session: verified.id,
      },
    ])
  })

  test('say nobody where no token was genuine', () => {
    const kept = keepDeniedLogins()
    kept.refused(asked, new Refusal('token-signature'))
    expect(kept.latest[0]).toMatchObject({ principal: undefined, subject: undefined })
  })

  test('hold no token that a client took for its name', () => {
    const kept = keepDeniedLogins()
    const requested = { user: jwt, database: jwt, applicationName: jwt }
    kept.refused({ ...opened, requested }, new Refusal('unknown-database'))
    expect(JSON.stringify(kept.latest)).not.toContain(secret)
  })

  test('are fifty of each reason at most, the latest, so that a flood hides no other', () => {
    const kept = keepDeniedLogins()
    kept.refused({ ...opened, id: 'rare' }, new Refusal('role-not-allowed'))
    for (let i = 0; i < 60; i++) {
      kept.refused({ ...opened, id: `flood ${i}` }, new Refusal('wrong-password'))
    }
    const ids = kept.latest.map(({ session }) => session)
    expect(ids).toHaveLength(51)
    expect(ids).toContain('rare')
    expect(ids).toContain('flood 59')
    expect(ids).not.toContain('flood 9')
  })

  test('tell how many they stand for', () => {
    const kept = keepDeniedLogins()
    const standsFor = { since: new Date(0), count: 990, addresses: new Map(), otherAddresses: 0 }
    kept.refused({ ...opened, standsFor }, new Refusal('throttled'))
    expect(kept.latest[0]?.count).toBe(990)
  })
})
