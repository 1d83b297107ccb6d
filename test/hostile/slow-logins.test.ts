// Whoever takes each step of a login at the last moment gets no more time for all of them.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Frontend } from '../transcript/frontend.ts'
import {
  createTrust,
  database,
  Gate,
  type GateOptions,
  type Outcome,
  role,
  type Trust,
} from '../transcript/gate.ts'
import { turns, until } from '../transcript/until.ts'
import { authentication, Upstream, welcome } from '../transcript/upstream.ts'
import { codes, cstrings, int32, message, packet, startup } from '../unit/wire/bytes.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const limitMs = 200
const proxyLine = 'PROXY TCP6 2001:db8::7 2001:db8::1 50115 5432\r\n'
const hello = startup(['user', role, 'database', database])
const bearerHello = startup([
  ...['user', role, 'database', database],
  ...['options', '-c auth_method=oauthbearer'],
])
const withoutResponse = message('p', Buffer.concat([cstrings('OAUTHBEARER'), int32(-1)]))

/** What a client says, each time after it has let so much of the limit pass. */
type Step = Buffer | string | ((frontend: Frontend) => Promise<unknown>)

/** Takes each step when most of the limit has passed since the last, unless the connection is over before. */
async function takeSteps(frontend: Frontend, steps: readonly Step[]): Promise<number> {
  for (const [index, step] of steps.entries()) {
    const dueAt = performance.now() + 0.8 * limitMs
    await until(
      'the next step, or the end',
      () => frontend.socket.closed || performance.now() >= dueAt,
    )
    if (frontend.socket.closed) return index
    if (typeof step === 'function') await step(frontend)
    else frontend.send(step)
    await turns(3)
  }
  return steps.length
}

async function soleOutcome(gate: Gate): Promise<Outcome> {
  await gate.outcome()
  const outcomes = await gate.settled()
  expect(outcomes).toHaveLength(1)
  return outcomes[0]!
}

describe('a client that sends packet by packet', () => {
  test.each<[string, Partial<GateOptions>, readonly Step[], number]>([
    [
      'a PROXY header, requests for encryption and the startup message',
      { trustedProxies: ['127.0.0.1'] },
      [proxyLine, packet(codes.gss), packet(codes.ssl), hello],
      1,
    ],
    [
      'requests for encryption within TLS',
      {},
      [async (frontend) => frontend.secure(trust.ca), packet(codes.gss), packet(codes.ssl), hello],
      1,
    ],
  ])('%s, gets the time of one for all', async (_, options, steps, most) => {
    await using gate = await Gate.start({ trust, timeouts: { startupMs: limitMs }, ...options })
    await using frontend = await gate.connect()
    expect(await takeSteps(frontend, steps)).toBeLessThanOrEqual(most)
    expect(await soleOutcome(gate)).toMatchObject({
      kind: 'refused',
      refusal: { reason: 'startup-timeout' },
    })
  })

  test('its SASL responses, gets the time of one for all', async () => {
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      timeouts: { authenticationMs: limitMs },
    })
    await using frontend = await gate.connect()
    await frontend.send(bearerHello).takeMessage()
    const steps = [withoutResponse, message('p', 'n,,\x01auth=\x01\x01'), message('p', '\x01')]
    expect(await takeSteps(frontend, steps)).toBeLessThanOrEqual(1)
    expect(await soleOutcome(gate)).toMatchObject({
      kind: 'refused',
      refusal: { reason: 'authentication-timeout' },
    })
  })

  test('its part of a relayed SCRAM, gets the time of one for all', async () => {
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      connection.send(authentication.sasl)
      await connection.takeMessage()
      connection.send(authentication.saslContinue('r=onetwo,s=c2FsdA==,i=4096'))
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      requireSso: false,
      authMethods: ['scram-sha-256'],
      timeouts: { authenticationMs: limitMs },
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    await frontend.send(hello).takeMessage()
    const first = Buffer.from('n,,n=,r=one')
    const initial = Buffer.concat([cstrings('SCRAM-SHA-256'), int32(first.length), first])
    const final = message('p', 'c=biws,r=onetwo,p=AAAA')
    expect(await takeSteps(frontend, [message('p', initial), final])).toBeLessThanOrEqual(1)
    expect(await soleOutcome(gate)).toMatchObject({
      kind: 'refused',
      refusal: { reason: 'authentication-timeout' },
    })
  })

  test('within the time of all is served, however long its TLS handshake takes', async () => {
    await using gate = await Gate.start({ trust, timeouts: { startupMs: limitMs } })
    await using frontend = await gate.connect()
    await frontend.send(packet(codes.ssl)).take(1)
    const startedAt = performance.now()
    await until('longer than the limit', () => performance.now() - startedAt > limitMs * 1.5)
    await frontend.handshake(trust.ca)
    expect((await frontend.send(hello).takeMessage()).raw).toEqual(authentication.cleartext)
  })
})

describe('a server that answers byte by byte', () => {
  const error = message('E', 'SFATAL\0C53300\0Mnot yet\0\0')
  const notices = Array.from({ length: 50 }, () => message('N', 'SNOTICE\0C00000\0Mwait\0\0'))
  test.each([
    ['that it is let in', welcome],
    ['that it is not', error],
    ['one notice after the other', Buffer.concat([authentication.ok, ...notices])],
  ])('%s, is given up at the deadline', async (_, answer) => {
    let isOver = false
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      const startedAt = performance.now()
      // The last byte never comes.
      for (let sent = 0; !isOver && !connection.isClosed;) {
        const elapsed = performance.now() - startedAt
        const due = Math.min(
          answer.length - 1,
          Math.floor((elapsed / (limitMs * 2)) * answer.length),
        )
        if (sent < due) connection.send(answer.subarray(sent, due))
        sent = Math.max(sent, due)
        await turns(1)
      }
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      limits: { maxSessions: 1 },
      upstream: { port: upstream.port, connectTimeoutMs: limitMs },
    })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    expect(await soleOutcome(gate)).toMatchObject({
      kind: 'refused',
      refusal: { reason: 'upstream-timeout' },
    })
    await until('nothing at the server', () => upstream.isDeserted)
    isOver = true
    // The one reservation is there again.
    expect(gate.ledger.open).toBe(0)
  })
})
