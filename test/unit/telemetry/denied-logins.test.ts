import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import { LoginSteps } from '../../../src/session/login-steps.ts'
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

  describe('are found by the reference', () => {
    const steps = new LoginSteps()
    steps.add({ check: 'pool', compared: `the pool of ${jwt}`, passed: true })
    steps.add(() => [{ check: 'role', compared: 'x'.repeat(1_000), passed: false }])
    const told = { sqlstate: '28000', message: `not ${jwt}`, detail: undefined, hint: 'Ask.' }

    test('with what was compared, what the client read and what the log says', () => {
      const kept = keepDeniedLogins()
      const refusal = new Refusal('role-not-allowed', {
        logDetail: 'role: app',
        cause: new Error(jwt),
      })
      kept.refused({ ...verified, steps, told }, refusal)
      const found = kept.find(verified.id)!
      expect(found).toMatchObject({
        reason: 'role-not-allowed',
        steps: [
          { check: 'pool', compared: 'the pool of [redacted]', passed: true },
          { check: 'role', passed: false },
        ],
        told: { message: 'not [redacted]', hint: 'Ask.' },
        why: 'role: app: [redacted]',
      })
      expect(found.steps[1]!.compared.length).toBeLessThan(400)
      expect(JSON.stringify(found)).not.toContain(secret)
      expect(kept.find('another')).toBeUndefined()
    })

    test('and are not in the list of all', () => {
      const kept = keepDeniedLogins()
      kept.refused({ ...verified, steps, told }, new Refusal('role-not-allowed'))
      expect(kept.latest[0]).not.toHaveProperty('steps')
    })

    test('with the steps at the end, where there are too many', () => {
      const many = new LoginSteps()
      for (let i = 0; i < 60; i++) {
        many.add({ check: `c${i}`, compared: 'y'.repeat(290), passed: i < 59 })
      }
      const kept = keepDeniedLogins()
      kept.refused({ ...verified, steps: many }, new Refusal('role-not-allowed'))
      const { steps: shown } = kept.find(verified.id)!
      expect(shown).toHaveLength(13)
      expect(shown.at(-1)).toMatchObject({ check: 'c59', passed: false })
    })

    test('without how they came about, where twenty of the reason came after them', () => {
      const kept = keepDeniedLogins()
      for (let i = 0; i < 21; i++) {
        kept.refused({ ...verified, id: `r${i}`, steps, told }, new Refusal('role-not-allowed'))
      }
      expect(kept.find('r0')).toMatchObject({ steps: [], told: undefined })
      expect(kept.find('r1')?.steps).toHaveLength(2)
    })
  })
})
