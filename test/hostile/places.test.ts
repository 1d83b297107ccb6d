// Those whom nobody vouches for yet: how many there may be, what those beyond are told, and that each
// gives its place back once, however it ends.
import { beforeAll, describe, expect, test } from 'vitest'
import { maxTold } from '../../src/session/places.ts'
import type { Rules } from '../../src/session/services.ts'
import { Frontend, readError } from '../transcript/frontend.ts'
import { createTrust, database, Gate, role, type Trust } from '../transcript/gate.ts'
import { until } from '../transcript/until.ts'
import { authentication, trust as letIn, Upstream } from '../transcript/upstream.ts'
import { codes, cstrings, int32, message, packet, startup } from '../unit/wire/bytes.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

const hello = startup(['user', role, 'database', database])
const wrongKey = packet(codes.cancel, Buffer.concat([int32(4711), int32(1)]))
const overall = { sqlstate: '53300', message: 'too many connections are logging in' }
const ofAddress = {
  sqlstate: '53300',
  message: 'too many connections from address "127.0.0.1" are logging in',
}

async function start(limits: Partial<Rules['limits']>, options: object = {}): Promise<Gate> {
  return Gate.start({ trust, limits, ...options })
}

/** Connects so many silent clients, which the end of the gate ends, and waits until it has them all. */
async function fill(gate: Gate, count: number, from?: string): Promise<readonly Frontend[]> {
  const before = gate.witness.opens.length
  const frontends = await Promise.all(Array.from({ length: count }, async () => gate.connect(from)))
  await until('all of them', () => gate.witness.opens.length === before + count)
  return frontends
}

function refusalsOf(gate: Gate): readonly string[] {
  return gate.witness.outcomes.flatMap((one) =>
    one.kind === 'refused' ? [one.refusal.reason] : [],
  )
}

describe('too many clients that nobody vouches for', () => {
  test.each([
    ['within TLS', async (frontend: Frontend) => frontend.secure(trust.ca)],
    ['without TLS', async () => Promise.resolve()],
  ])('are told so %s, behind their startup packet', async (_, reach) => {
    await using gate = await start({ maxUnauthenticated: 2 })
    await fill(gate, 2)
    await using third = await gate.connect()
    await reach(third)
    third.send(hello)
    expect(readError(await third.rest())).toMatchObject(overall)
    expect(refusalsOf(gate)).toEqual(['too-many-unauthenticated'])
  })

  test('are closed without a word where many are being told', async () => {
    await using gate = await start({ maxUnauthenticated: 2 })
    await fill(gate, 2 + maxTold)
    expect(refusalsOf(gate)).toEqual([])
    await using last = await gate.connect()
    expect(await last.rest()).toHaveLength(0)
    expect(refusalsOf(gate)).toEqual(['too-many-unauthenticated'])
  })

  test('make room when they go', async () => {
    await using gate = await start({ maxUnauthenticated: 1 })
    const first = await gate.connect()
    await until('the first', () => gate.witness.opens.length === 1)
    await first[Symbol.asyncDispose]()
    await gate.settled()
    await using second = await gate.connect()
    await second.secure(trust.ca)
    expect((await second.send(hello).takeMessage()).raw).toEqual(authentication.cleartext)
  })

  test('do not count those who are in', async () => {
    await using upstream = await Upstream.start(letIn)
    await using gate = await start(
      { maxUnauthenticated: 1, maxUnauthenticatedPerAddress: 1 },
      { allowsCleartext: true, upstream: { port: upstream.port } },
    )
    await using first = await gate.connect()
    await gate.logIn(first)
    expect(await gate.outcome()).toMatchObject({ kind: 'admitted' })
    await until('its place', () => gate.registry.places.taken === 0)
    await using second = await gate.connect()
    second.send(hello)
    expect((await second.takeMessage()).raw).toEqual(message('R', int32(3)))
  })
})

describe('too many of one address', () => {
  test('are told so, and nobody else is', async () => {
    await using gate = await start({ maxUnauthenticated: 10, maxUnauthenticatedPerAddress: 2 })
    await fill(gate, 2)
    await using third = await gate.connect()
    await third.secure(trust.ca)
    expect(readError(await third.send(hello).rest())).toMatchObject(ofAddress)
    expect(refusalsOf(gate)).toEqual(['too-many-from-address'])
    await using other = await gate.connect('127.0.0.2')
    await other.secure(trust.ca)
    expect((await other.send(hello).takeMessage()).raw).toEqual(authentication.cleartext)
  })

  test('take no place of anybody else, however many come', async () => {
    await using gate = await start({ maxUnauthenticated: 4, maxUnauthenticatedPerAddress: 3 })
    await fill(gate, 3)
    await fill(gate, maxTold)
    for (let i = 0; i < 20; i++) {
      await using cut = await gate.connect()
      expect(await cut.rest()).toHaveLength(0)
    }
    await using other = await gate.connect('127.0.0.2')
    await other.secure(trust.ca)
    expect((await other.send(hello).takeMessage()).raw).toEqual(authentication.cleartext)
  })

  test('keep their places while they read why they were refused', async () => {
    await using gate = await start({ maxUnauthenticated: 10, maxUnauthenticatedPerAddress: 1 })
    await using rude = await Frontend.connect(gate.port, true)
    rude.send(Buffer.alloc(8, 0xff))
    await until('the refusal', () => refusalsOf(gate).length === 1)
    expect(gate.registry.places.taken).toBe(1)
    await using second = await gate.connect()
    expect(readError(await second.send(hello).rest())).toMatchObject(ofAddress)
    rude.socket.end()
    await gate.settled()
  })
})

describe('behind a proxy', () => {
  const proxied = { trustedProxies: ['127.0.0.1'] }
  const header = (client: string): string => `PROXY TCP6 ${client} 2001:db8::1 50115 5432\r\n`

  test('the address is that of the header, an IPv6 address its /64', async () => {
    await using gate = await start(
      { maxUnauthenticated: 20, maxUnauthenticatedPerAddress: 1 },
      proxied,
    )
    await using first = await gate.connect()
    await first.send(header('2001:db8::7'), packet(codes.ssl)).take(1)
    await using second = await gate.connect()
    second.send(header('2001:db8::8'), hello)
    expect(readError(await second.rest())).toMatchObject({
      sqlstate: '53300',
      message: 'too many connections from address "2001:db8::8" are logging in',
    })
    await using third = await gate.connect()
    expect(await third.send(header('2001:db8:0:1::7'), packet(codes.ssl)).take(1)).toBe('S')
  })

  test('those whose header has not come count for no address', async () => {
    await using gate = await start(
      { maxUnauthenticated: 20, maxUnauthenticatedPerAddress: 1 },
      proxied,
    )
    await fill(gate, 10)
    expect(gate.registry.places.addresses).toBe(0)
    await using other = await gate.connect()
    expect(await other.send(header('2001:db8::7'), packet(codes.ssl)).take(1)).toBe('S')
  })

  test('those whose header does not come give way to those who send it', async () => {
    await using gate = await start({ maxUnauthenticated: 10 }, proxied)
    const silent = await fill(gate, 5)
    for (let i = 0; i < 20; i++) {
      await using other = await gate.connect()
      expect(await other.send(header('2001:db8::7'), packet(codes.ssl)).take(1)).toBe('S')
    }
    await until('the silent to be closed', () => silent.some(({ socket }) => socket.closed))
    expect(refusalsOf(gate)).toContain('too-many-unauthenticated')
  })

  test('those without header leave half of the places to others', async () => {
    await using gate = await start({ maxUnauthenticated: 10 }, proxied)
    await fill(gate, 30)
    await until('the rest', () => gate.registry.places.taken === 5)
    await using other = await gate.connect('127.0.0.2')
    expect(await other.send(packet(codes.ssl)).take(1)).toBe('S')
  })

  test('its own health checks count for its own address', async () => {
    await using gate = await start(
      { maxUnauthenticated: 20, maxUnauthenticatedPerAddress: 1 },
      proxied,
    )
    await using check = await gate.connect()
    await check.send('PROXY UNKNOWN\r\n', packet(codes.ssl)).take(1)
    await using second = await gate.connect()
    second.send('PROXY UNKNOWN\r\n', hello)
    expect(readError(await second.rest())).toMatchObject(ofAddress)
    await using other = await gate.connect()
    expect(await other.send(header('2001:db8::7'), packet(codes.ssl)).take(1)).toBe('S')
  })
})

describe('a place is given back once by a client that', () => {
  const bearer = startup([
    ...['user', role, 'database', database],
    ...['options', '-c auth_method=oauthbearer'],
  ])
  const discovery = message(
    'p',
    Buffer.concat([cstrings('OAUTHBEARER'), int32(11), Buffer.from('n,,\x01auth=\x01\x01')]),
  )
  const impatient = { timeouts: { startupMs: 50, tlsHandshakeMs: 50, authenticationMs: 50 } }
  const cleartext = { allowsCleartext: true }

  test.each<[string, object, (frontend: Frontend, gate: Gate) => unknown, string]>([
    ['closes at once', {}, ({ socket }) => socket.end(), 'abandoned'],
    [
      'resets the connection',
      {},
      (frontend) => {
        frontend.reset()
      },
      'abandoned',
    ],
    ['says nothing', impatient, () => {}, 'startup-timeout'],
    ['begins no handshake', impatient, (one) => one.send(packet(codes.ssl)), 'tls-failed'],
    [
      'breaks off its handshake',
      {},
      async (one) => {
        await one.send(packet(codes.ssl)).take(1)
        one.send('GET / HTTP/1.1\r\n\r\n')
      },
      'tls-failed',
    ],
    ['is silent within TLS', impatient, async (one) => one.secure(trust.ca), 'startup-timeout'],
    [
      'says what is no protocol',
      {},
      (one) => one.send('GET / HTTP/1.1\r\n\r\n'),
      'malformed-startup',
    ],
    ['sends bytes before TLS', {}, (one) => one.send(packet(codes.ssl), hello), 'early-data'],
    ['asks without TLS', {}, (one) => one.send(hello), 'tls-required'],
    [
      'has no password',
      { ...cleartext, ...impatient },
      (one) => one.send(hello),
      'authentication-timeout',
    ],
    [
      'has the wrong password',
      cleartext,
      (one) => one.send(hello, message('p', 'wrong\0')),
      'sso-required',
    ],
    [
      'asks where tokens are',
      cleartext,
      (one) => one.send(bearer, discovery, message('p', '\x01')),
      'discovered',
    ],
    ['has a wrong cancel key', {}, (one) => one.send(wrongKey), 'cancelled'],
    ['finds no server', cleartext, async (one, gate) => gate.logIn(one), 'upstream-unreachable'],
    ['is there when the gate drains', {}, (_, gate) => void gate.registry.drain(1_000), 'draining'],
  ])('%s', async (_, options, act, expected) => {
    await using gate = await start({ maxUnauthenticatedPerAddress: 1 }, options)
    await using frontend = await gate.connect()
    await until('its place', () => gate.registry.places.addresses === 1)
    expect(gate.registry.places.taken).toBe(1)
    await act(frontend, gate)
    const outcome = await gate.outcome()
    expect(outcome.kind === 'refused' ? outcome.refusal.reason : outcome.kind).toBe(expected)
    await gate.settled()
    expect([gate.registry.places.taken, gate.registry.places.addresses]).toEqual([0, 0])
  })

  test.each([
    ['is let in', 'admitted'],
    ['is let in and has left', 'ended'],
  ])('%s', async (_, kind) => {
    await using upstream = await Upstream.start(letIn)
    await using gate = await start(
      { maxUnauthenticatedPerAddress: 1 },
      { ...cleartext, upstream: { port: upstream.port } },
    )
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await until('the session', () => gate.registry.size === 1)
    await until('its place', () => gate.registry.places.taken === 0)
    if (kind === 'ended') {
      frontend.socket.end()
      await gate.settled()
    }
    expect([gate.registry.places.taken, gate.registry.places.addresses]).toEqual([0, 0])
  })
})

describe('cancel requests with made-up keys', () => {
  test('cost their address its places, and nobody else', async () => {
    await using gate = await start({ maxUnauthenticated: 10, maxUnauthenticatedPerAddress: 3 })
    for (let i = 0; i < 20; i++) {
      await using guess = await gate.connect()
      expect(await guess.send(wrongKey).rest()).toHaveLength(0)
    }
    const looked = gate.witness.outcomes.filter(({ kind }) => kind === 'cancelled')
    // One more for each that a second has passed since.
    expect(looked.length).toBeLessThanOrEqual(6)
    expect(new Set(refusalsOf(gate))).toEqual(new Set(['too-many-from-address']))
    await using other = await gate.connect('127.0.0.2')
    await other.secure(trust.ca)
    expect((await other.send(hello).takeMessage()).raw).toEqual(authentication.cleartext)
  })
})
