// Access that is revoked while somebody logs in: whatever moment it is, nobody is in afterwards.
import { beforeAll, describe, expect, test } from 'vitest'
import { Denials } from '../../src/session/denials.ts'
import type { EndOrder } from '../../src/session/revocations.ts'
import { message, startup } from '../unit/wire/bytes.ts'
import { readError } from './frontend.ts'
import { createTrust, database, Gate, role, type Trust } from './gate.ts'
import { until } from './until.ts'
import { authentication, greeting, ready, Upstream, type UpstreamConnection } from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const welcome = Buffer.concat([
  authentication.ok,
  greeting,
  message('K', Buffer.alloc(8, 7)),
  ready,
])

const kill: EndOrder = { selectors: [{ subject: 'alice' }], end: 'killed' }
const denied = { sqlstate: '28000', message: 'access is denied' }

type Revoke = (gate: Gate) => void

const ways: readonly (readonly [string, Revoke])[] = [
  ['a KILL', (gate) => gate.revocations.end(kill)],
  [
    'the deny file',
    (gate) => {
      const denial = { selector: { subject: 'alice' }, untilMs: undefined, why: 'entry 1' }
      void gate.revocations.deny(new Denials([denial]))
    },
  ],
]

describe.each(ways)('%s that comes', (_, revoke) => {
  test('before the credential is there refuses the login, and PostgreSQL is not asked', async () => {
    await using upstream = await Upstream.start(async () => Promise.resolve())
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    frontend.send(startup(['user', role, 'database', database]))
    await frontend.takeMessage()
    revoke(gate)
    frontend.send(message('p', `${await trust.token()}\0`))
    expect(readError(await frontend.rest())).toMatchObject(denied)
  })

  test('while PostgreSQL is asked refuses the login, and leaves nothing there', async () => {
    const asked = Promise.withResolvers<UpstreamConnection>()
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takePacket()
      asked.resolve(connection)
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    const connection = await asked.promise
    revoke(gate)
    connection.send(welcome)
    expect(readError(await frontend.rest())).toMatchObject(denied)
    await until('the end at PostgreSQL', () => connection.isClosed)
    expect(gate.witness.outcomes.map(({ kind }) => kind)).toEqual(['refused'])
    expect(gate.registry.size).toBe(0)
  })

  test('when the session is in ends it', async () => {
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takePacket()
      connection.send(welcome)
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    while ((await frontend.takeMessage()).type !== 'Z');
    revoke(gate)
    expect(readError(await frontend.rest())).toMatchObject({ sqlstate: '57P01' })
  })
})

describe('a configuration that replaces that of a login under way', () => {
  test.each([
    [true, 'is enforced on it'],
    [false, 'is for later ones where it is not to be enforced'],
  ])('(enforced: %s) %s', async (isEnforced) => {
    const asked = Promise.withResolvers<UpstreamConnection>()
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takePacket()
      asked.resolve(connection)
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    const connection = await asked.promise
    const { catalog } = gate.rules
    gate.rules = { ...gate.rules, isEnforced, catalog: { ...catalog, integrations: new Map() } }
    connection.send(welcome)
    const first = await frontend.takeMessage()
    expect(first.type).toBe(isEnforced ? 'E' : 'R')
    expect(gate.registry.size).toBe(isEnforced ? 0 : 1)
  })
})
