import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ConsoleFleet, GovernanceAct } from '../../../../src/admin/console-fleet.ts'
import { ConsoleError } from '../../../../src/admin/answer.ts'
import { sessionNumber } from '../../../../src/admin/show/session-number.ts'
import type { EndOrder } from '../../../../src/session/revocations.ts'
import { listSessions } from '../../../../src/session/session-summary.ts'
import { administrator, answerTo, fleetOf, id, say, session } from '../fleet.ts'

const issuer = 'https://auth.example.com'
const hashOfJti = createHash('sha256').update('jti-1').digest('hex')

/** What the fleet was told to do, in order. */
function told(counts: { ended?: number; restored?: number; unanswered?: number } = {}) {
  const calls: (readonly [string, unknown])[] = []
  const { ended = 1, restored = 1, unanswered = 0 } = counts
  const fleet = fleetOf({
    record: async (act: GovernanceAct) => {
      calls.push(['record', act])
      return Promise.resolve()
    },
    end: async (order: EndOrder) => {
      calls.push(['end', order])
      return Promise.resolve({ ended, unanswered })
    },
    restore: async (selector) => {
      calls.push(['restore', selector])
      return Promise.resolve({ restored, unanswered })
    },
  })
  return { calls, fleet }
}

describe('KILL', () => {
  test('ends who is selected, and is recorded before', async () => {
    const { calls, fleet } = told({ ended: 3 })
    const { tag, notices } = await answerTo(`KILL SUBJECT 'auth0|alice' ISSUER '${issuer}'`, fleet)
    expect({ tag, notices }).toEqual({ tag: 'KILL 3', notices: [] })
    const selector = { subject: 'auth0|alice', issuer }
    expect(calls).toEqual([
      ['record', { user: administrator, act: 'kill', selector }],
      ['end', { selectors: [selector], end: 'killed', by: 'carol' }],
    ])
  })

  test.each([
    ["SESSION '0f8a'", { session: '0f8a' }],
    ["PRINCIPAL 'alice'", { principal: 'alice' }],
    ['ROLE app_readonly', { role: 'app_readonly' }],
    ['GROUP readonly', { group: 'readonly' }],
    ['INTEGRATION sso_m2m', { integration: 'sso_m2m' }],
    ['POOL sso_pool', { pool: 'sso_pool' }],
    [
      "ADDRESS '192.0.2.0/24' AND ROLE app_readonly",
      { address: '192.0.2.0/24', role: 'app_readonly' },
    ],
  ])('selects by %s', async (criteria, selector) => {
    const { calls, fleet } = told()
    await answerTo(`KILL ${criteria}`, fleet)
    expect(calls[1]).toEqual(['end', { selectors: [selector], end: 'killed', by: 'carol' }])
  })

  test('knows a token by the hash of its jti alone', async () => {
    const { calls, fleet } = told()
    await answerTo("KILL TOKEN 'jti-1'", fleet)
    const [, order] = calls[1]!
    const { selectors } = order as EndOrder
    expect(Object.keys(selectors[0]!)).toEqual(['tokenIdHash'])
    expect(selectors[0]?.tokenIdHash).toBe(hashOfJti)
    expect(JSON.stringify(calls)).not.toContain('jti-1')
  })

  test('says that nobody was selected', async () => {
    const { fleet } = told({ ended: 0 })
    const { tag, notices } = await answerTo('KILL ROLE nobody', fleet)
    expect(tag).toBe('KILL 0')
    expect(notices).toEqual([{ severity: 'NOTICE', message: 'no session was selected' }])
  })

  test('warns of workers in which sessions may go on', async () => {
    const { fleet } = told({ unanswered: 1 })
    const { notices } = await answerTo('KILL ROLE app_readonly', fleet)
    expect(notices).toEqual([
      expect.objectContaining({
        severity: 'WARNING',
        message: '1 worker process did not answer in time',
      }),
    ])
  })

  test.each([
    ['an address that is none', "KILL ADDRESS 'nowhere'"],
    ['nothing', "KILL SESSION ''"],
    ['what is too long', `KILL SESSION '${'x'.repeat(1_025)}'`],
  ])('refuses %s, and ends nobody', async (_, statement) => {
    const { calls, fleet } = told()
    expect(await say(statement, fleet)).toMatchObject({
      kind: 'fault',
      fault: { sqlstate: '22023', position: 1 },
    })
    expect(calls).toEqual([])
  })

  test('takes its values as parameters, and refuses what was not given', async () => {
    const { calls, fleet } = told()
    await answerTo('KILL ROLE $1', fleet, ['app_readonly'])
    expect(calls[1]).toMatchObject(['end', { selectors: [{ role: 'app_readonly' }] }])
    expect(await say('KILL ROLE $1', fleet)).toMatchObject({
      kind: 'fault',
      fault: { sqlstate: '08P01' },
    })
  })

  test('does nothing that cannot be recorded', async () => {
    const ended: unknown[] = []
    const fleet = fleetOf({
      record: async () =>
        Promise.reject(new ConsoleError({ sqlstate: '58030', message: 'not recorded' })),
      end: async (order) => {
        ended.push(order)
        return Promise.resolve({ ended: 1, unanswered: 0 })
      },
      restore: async (selector) => {
        ended.push(selector)
        return Promise.resolve({ restored: 1, unanswered: 0 })
      },
    })
    for (const statement of [
      'KILL ROLE a',
      `KILL_CLIENT ${sessionNumber(id)}`,
      "REVOKE ROLE a UNTIL '2029-01-01'",
      'RESTORE ROLE a',
    ]) {
      expect(await say(statement, fleet)).toMatchObject({ fault: { sqlstate: '58030' } })
    }
    expect(ended).toEqual([])
  })
})

describe('KILL_CLIENT', () => {
  test('ends the session with that number, wherever it is', async () => {
    const { calls, fleet } = told()
    const { tag } = await answerTo(`KILL_CLIENT ${sessionNumber(id)}`, fleet)
    expect(tag).toBe('KILL_CLIENT')
    expect(calls[1]).toMatchObject(['end', { selectors: [{ session: id }], end: 'killed' }])
  })

  test('ends nobody where no session has it', async () => {
    const { calls, fleet } = told()
    const { notices } = await answerTo('KILL_CLIENT 17', fleet)
    expect(notices?.map(({ message }) => message)).toEqual(['no client has this number'])
    expect(calls).toEqual([])
  })

  test('ends nobody where two sessions have it', async () => {
    const other = { ...session, facts: { ...session.facts, id: `${id.slice(0, -1)}7` } }
    const sessions: ConsoleFleet['sessions'] = async (query) =>
      Promise.resolve(listSessions([session, other], query))
    const { calls, fleet } = told()
    const reply = await say(`KILL_CLIENT ${sessionNumber(id)}`, { ...fleet, sessions })
    expect(reply).toMatchObject({ kind: 'fault', fault: { sqlstate: '42702' } })
    expect(calls).toEqual([])
  })
})

describe('REVOKE', () => {
  test('ends them and refuses them until then', async () => {
    const { calls, fleet } = told({ ended: 2 })
    const until = new Date(Date.now() + 86_400_000).toISOString()
    const { tag, notices } = await answerTo(`REVOKE SUBJECT 'auth0|alice' UNTIL '${until}'`, fleet)
    expect(tag).toBe('REVOKE 2')
    expect(notices).toHaveLength(1)
    const selector = { subject: 'auth0|alice' }
    const untilMs = Date.parse(until)
    expect(calls).toEqual([
      ['record', { user: administrator, act: 'revoke', selector, untilMs }],
      ['end', { selectors: [selector], end: 'revoked', refusedUntilMs: untilMs, by: 'carol' }],
    ])
  })

  test('of a time that is past does nothing', async () => {
    const { calls, fleet } = told()
    const reply = await say("REVOKE ROLE a UNTIL '2001-01-01'", fleet)
    expect(reply).toMatchObject({ kind: 'fault', fault: { sqlstate: '22008' } })
    expect(calls).toEqual([])
  })
})

describe('RESTORE', () => {
  test('takes back what was revoked by just these criteria', async () => {
    const { calls, fleet } = told()
    const { tag, notices } = await answerTo("RESTORE SUBJECT 'auth0|alice'", fleet)
    expect({ tag, notices }).toEqual({ tag: 'RESTORE 1', notices: [] })
    const selector = { subject: 'auth0|alice' }
    expect(calls).toEqual([
      ['record', { user: administrator, act: 'restore', selector }],
      ['restore', selector],
    ])
  })

  test('says where there was nothing to take back, and who did not answer', async () => {
    const { fleet } = told({ restored: 0, unanswered: 1 })
    const { tag, notices } = await answerTo('RESTORE ROLE a', fleet)
    expect(tag).toBe('RESTORE 0')
    expect(notices?.map(({ severity }) => severity)).toEqual(['NOTICE', 'WARNING'])
  })
})
