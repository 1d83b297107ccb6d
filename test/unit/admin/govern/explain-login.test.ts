import { describe, expect, test } from 'vitest'
import {
  type ConsoleFleet,
  type ExplainedLogin,
  type LoginExplanation,
  UnexplainableLogin,
} from '../../../../src/admin/console-fleet.ts'
import { explanationColumns } from '../../../../src/admin/govern/explain-login.ts'
import { answerTo, fleetOf, say } from '../fleet.ts'

const granted: LoginExplanation = {
  outcome: 'granted',
  steps: [
    { check: 'pool', compared: 'a -> b', passed: true, verified: true },
    { check: 'signature', compared: 'kid "k"', passed: true, verified: true },
  ],
  role: 'app_readonly',
  refusal: null,
}

function fleet(explanation: LoginExplanation = granted) {
  const asked: ExplainedLogin[] = []
  const explain: ConsoleFleet['explain'] = async (login) => {
    asked.push(login)
    return Promise.resolve(explanation)
  }
  return { asked, fleet: fleetOf({ explain }) }
}

describe('EXPLAIN LOGIN', () => {
  test('shows the steps, and what came of them', async () => {
    const { tag, table } = await answerTo("EXPLAIN LOGIN TOKEN 'a.b.c'", fleet().fleet)
    expect(tag).toBe('EXPLAIN')
    expect(table?.columns).toBe(explanationColumns)
    expect(table?.rows).toEqual([
      [1, 'pool', 'a -> b', true, true],
      [2, 'signature', 'kid "k"', true, true],
      [null, 'outcome', 'granted', true, true],
      [null, 'role', 'app_readonly', true, true],
    ])
  })

  test('shows why somebody is denied, and what helps', async () => {
    const denied: LoginExplanation = {
      ...granted,
      outcome: 'denied',
      role: null,
      refusal: {
        ...{ reason: 'token-expired', sqlstate: '28P01', message: 'no', hint: null },
        remedy: 'Get a fresh token.',
      },
    }
    const { table } = await answerTo("EXPLAIN LOGIN TOKEN 'a.b.c'", fleet(denied).fleet)
    expect(table?.rows.slice(2)).toEqual([
      [null, 'outcome', 'denied', false, true],
      [null, 'reason', 'token-expired', false, true],
      [null, 'sqlstate', '28P01', false, true],
      [null, 'message', 'no', false, true],
      [null, 'remedy', 'Get a fresh token.', false, true],
    ])
  })

  test('leaves open what is undecided', async () => {
    const steps = granted.steps.map((step) => ({ ...step, verified: false }))
    const open: LoginExplanation = { ...granted, outcome: 'undecided', steps }
    const { table } = await answerTo(`EXPLAIN LOGIN CLAIMS '{}'`, fleet(open).fleet)
    expect(table?.rows[2]).toEqual([null, 'outcome', 'undecided', null, false])
  })

  test('hands on all that was said', async () => {
    const { asked, fleet: all } = fleet()
    await answerTo(
      `EXPLAIN LOGIN CLAIMS '{"sub": "alice"}' INTEGRATION sso_m2m USER app_readonly DATABASE sandbox POOL sso_pool FROM '10.0.0.1'`,
      all,
    )
    await answerTo('EXPLAIN LOGIN TOKEN $1', all, ['a.b.c'])
    const nothing = { integration: undefined, user: undefined, database: undefined }
    expect(asked).toEqual([
      {
        credential: { kind: 'claims', claims: { sub: 'alice' } },
        ...{ integration: 'sso_m2m', user: 'app_readonly', database: 'sandbox' },
        ...{ pool: 'sso_pool', from: '10.0.0.1' },
      },
      {
        credential: { kind: 'token', token: 'a.b.c' },
        ...{ ...nothing, pool: undefined, from: undefined },
      },
    ])
  })

  test.each([
    ['claims that are no JSON', `EXPLAIN LOGIN CLAIMS '{"secret"'`, '22P02'],
    ['claims that are a list', `EXPLAIN LOGIN CLAIMS '["secret"]'`, '22P02'],
    ['claims that are null', `EXPLAIN LOGIN CLAIMS 'null'`, '22P02'],
    ['no token', "EXPLAIN LOGIN TOKEN '********'", '22023'],
    ['a token that was not given', 'EXPLAIN LOGIN TOKEN $1', '22023'],
  ])('refuses %s, and repeats none of it', async (_, statement, sqlstate) => {
    const { asked, fleet: all } = fleet()
    const reply = await say(statement, all)
    expect(reply).toMatchObject({ kind: 'fault', fault: { sqlstate } })
    expect(JSON.stringify(reply)).not.toContain('secret')
    expect(asked).toEqual([])
  })

  test('says what cannot be explained', async () => {
    const explain: ConsoleFleet['explain'] = async () =>
      Promise.reject(new UnexplainableLogin('there is no pool x', '42704'))
    expect(await say("EXPLAIN LOGIN TOKEN 'a'", fleetOf({ explain }))).toEqual({
      kind: 'fault',
      fault: { sqlstate: '42704', message: 'there is no pool x', position: 1 },
    })
  })
})
