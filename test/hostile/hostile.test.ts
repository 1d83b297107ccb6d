import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Frontend, readError } from '../transcript/frontend.ts'
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
import { trust as letIn, Upstream } from '../transcript/upstream.ts'
import { codes, cstrings, int32, message, packet, startup } from '../unit/wire/bytes.ts'

let trust: Trust
const thrown: unknown[] = []
const note = (error: unknown): void => {
  thrown.push(error)
}

beforeAll(async () => {
  trust = await createTrust()
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
})

afterAll(() => {
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
  expect(thrown).toEqual([])
})

const limitMs = 100
const timeouts = { startupMs: limitMs, tlsHandshakeMs: limitMs, authenticationMs: limitMs }
const proxyLine = 'PROXY TCP6 2001:db8::7 2001:db8::1 50115 5432\r\n'
const hello = startup(['user', role, 'database', database])

interface Stage {
  readonly name: string
  readonly options: Partial<GateOptions>
  /** Brings a client to the point where the gate waits for `next`. */
  readonly reach: (frontend: Frontend) => Promise<unknown>
  readonly next: Buffer
  /** What silence ends with. */
  readonly silence: Ending
  /** The same for whoever sends byte by byte, where that is another. */
  readonly drip?: Ending
}

interface Ending {
  readonly reason: string
  readonly message: string | undefined
}

const bearerHello = startup([
  ...['user', role, 'database', database],
  ...['options', '-c auth_method=oauthbearer'],
])

function saslInitialResponse(response: string | undefined): Buffer {
  const length = int32(response?.length ?? -1)
  return message('p', Buffer.concat([cstrings('OAUTHBEARER'), length, Buffer.from(response ?? '')]))
}

const authenticationTimeout = {
  reason: 'authentication-timeout',
  message: 'authentication timeout',
}
const startupTimeout = { reason: 'startup-timeout', message: 'startup timeout' }
const nothing = async (): Promise<void> => Promise.resolve()

const stages: readonly Stage[] = [
  {
    name: 'the first packet',
    options: {},
    reach: nothing,
    next: packet(codes.ssl),
    silence: startupTimeout,
  },
  {
    name: 'a PROXY header',
    options: { trustedProxies: ['127.0.0.1'] },
    reach: nothing,
    next: Buffer.from(proxyLine),
    silence: startupTimeout,
  },
  {
    name: 'what follows a PROXY header',
    options: { trustedProxies: ['127.0.0.1'] },
    reach: async (frontend) => {
      frontend.send(proxyLine)
      return Promise.resolve()
    },
    next: packet(codes.ssl),
    silence: startupTimeout,
  },
  {
    name: 'what follows a GSSENCRequest',
    options: {},
    reach: async (frontend) => frontend.send(packet(codes.gss)).take(1),
    next: packet(codes.ssl),
    silence: startupTimeout,
  },
  {
    name: 'the TLS handshake',
    options: {},
    reach: async (frontend) => frontend.send(packet(codes.ssl)).take(1),
    next: Buffer.from('16030100c8010000c403', 'hex'),
    silence: { reason: 'tls-failed', message: undefined },
  },
  {
    name: 'the startup message',
    options: {},
    reach: async (frontend) => frontend.secure(trust.ca),
    next: hello,
    silence: startupTimeout,
  },
  {
    name: 'the password',
    options: {},
    reach: async (frontend) => {
      await frontend.secure(trust.ca)
      await frontend.send(hello).takeMessage()
    },
    next: message('p', `${'x'.repeat(100)}\0`),
    silence: authenticationTimeout,
  },
  {
    name: 'a direct TLS handshake',
    options: {},
    reach: nothing,
    next: Buffer.from('16030100c8010000c403', 'hex'),
    silence: startupTimeout,
    drip: { reason: 'tls-failed', message: undefined },
  },
  {
    name: 'the first SASL response',
    options: {},
    reach: async (frontend) => {
      await frontend.secure(trust.ca)
      await frontend.send(bearerHello).takeMessage()
    },
    next: saslInitialResponse('n,,\x01auth=Bearer eyJ.eyJ.x\x01\x01'),
    silence: authenticationTimeout,
  },
  {
    name: 'the SASL response behind an empty one',
    options: {},
    reach: async (frontend) => {
      await frontend.secure(trust.ca)
      await frontend.send(bearerHello).takeMessage()
      await frontend.send(saslInitialResponse(undefined)).takeMessage()
    },
    next: message('p', 'n,,\x01auth=Bearer eyJ.eyJ.x\x01\x01'),
    silence: authenticationTimeout,
  },
  {
    name: 'the answer to a refused token',
    options: {},
    reach: async (frontend) => {
      await frontend.secure(trust.ca)
      await frontend.send(bearerHello).takeMessage()
      await frontend.send(saslInitialResponse('n,,\x01auth=\x01\x01')).takeMessage()
    },
    next: message('p', '\x01'),
    silence: authenticationTimeout,
  },
]

/** The one outcome that a session has once it has left nothing behind. */
async function onlyOutcome(gate: Gate): Promise<Outcome> {
  await gate.outcome()
  const outcomes = await gate.settled()
  expect(outcomes).toHaveLength(1)
  return outcomes[0]!
}

describe.each(stages)(
  'a client at the stage of $name',
  ({ options, reach, next, silence, drip }) => {
    async function start(): Promise<Gate> {
      return Gate.start({ trust, ...options })
    }

    test('that is silent is refused at the deadline', async () => {
      await using gate = await Gate.start({ trust, timeouts, ...options })
      await using frontend = await gate.connect()
      await reach(frontend)
      const answer = await frontend.rest()
      if (silence.message === undefined) expect(answer).toHaveLength(0)
      else expect(readError(answer)).toMatchObject({ sqlstate: '08006', message: silence.message })
      expect(await onlyOutcome(gate)).toMatchObject({
        kind: 'refused',
        refusal: { reason: silence.reason },
      })
    })

    test('that sends byte by byte gets no more time', async () => {
      await using gate = await Gate.start({ trust, timeouts, ...options })
      await using frontend = await gate.connect()
      await reach(frontend)
      // The last byte never comes, so that the packet is never whole.
      const bytes = next.subarray(0, -1)
      const startedAt = performance.now()
      for (let sent = 0; !frontend.socket.closed;) {
        const elapsed = performance.now() - startedAt
        if (elapsed > 1_500) throw new Error('still served')
        const due = Math.min(bytes.length, Math.floor((elapsed / (limitMs * 2)) * bytes.length) + 1)
        if (sent < due && frontend.socket.writable) frontend.send(bytes.subarray(sent, due))
        sent = due
        await turns(1)
      }
      expect(await onlyOutcome(gate)).toMatchObject({
        kind: 'refused',
        refusal: { reason: (drip ?? silence).reason },
      })
    })

    test.each<[string, (frontend: Frontend) => unknown]>([
      ['ends', (frontend) => frontend.socket.end()],
      ['is destroyed', (frontend) => frontend.socket.destroy()],
      [
        'is reset',
        (frontend) => {
          frontend.reset()
        },
      ],
      ['ends within its packet', (frontend) => frontend.socket.end(next.subarray(0, -1))],
    ])('that %s is let go at once', async (_, close) => {
      await using gate = await start()
      await using frontend = await gate.connect()
      await reach(frontend)
      close(frontend)
      const outcome = await onlyOutcome(gate)
      expect(['abandoned', 'refused']).toContain(outcome.kind)
    })
  },
)

describe('a client that sends too much', () => {
  async function refusalOf(
    options: Partial<GateOptions>,
    reach: (frontend: Frontend) => Promise<unknown>,
    bytes: Buffer,
  ): Promise<string> {
    await using gate = await Gate.start({ trust, ...options })
    await using frontend = await gate.connect()
    await reach(frontend)
    frontend.send(bytes)
    await frontend.rest()
    const outcome = await onlyOutcome(gate)
    return outcome.kind === 'refused' ? outcome.refusal.reason : outcome.kind
  }

  const { reach: reachHello } = stages[5]!
  const { reach: reachPassword } = stages[6]!
  const flood = Buffer.alloc(1 << 20, 0x41)

  test.each<[string, Partial<GateOptions>, Stage['reach'], Buffer, string]>([
    ['first packet', {}, nothing, int32(10_001), 'malformed-startup'],
    ['first packet, and a flood', {}, nothing, flood, 'malformed-startup'],
    ['startup message within TLS', {}, reachHello, int32(10_001), 'malformed-startup'],
    ['startup message within TLS, and a flood', {}, reachHello, flood, 'malformed-startup'],
    [
      'PROXY line',
      { trustedProxies: ['127.0.0.1'] },
      nothing,
      Buffer.from(`PROXY UNKNOWN ${'x'.repeat(1_000)}`),
      'malformed-startup',
    ],
    [
      'PROXY header of version 2',
      { trustedProxies: ['127.0.0.1'] },
      nothing,
      Buffer.from('0d0a0d0a000d0a515549540a2111ffff', 'hex'),
      'malformed-startup',
    ],
    [
      'password',
      {},
      reachPassword,
      Buffer.concat([Buffer.from('p'), int32(65_536)]),
      'password-too-long',
    ],
    [
      'password of 2 GiB',
      {},
      reachPassword,
      Buffer.concat([Buffer.from('p'), int32(2 ** 31 - 1), flood]),
      'password-too-long',
    ],
    ['message instead of a password', {}, reachPassword, flood, 'malformed-password'],
    [
      'SASL message instead of a password',
      {},
      reachPassword,
      message('p', 'SCRAM-SHA-256\0\0\0\0\x08n,,n=,r='),
      'malformed-password',
    ],
  ])('as a %s is refused', async (_, options, reach, bytes, reason) => {
    expect(await refusalOf(options, reach, bytes)).toBe(reason)
  })

  test('cannot make the gate keep more than its limits while it logs in', async () => {
    const asked = Promise.withResolvers<undefined>()
    await using upstream = await Upstream.start(async (connection) => {
      await connection.takeStartup()
      asked.resolve(undefined)
    })
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      upstream: { port: upstream.port },
    })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await asked.promise
    const chunk = Buffer.alloc(1 << 20)
    for (let sent = 0; sent < 64; sent++) frontend.socket.write(chunk)
    await turns(200)
    // What the kernel and the gate do not take stays with the client.
    expect(frontend.socket.writableLength).toBeGreaterThan(32 << 20)
  })
})

describe('a client that never reads', () => {
  test('its refusal is cut off all the same', async () => {
    await using gate = await Gate.start({ trust })
    await using frontend = await gate.connect()
    frontend.socket.pause()
    frontend.send(Buffer.alloc(8, 0xff))
    expect(await gate.outcome()).toMatchObject({ kind: 'refused' })
    frontend.socket.resume()
    await frontend.rest()
    await gate.settled()
  })
})

describe('too many sessions', () => {
  test('are refused before the upstream is asked', async () => {
    await using upstream = await Upstream.start(letIn)
    await using gate = await Gate.start({
      trust,
      allowsCleartext: true,
      limits: { maxSessions: 1 },
      upstream: { port: upstream.port },
    })
    await using first = await gate.connect()
    await gate.logIn(first)
    expect(await gate.outcome()).toMatchObject({ kind: 'admitted' })
    await using second = await gate.connect()
    await gate.logIn(second)
    expect(readError(await second.rest())).toMatchObject({
      sqlstate: '53300',
      message: 'sorry, too many clients already',
    })
    expect(upstream.connections).toHaveLength(1)
  })
})

test('a stream of half-open clients leaves nothing behind', async () => {
  await using gate = await Gate.start({ trust, limits: { maxUnauthenticated: 100 } })
  const frontends = await Promise.all(Array.from({ length: 50 }, async () => gate.connect()))
  await until('all', () => gate.witness.opens.length === frontends.length)
  for (const [index, frontend] of frontends.entries()) {
    frontend.send(packet(codes.ssl).subarray(0, index % 8))
    if (index % 2 === 0) frontend.socket.end()
    else frontend.reset()
  }
  const outcomes = await gate.settled()
  expect(outcomes.map((outcome) => outcome.kind)).toEqual(
    Array.from({ length: 50 }, () => 'abandoned'),
  )
})
