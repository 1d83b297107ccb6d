import { setImmediate as nextTurn } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { codes, cstrings, int32, message, packet, startup } from '../unit/wire/bytes.ts'
import type { Frontend } from './frontend.ts'
import { readError } from './frontend.ts'
import { createTrust, database, Gate, type GateOptions, role, type Trust } from './gate.ts'
import { trust as letIn, Upstream, upstreamKey } from './upstream.ts'

let trust: Trust

beforeAll(async () => {
  trust = await createTrust()
})

async function start(options: Partial<GateOptions> = {}): Promise<Gate> {
  return Gate.start({ trust, ...options })
}

/** The whole error that a client gets for what it did itself, byte for byte. */
function fatal(sqlstate: string, text: string, hint?: string): Buffer {
  const fields = ['SFATAL', 'VFATAL', `C${sqlstate}`, `M${text}`]
  if (hint !== undefined) fields.push(`H${hint}`)
  return message('E', cstrings(...fields, ''))
}

const cleartextPassword = message('R', int32(3))
const hello = startup(['user', role, 'database', database])

describe('a request for encryption', () => {
  test('SSLRequest is answered S and nothing more', async () => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(packet(codes.ssl))
    expect(await frontend.take(1)).toBe('S')
    await frontend.handshake(trust.ca)
    expect(frontend.unread).toHaveLength(0)
  })

  test('GSSENCRequest is answered N, and the SSLRequest behind it S', async () => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(packet(codes.gss))
    expect(await frontend.take(1)).toBe('N')
    await frontend.secure(trust.ca)
    frontend.send(hello)
    expect((await frontend.takeMessage()).raw).toEqual(cleartextPassword)
  })

  test('for GSS within TLS is fatal', async () => {
    await using gate = await start()
    await using frontend = await gate.connect()
    await frontend.secure(trust.ca)
    frontend.send(packet(codes.gss))
    expect(await frontend.rest()).toEqual(
      fatal('0A000', 'unsupported frontend protocol 1234.5680: server supports 3.0 to 3.2'),
    )
  })

  test('for TLS within TLS is fatal', async () => {
    await using gate = await start()
    await using frontend = await gate.connect()
    await frontend.secure(trust.ca)
    frontend.send(packet(codes.ssl))
    expect(await frontend.rest()).toEqual(
      fatal('0A000', 'unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2'),
    )
    expect(await gate.settled()).toHaveLength(1)
  })

  test('for GSS for the second time is fatal', async () => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(packet(codes.gss))
    await frontend.take(1)
    frontend.send(packet(codes.gss))
    expect(await frontend.rest()).toEqual(
      fatal('0A000', 'unsupported frontend protocol 1234.5680: server supports 3.0 to 3.2'),
    )
    expect(await gate.settled()).toHaveLength(1)
  })

  test.each([
    ['SSLRequest and a startup message', packet(codes.ssl), hello],
    ['SSLRequest and one byte', packet(codes.ssl), Buffer.of(0)],
    ['SSLRequest and a cancel request', packet(codes.ssl), packet(codes.cancel, Buffer.alloc(8))],
    ['SSLRequest and the TLS handshake', packet(codes.ssl), Buffer.from('160301', 'hex')],
    ['GSSENCRequest and SSLRequest', packet(codes.gss), packet(codes.ssl)],
  ])('with more behind it, %s, is fatal, and nothing is interpreted', async (_, ask, early) => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(ask, early)
    expect(await frontend.rest()).toEqual(
      fatal('08P01', 'received unencrypted data after SSL request'),
    )
    expect(await gate.settled()).toMatchObject([
      { kind: 'refused', refusal: { reason: 'early-data' } },
    ])
    expect(gate.witness.opens[0]?.requested).toBeUndefined()
  })
})

describe('an SSLRequest that comes again instead of the handshake', () => {
  test.each([
    ['by itself', [packet(codes.ssl)]],
    ['with a startup message behind it', [packet(codes.ssl), hello]],
    ['as a GSSENCRequest', [packet(codes.gss)]],
    ['as a startup message', [hello]],
  ])('%s ends the connection, and is not interpreted', async (_, again) => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(packet(codes.ssl))
    expect(await frontend.take(1)).toBe('S')
    frontend.send(...again)
    await frontend.rest()
    expect(await gate.settled()).toMatchObject([
      { kind: 'refused', refusal: { reason: 'tls-failed' } },
    ])
    expect(gate.witness.opens[0]?.requested).toBeUndefined()
  })
})

describe('a startup message without TLS', () => {
  const hint =
    'A token or a password is never asked for without TLS. ' +
    'Use sslmode=verify-full with the root certificate of the server.'

  test.each([0, 2, 9999])('of protocol 3.%d is refused before a password', async (minor) => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(startup(['user', role, 'database', database], minor))
    expect(await frontend.rest()).toEqual(
      fatal('28000', 'connection is insecure (try using `sslmode=require`)', hint),
    )
    expect(await gate.settled()).toMatchObject([
      { kind: 'refused', refusal: { reason: 'tls-required' } },
    ])
  })

  test('is served where the listener says so', async () => {
    await using gate = await start({ allowsCleartext: true })
    await using frontend = await gate.connect()
    frontend.send(hello)
    expect((await frontend.takeMessage()).raw).toEqual(cleartextPassword)
  })
})

describe('the protocol version', () => {
  test.each([0, 1, 2])('3.%d is not talked about', async (minor) => {
    await using gate = await start({ allowsCleartext: true })
    await using frontend = await gate.connect()
    frontend.send(startup(['user', role, 'database', database], minor))
    expect((await frontend.takeMessage()).raw).toEqual(cleartextPassword)
    frontend.socket.end()
    expect(await frontend.rest()).toHaveLength(0)
  })

  test.each([
    ['3.3', 3, [], '760000000c0003000200000000'],
    [
      '3.0 and an option',
      0,
      ['_pq_.x', '1'],
      `76000000130003000000000001${Buffer.from('_pq_.x\0').toString('hex')}`,
    ],
    [
      '3.9999 and an option',
      9999,
      ['_pq_.test_protocol_negotiation', ''],
      `760000002b0003000200000001${Buffer.from('_pq_.test_protocol_negotiation\0').toString('hex')}`,
    ],
  ])('%s is negotiated once, before the password', async (_, minor, options, hex) => {
    await using gate = await start({ allowsCleartext: true })
    await using frontend = await gate.connect()
    frontend.send(startup(['user', role, 'database', database, ...options], minor))
    expect((await frontend.takeMessage()).raw.toString('hex')).toBe(hex)
    expect((await frontend.takeMessage()).raw).toEqual(cleartextPassword)
    frontend.socket.end()
    expect(await frontend.rest()).toHaveLength(0)
  })

  test('2.0 is refused in words that it can read', async () => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(packet(codes.version(2, 0), Buffer.alloc(288)))
    expect((await frontend.rest()).toString()).toBe(
      'EFATAL:  unsupported frontend protocol 2.0: server supports 3.0 to 3.2\n\0',
    )
  })

  test.each([
    ['4.0', 4, 0],
    ['4.2', 4, 2],
  ])('%s is refused by name', async (version, major, minor) => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(packet(codes.version(major, minor), Buffer.alloc(288)))
    expect(await frontend.rest()).toEqual(
      fatal('0A000', `unsupported frontend protocol ${version}: server supports 3.0 to 3.2`),
    )
  })
})

describe('a cancel request', () => {
  const unknown = packet(codes.cancel, Buffer.alloc(8, 7))

  test.each<[string, (frontend: Frontend) => Promise<unknown>]>([
    ['in the clear', async () => Promise.resolve()],
    ['over TLS', async (frontend) => frontend.secure(trust.ca)],
  ])('with an unknown key %s ends without a byte', async (_, prepare) => {
    await using gate = await start()
    await using frontend = await gate.connect()
    await prepare(frontend)
    frontend.send(unknown)
    expect(await frontend.rest()).toHaveLength(0)
    expect(await gate.settled()).toMatchObject([{ kind: 'cancelled', outcome: 'unknown-key' }])
  })

  test('with the key of a session goes upstream with the key that is known there', async () => {
    const cancelled = Promise.withResolvers<Buffer>()
    await using upstream = await Upstream.start(async (connection) => {
      if (upstream.connections.length === 1) return letIn(connection)
      const { code, body } = await connection.takePacket()
      expect(code).toBe(codes.cancel)
      cancelled.resolve(body)
      connection.close()
    })
    await using gate = await start({ allowsCleartext: true, upstream: { port: upstream.port } })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    const key = await frontend.takeCancelKey()
    await using second = await gate.connect()
    second.send(packet(codes.cancel, key))
    expect(await second.rest()).toHaveLength(0)
    expect(await cancelled.promise).toEqual(
      Buffer.concat([int32(upstreamKey.processId), upstreamKey.secretKey]),
    )
    expect(key.subarray(4)).not.toEqual(upstreamKey.secretKey)
  })

  test('is not ended before the server has ended it', async () => {
    const wasEnded = Promise.withResolvers<boolean>()
    await using upstream = await Upstream.start(async (connection) => {
      if (upstream.connections.length === 1) return letIn(connection)
      await connection.takePacket()
      // PgBouncer gives a request up whose connection ends before it has passed it on.
      let isEnded = false
      void connection.rest().then(() => (isEnded = true))
      for (let turn = 0; turn < 20; turn++) await nextTurn()
      wasEnded.resolve(isEnded)
      connection.close()
    })
    await using gate = await start({ allowsCleartext: true, upstream: { port: upstream.port } })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    const key = await frontend.takeCancelKey()
    await using second = await gate.connect()
    second.send(packet(codes.cancel, key))
    expect(await second.rest()).toHaveLength(0)
    expect(await wasEnded.promise).toBe(false)
  })
})

describe('a cancel request for a server that speaks TLS alone', () => {
  test('goes there within TLS', async () => {
    const cancelled = Promise.withResolvers<Buffer>()
    await using upstream = await Upstream.start(async (connection) => {
      await connection.secure(trust.server)
      if (upstream.connections.length === 1) return letIn(connection)
      cancelled.resolve((await connection.takePacket()).body)
      connection.close()
    })
    const target = { port: upstream.port, tls: 'verify-full' } as const
    await using gate = await start({ allowsCleartext: true, upstream: target })
    await using frontend = await gate.connect()
    await gate.logIn(frontend)
    await using second = await gate.connect()
    second.send(packet(codes.cancel, await frontend.takeCancelKey()))
    expect(await second.rest()).toHaveLength(0)
    expect(await cancelled.promise).toEqual(
      Buffer.concat([int32(upstreamKey.processId), upstreamKey.secretKey]),
    )
  })
})

describe('a PROXY header', () => {
  const line = 'PROXY TCP6 2001:db8::7 2001:db8::1 50115 5432\r\n'

  test('from a trusted address says who the client is', async () => {
    await using gate = await start({ trustedProxies: ['127.0.0.1'], allowsCleartext: true })
    await using frontend = await gate.connect()
    frontend.send(line, hello)
    expect((await frontend.takeMessage()).raw).toEqual(cleartextPassword)
    expect(gate.witness.opens[0]?.peer).toEqual({ address: '2001:db8::7', port: 50115 })
  })

  test('decides which pool serves the client', async () => {
    await using gate = await start({ trustedProxies: ['127.0.0.1'], allowsCleartext: true })
    await using frontend = await gate.connect()
    frontend.send('PROXY TCP4 192.0.2.7 198.51.100.1 50115 5432\r\n', hello)
    expect(await frontend.rest()).toEqual(
      fatal('28000', 'no entry for host "192.0.2.7", user "app_readonly", database "app"'),
    )
  })

  test('joined to an SSLRequest is followed by TLS', async () => {
    await using gate = await start({ trustedProxies: ['127.0.0.1'] })
    await using frontend = await gate.connect()
    frontend.send(line, packet(codes.ssl))
    expect(await frontend.take(1)).toBe('S')
    await frontend.handshake(trust.ca)
    frontend.send(hello)
    expect((await frontend.takeMessage()).raw).toEqual(cleartextPassword)
    expect(gate.witness.opens[0]?.peer).toEqual({ address: '2001:db8::7', port: 50115 })
  })

  test('joined to the handshake of direct TLS is followed by it', async () => {
    await using gate = await start({ trustedProxies: ['127.0.0.1'] })
    await using frontend = await gate.connect()
    await frontend.handshake(trust.ca, Buffer.from(line))
    frontend.send(hello)
    expect((await frontend.takeMessage()).raw).toEqual(cleartextPassword)
    expect(gate.witness.opens[0]?.peer).toEqual({ address: '2001:db8::7', port: 50115 })
  })

  test.each([
    ['LOCAL', Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')],
    [
      'LOCAL and addresses',
      Buffer.from('0d0a0d0a000d0a515549540a2011000cc0000207c633640ac3c31538', 'hex'),
    ],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n')],
  ])('that says %s leaves the client its own address', async (_, header) => {
    await using gate = await start({ trustedProxies: ['127.0.0.1'], allowsCleartext: true })
    await using frontend = await gate.connect()
    frontend.send(header, hello)
    expect((await frontend.takeMessage()).raw).toEqual(cleartextPassword)
    expect(gate.witness.opens[0]?.peer.address).toBe('127.0.0.1')
  })

  test.each([
    ['of a wrong signature', Buffer.from('0d0a0d0a000d0a515549540b20000000', 'hex')],
    ['of a version that there is not', Buffer.from('0d0a0d0a000d0a515549540a31110000', 'hex')],
    ['that comes twice', Buffer.from(`${line}${line}`)],
  ])('%s ends the connection', async (_, header) => {
    await using gate = await start({ trustedProxies: ['127.0.0.1'], allowsCleartext: true })
    await using frontend = await gate.connect()
    frontend.send(header, hello)
    expect(await frontend.rest()).toEqual(fatal('08P01', 'invalid startup packet'))
    expect(await gate.settled()).toHaveLength(1)
  })

  test('is demanded from a trusted address', async () => {
    await using gate = await start({ trustedProxies: ['127.0.0.1'] })
    await using frontend = await gate.connect()
    frontend.send(packet(codes.ssl))
    expect(readError(await frontend.rest())).toMatchObject({
      sqlstate: '08P01',
      message: 'invalid startup packet',
    })
  })

  test('from a trusted address is no startup packet where the listener takes none', async () => {
    await using gate = await start({ trustedProxies: ['127.0.0.1'], proxyProtocol: 'off' })
    await using frontend = await gate.connect()
    frontend.send(line)
    expect(await frontend.rest()).toEqual(fatal('08P01', 'invalid startup packet'))
  })

  test('is what a listener for load balancers takes, from them alone', async () => {
    await using open = await start({ trustedProxies: ['127.0.0.1'], proxyProtocol: 'required' })
    await using frontend = await open.connect()
    frontend.send(line)
    await frontend.secure(trust.ca)

    await using shut = await start({ trustedProxies: ['192.0.2.1'], proxyProtocol: 'required' })
    await using other = await shut.connect()
    other.send(line)
    expect(await other.rest()).toEqual(fatal('28000', 'this listener is for load balancers'))
  })

  test('from anybody else is no startup packet', async () => {
    await using gate = await start()
    await using frontend = await gate.connect()
    frontend.send(line)
    expect(await frontend.rest()).toEqual(fatal('08P01', 'invalid startup packet'))
  })
})

describe('a password that is no token', () => {
  test('is refused where single sign-on is required, and nothing goes upstream', async () => {
    await using upstream = await Upstream.start(letIn)
    await using gate = await start({ allowsCleartext: true, upstream: { port: upstream.port } })
    await using frontend = await gate.connect()
    frontend.send(hello)
    await frontend.takeMessage()
    frontend.send(message('p', 'secret\0'))
    expect(await frontend.rest()).toEqual(
      fatal(
        '28000',
        'This connectivity pool requires SSO authentication',
        'Get a fresh token and pass it as the password, for example in the environment variable PGPASSWORD.',
      ),
    )
    expect(await gate.settled()).toHaveLength(1)
    expect(upstream.connections).toHaveLength(0)
  })

  test('is refused where it is empty', async () => {
    await using gate = await start({ allowsCleartext: true })
    await using frontend = await gate.connect()
    frontend.send(hello)
    await frontend.takeMessage()
    frontend.send(message('p', '\0'))
    expect(readError(await frontend.rest())).toMatchObject({
      sqlstate: '28P01',
      message: 'empty password returned by client',
    })
  })
})
