import { describe, expect, test } from 'vitest'
import {
  readStartupPacket,
  type StartupMessage,
  writeCancelRequest,
  writeSslRequest,
  writeStartupMessage,
} from '../../../src/wire/startup.ts'
import { codes, cstrings, int32, packet, refusalOf, startup } from './bytes.ts'

function readStartup(bytes: Buffer): StartupMessage {
  const value = readStartupPacket(bytes)?.value
  if (value?.kind !== 'startup') throw new Error('no startup message')
  return value
}

describe('the length of a startup packet', () => {
  test.each([0, 1, 3, 4, 7, 10_001, 0x16030100, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])(
    'of %d bytes is refused before its body is waited for',
    (length) => {
      const refusal = refusalOf(() => readStartupPacket(int32(length)))
      expect(refusal).toMatchObject({
        reason: 'malformed-startup',
        logDetail: `length of ${length} bytes`,
      })
    },
  )

  test.each([8, 9, 10_000])('of %d bytes is waited for', (length) => {
    expect(readStartupPacket(int32(length))).toBeUndefined()
  })

  test.each([0, 1, 2, 3])('is waited for after %d bytes', (received) => {
    expect(readStartupPacket(Buffer.alloc(received, 0xff))).toBeUndefined()
  })

  test('of 10,000 bytes is read to its last byte', () => {
    const fixed = startup(['user', 'alice', 'fill', '']).length
    const bytes = startup(['user', 'alice', 'fill', 'x'.repeat(10_000 - fixed)])
    expect(bytes).toHaveLength(10_000)
    expect(readStartupPacket(bytes.subarray(0, 9_999))).toBeUndefined()
    expect(readStartupPacket(bytes)).toMatchObject({ length: 10_000 })
  })
})

describe('a startup packet', () => {
  test('is what its code says, and leaves what comes behind it', () => {
    const taken = readStartupPacket(Buffer.concat([packet(codes.ssl), Buffer.from('\x16\x03')]))
    expect(taken).toEqual({ value: { kind: 'ssl-request' }, length: 8 })
  })

  test('for GSS encryption is told from one for TLS', () => {
    expect(readStartupPacket(packet(codes.gss))?.value).toEqual({ kind: 'gssenc-request' })
  })

  test.each([
    ['SSLRequest', codes.ssl],
    ['GSSENCRequest', codes.gss],
  ])('of the kind %s has no body', (name, code) => {
    const refusal = refusalOf(() => readStartupPacket(packet(code, 'x')))
    expect(refusal).toMatchObject({
      reason: 'malformed-startup',
      logDetail: `${name} with a body`,
    })
  })
})

describe('a cancel request', () => {
  test.each([4, 32, 256])('with a key of %d bytes is read whole', (keyBytes) => {
    const key = Buffer.alloc(keyBytes, 0xa5)
    const bytes = packet(codes.cancel, Buffer.concat([int32(4711), key]))
    expect(readStartupPacket(bytes)).toEqual({
      value: { kind: 'cancel', processId: 4711, secretKey: key },
      length: 12 + keyBytes,
    })
  })

  test.each([-4, -1, 0, 3, 257])('with a key of %d bytes is refused', (keyBytes) => {
    const bytes = packet(codes.cancel, Buffer.alloc(4 + keyBytes))
    expect(refusalOf(() => readStartupPacket(bytes))).toMatchObject({
      reason: 'malformed-startup',
      logDetail: `cancel key of ${keyBytes} bytes`,
    })
  })

  test('keeps its key when the buffer it came in is used again', () => {
    const bytes = packet(codes.cancel, Buffer.concat([int32(1), Buffer.from('abcd')]))
    const value = readStartupPacket(bytes)?.value
    bytes.fill(0)
    expect(value).toMatchObject({ secretKey: Buffer.from('abcd') })
  })

  test('has a signed process id', () => {
    const bytes = packet(codes.cancel, Buffer.concat([int32(-2), int32(0)]))
    expect(readStartupPacket(bytes)?.value).toMatchObject({ processId: -2 })
  })
})

describe('a startup message', () => {
  test.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [9999, 9999],
    [65_535, 65_535],
  ])('of protocol 3.%d is read with that minor version', (minor, read) => {
    expect(readStartup(startup(['user', 'alice'], minor)).minorVersion).toBe(read)
  })

  test.each([
    ['1.0', 1, 0],
    ['2.0', 2, 0],
    ['4.2', 4, 2],
    ['1234.5681', 1234, 5681],
    ['8195.0', 8195, 0],
    ['0.0', 0, 0],
  ])('of protocol %s is refused by its version', (version, major, minor) => {
    const refusal = refusalOf(() => readStartupPacket(packet(codes.version(major, minor), 'junk')))
    expect(refusal.reason).toBe('unsupported-protocol')
    expect(refusal.messageFor({})).toBe(
      `unsupported frontend protocol ${version}: server supports 3.0 to 3.2`,
    )
  })

  test('keeps its parameters in the order in which they came', () => {
    const { parameters } = readStartup(startup(['user', 'alice', 'b', '2', 'a', '1', 'c', '']))
    expect([...parameters]).toEqual([
      ['user', 'alice'],
      ['b', '2'],
      ['a', '1'],
      ['c', ''],
    ])
  })

  test('may have no parameters: a missing user is for whoever reads the intent', () => {
    expect(readStartup(startup([])).parameters.size).toBe(0)
  })

  test.each(['__proto__', 'constructor', 'toString'])('may have a parameter %s', (name) => {
    expect(readStartup(startup([name, 'x'])).parameters.get(name)).toBe('x')
  })

  test('has its _pq_. options apart from its parameters', () => {
    const read = readStartup(
      startup(['user', 'alice', '_pq_.one', 'on', '_pq_.two', '', '_pq.x', 'y']),
    )
    expect(read.protocolOptions).toEqual(['_pq_.one', '_pq_.two'])
    expect([...read.parameters.keys()]).toEqual(['user', '_pq.x'])
  })

  test.each([
    ['no body', Buffer.alloc(0)],
    ['no terminator', cstrings('user', 'alice')],
    ['an unterminated value', Buffer.from('user\0alice')],
    ['an unterminated name', Buffer.from('user')],
    ['a name without value', Buffer.concat([cstrings('user'), Buffer.of(0)])],
    ['bytes behind the terminator', Buffer.from('user\0alice\0\0x')],
    ['a second terminator', Buffer.from('user\0alice\0\0\0')],
  ])('with %s is refused', (_, body) => {
    expect(refusalOf(() => readStartupPacket(packet(codes.version(3, 0), body)))).toMatchObject({
      reason: 'malformed-startup',
      logDetail: 'expected terminator as last byte',
    })
  })

  test.each(['user', 'database', 'application_name'])('with two of %s is refused', (name) => {
    const bytes = startup([name, 'a', 'x', 'y', name, 'b'])
    expect(refusalOf(() => readStartupPacket(bytes)).logDetail).toBe('parameter given twice')
  })

  test.each([
    ['a lone continuation byte', '80'],
    ['an overlong slash', 'c0af'],
    ['a surrogate', 'eda080'],
    ['a cut sequence', 'e282'],
    ['a byte that UTF-8 never has', 'ff'],
    ['a code point over U+10FFFF', 'f4908080'],
  ])('with %s in a value is refused', (_, hex) => {
    const body = Buffer.concat([
      Buffer.from('user\0'),
      Buffer.from(hex, 'hex'),
      Buffer.from('\0\0'),
    ])
    const refusal = refusalOf(() => readStartupPacket(packet(codes.version(3, 0), body)))
    expect(refusal.logDetail).toBe('not valid UTF-8')
  })

  test.each(['ünïcødé', '\u{1f600}', '\ufffd', '\ufeffalice'])(
    'with the valid user %j is read as it is',
    (user) => {
      expect(readStartup(startup(['user', user])).parameters.get('user')).toBe(user)
    },
  )
})

describe('what is written to an upstream', () => {
  test('is a startup message of protocol 3.0, byte for byte', () => {
    expect(
      writeStartupMessage([
        ['user', 'app'],
        ['options', '-c a=b'],
      ]),
    ).toEqual(startup(['user', 'app', 'options', '-c a=b']))
  })

  test('is a startup message of protocol 3.2 where that is asked for', () => {
    expect(writeStartupMessage([['user', 'app']], 2)).toEqual(startup(['user', 'app'], 2))
  })

  test('is an SSLRequest of eight bytes', () => {
    expect(writeSslRequest().toString('hex')).toBe('0000000804d2162f')
  })

  test('is a cancel request with a key of any length', () => {
    expect(writeCancelRequest(-1, Buffer.from('0102030405', 'hex')).toString('hex')).toBe(
      '0000001104d2162effffffff0102030405',
    )
  })
})
