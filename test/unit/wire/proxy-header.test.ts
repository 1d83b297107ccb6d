import { describe, expect, test } from 'vitest'
import { readProxyHeader } from '../../../src/wire/proxy-header.ts'
import { int16, refusalOf } from './bytes.ts'

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const inet = Buffer.from('c0000207c633640ac3c31538', 'hex')
const inet6 = Buffer.from(
  '20010db8000000000000000000000001' + '20010db8000000000000000000000002' + 'c3c31538',
  'hex',
)

function versionTwo(command: number, family: number, body: Buffer, length?: number): Buffer {
  return Buffer.concat([signature, Buffer.of(command, family), int16(length ?? body.length), body])
}

function proxied(address: string, port: number): object {
  return { kind: 'proxied', source: { address, port } }
}

describe('a PROXY header of version 1', () => {
  test.each([
    ['IPv4', 'PROXY TCP4 192.0.2.7 198.51.100.10 50115 5432', proxied('192.0.2.7', 50115)],
    ['IPv6', 'PROXY TCP6 2001:db8::1 2001:db8::2 50115 5432', proxied('2001:db8::1', 50115)],
    ['all of IPv6', 'PROXY TCP6 1:2:3:4:5:6:7:FfFf ::1 1 2', proxied('1:2:3:4:5:6:7:FfFf', 1)],
    ['nothing but zeros', 'PROXY TCP6 :: ::1 1 2', proxied('::', 1)],
    ['seven groups', 'PROXY TCP6 1:2:3:4:5:6:7:: ::1 1 2', proxied('1:2:3:4:5:6:7::', 1)],
    [
      'IPv4 behind six',
      'PROXY TCP6 1:2:3:4:5:6:1.2.3.4 ::1 1 2',
      proxied('1:2:3:4:5:6:1.2.3.4', 1),
    ],
    ['mapped', 'PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2', proxied('::ffff:192.0.2.7', 1)],
    ['port zero', 'PROXY TCP4 192.0.2.7 198.51.100.10 0 5432', proxied('192.0.2.7', 0)],
    ['UNKNOWN', 'PROXY UNKNOWN', { kind: 'local' }],
    ['UNKNOWN and more', 'PROXY UNKNOWN ffff::1 ffff::2 1 2', { kind: 'local' }],
  ])('with %s is read', (_, line, value) => {
    const bytes = Buffer.from(`${line}\r\n`)
    expect(readProxyHeader(bytes)).toEqual({ value, length: bytes.length })
  })

  test('leaves what is joined to it', () => {
    const line = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.10 50115 5432\r\n')
    const taken = readProxyHeader(Buffer.concat([line, Buffer.from('\0\0\0\x08')]))
    expect(taken?.length).toBe(line.length)
  })

  test('of 107 bytes is read', () => {
    const line = `PROXY UNKNOWN ${'f'.repeat(91)}\r\n`
    expect(line).toHaveLength(107)
    expect(readProxyHeader(Buffer.from(line))?.length).toBe(107)
  })

  test('of more than 107 bytes is refused', () => {
    const line = Buffer.from(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`)
    expect(refusalOf(() => readProxyHeader(line)).logDetail).toBe('PROXY line without end')
  })

  test.each([
    ['an unknown family', 'PROXY TCP5 192.0.2.7 198.51.100.10 1 2'],
    ['no family', 'PROXY '],
    ['a family in lower case', 'PROXY tcp4 192.0.2.7 198.51.100.10 1 2'],
    ['too few words', 'PROXY TCP4 192.0.2.7 198.51.100.10 1'],
    ['too many words', 'PROXY TCP4 192.0.2.7 198.51.100.10 1 2 3'],
    ['two blanks', 'PROXY TCP4  192.0.2.7 198.51.100.10 1 2'],
    ['an IPv6 address as IPv4', 'PROXY TCP4 2001:db8::1 198.51.100.10 1 2'],
    ['an IPv4 address as IPv6', 'PROXY TCP6 192.0.2.7 198.51.100.10 1 2'],
    ['three octets', 'PROXY TCP4 192.0.2 198.51.100.10 1 2'],
    ['five octets', 'PROXY TCP4 192.0.2.7.1 198.51.100.10 1 2'],
    ['an octet of 256', 'PROXY TCP4 192.0.2.256 198.51.100.10 1 2'],
    ['a trailing dot', 'PROXY TCP4 192.0.2.7. 198.51.100.10 1 2'],
    // Some readers take these for octal: two of them would see two clients.
    ['an octet with a zero in front', 'PROXY TCP4 192.0.2.07 198.51.100.10 1 2'],
    ['a mapped octet with a zero in front', 'PROXY TCP6 ::ffff:010.0.0.1 ::1 1 2'],
    ['a mapped octet in hex', 'PROXY TCP6 ::ffff:0xa.0.0.1 ::1 1 2'],
    ['a mapped octet of 256', 'PROXY TCP6 ::ffff:1.2.3.256 ::1 1 2'],
    ['nothing but colons', 'PROXY TCP6 ::: ::1 1 2'],
    ['two gaps', 'PROXY TCP6 1::2::3 ::1 1 2'],
    ['seven groups and no gap', 'PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2'],
    ['eight groups and a gap', 'PROXY TCP6 1:2:3:4::5:6:7:8 ::1 1 2'],
    ['a group of five digits', 'PROXY TCP6 12345:: ::1 1 2'],
    ['a colon in front', 'PROXY TCP6 :1:2:3:4:5:6:7:8 ::1 1 2'],
    ['a colon at the end', 'PROXY TCP6 1:2:3:4:5:6:7: ::1 1 2'],
    ['IPv4 in the middle', 'PROXY TCP6 ::1.2.3.4:5 ::1 1 2'],
    ['a zone', 'PROXY TCP6 fe80::1%eth0 ::1 1 2'],
    ['a port of 65,536', 'PROXY TCP4 192.0.2.7 198.51.100.10 65536 2'],
    ['a negative port', 'PROXY TCP4 192.0.2.7 198.51.100.10 -1 2'],
    ['a port in hex', 'PROXY TCP4 192.0.2.7 198.51.100.10 0x50 2'],
    ['an empty port', 'PROXY TCP4 192.0.2.7 198.51.100.10  2'],
    ['a bare line feed', 'PROXY TCP4 192.0.2.7\n198.51.100.10 1 2'],
    ['a NUL', 'PROXY TCP4 192.0.2.7\0 198.51.100.10 1 2'],
    ['a host name', 'PROXY TCP6 db.example.com ::1 1 2'],
  ])('with %s is refused', (_, line) => {
    const refusal = refusalOf(() => readProxyHeader(Buffer.from(`${line}\r\n`)))
    expect(refusal).toMatchObject({
      reason: 'malformed-startup',
      logDetail: 'PROXY line of the wrong form',
    })
  })
})

describe('a PROXY header of version 2', () => {
  test.each([
    ['IPv4', versionTwo(0x21, 0x11, inet), proxied('192.0.2.7', 50115)],
    ['IPv6', versionTwo(0x21, 0x21, inet6), proxied('2001:db8:0:0:0:0:0:1', 50115)],
    ['UNSPEC', versionTwo(0x21, 0x00, Buffer.alloc(0)), { kind: 'local' }],
    ['UNSPEC and a body', versionTwo(0x21, 0x00, inet), { kind: 'local' }],
    ['LOCAL', versionTwo(0x20, 0x00, Buffer.alloc(0)), { kind: 'local' }],
    ['LOCAL and addresses', versionTwo(0x20, 0x11, inet), { kind: 'local' }],
    ['LOCAL and an unknown family', versionTwo(0x20, 0xff, inet), { kind: 'local' }],
  ])('with %s is read', (_, bytes, value) => {
    expect(readProxyHeader(bytes)).toEqual({ value, length: bytes.length })
  })

  test('is read with TLVs up to its limit of 4,096 bytes', () => {
    const bytes = versionTwo(0x21, 0x11, Buffer.concat([inet, Buffer.alloc(4_096 - inet.length)]))
    expect(readProxyHeader(bytes)).toMatchObject({ length: 4_112 })
  })

  test('leaves what is joined to it', () => {
    const header = versionTwo(0x21, 0x11, inet)
    const taken = readProxyHeader(Buffer.concat([header, Buffer.from('\0\0\0\x08')]))
    expect(taken?.length).toBe(header.length)
  })

  test.each([
    ['a body over the limit', versionTwo(0x21, 0x11, Buffer.alloc(0), 4_097)],
    ['a body of 65,535 bytes', versionTwo(0x21, 0x11, Buffer.alloc(0), 65_535)],
    ['version 1', versionTwo(0x11, 0x11, inet)],
    ['version 3', versionTwo(0x31, 0x11, inet)],
    ['an unknown command', versionTwo(0x22, 0x11, inet)],
    ['UDP', versionTwo(0x21, 0x12, inet)],
    ['a UNIX socket', versionTwo(0x21, 0x31, Buffer.alloc(216))],
    ['an IPv4 address cut short', versionTwo(0x21, 0x11, inet.subarray(0, 11))],
    ['an IPv6 address cut short', versionTwo(0x21, 0x21, inet6.subarray(0, 35))],
  ])('with %s is refused', (_, bytes) => {
    expect(refusalOf(() => readProxyHeader(bytes)).reason).toBe('malformed-startup')
  })
})

describe('a PROXY header that is incomplete', () => {
  const complete = [
    Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.10 50115 5432\r\n'),
    versionTwo(0x21, 0x21, inet6),
  ]

  test.each(complete)('is waited for at every byte of %j', (header) => {
    for (let end = 0; end < header.length; end++) {
      expect(readProxyHeader(header.subarray(0, end))).toBeUndefined()
    }
  })
})

test.each([
  ['a startup packet', Buffer.from('0000000804d2162f', 'hex')],
  ['a TLS hello', Buffer.from('160301', 'hex')],
  ['a signature with a wrong byte', Buffer.from('\r\n\r\n\0\r\nQUIT\r', 'latin1')],
  ['PROXY in lower case', Buffer.from('proxy ')],
])('instead of a PROXY header %s is refused at once', (_, bytes) => {
  expect(refusalOf(() => readProxyHeader(bytes)).logDetail).toBe(
    'a PROXY header is required from this address',
  )
})
