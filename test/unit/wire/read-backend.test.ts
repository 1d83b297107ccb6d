import { describe, expect, test } from 'vitest'
import { readFrame } from '../../../src/wire/frame.ts'
import {
  type BackendMessage,
  MalformedMessage,
  parseBackendMessage,
} from '../../../src/wire/read-backend.ts'
import { cstrings, int32, message } from './bytes.ts'

function parse(type: string, body: Buffer | string = ''): BackendMessage {
  const frame = readFrame(message(type, body), 100_000)
  if (frame === undefined) throw new Error('incomplete')
  return parseBackendMessage(frame.value)
}

const scram = cstrings('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', '')

describe('an authentication request', () => {
  test.each([
    ['AuthenticationOk', 0, '', { method: 'ok' }],
    ['a cleartext password', 3, '', { method: 'cleartext' }],
    ['an MD5 password', 5, 'salt', { method: 'md5', salt: Buffer.from('salt') }],
    ['SASL', 10, scram, { method: 'sasl', mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] }],
    ['the SASL challenge', 11, 'r=abc', { method: 'sasl-continue', data: 'r=abc' }],
    ['an empty SASL challenge', 11, '', { method: 'sasl-continue', data: '' }],
    ['the SASL outcome', 12, 'v=abc', { method: 'sasl-final', data: 'v=abc' }],
    ['Kerberos V5', 2, '', { method: 'unsupported', code: 2 }],
    ['an SCM credential', 6, '', { method: 'unsupported', code: 6 }],
    ['GSS', 7, '', { method: 'unsupported', code: 7 }],
    ['a GSS continuation', 8, 'token', { method: 'unsupported', code: 8 }],
    ['SSPI', 9, '', { method: 'unsupported', code: 9 }],
    ['a method of the future', 13, 'x', { method: 'unsupported', code: 13 }],
    ['a negative code', -1, '', { method: 'unsupported', code: -1 }],
  ])('for %s is read', (_, code, rest, request) => {
    const body = Buffer.concat([int32(code), Buffer.from(rest)])
    expect(parse('R', body)).toEqual({ kind: 'authentication', request })
  })

  test.each([
    ['no code', Buffer.alloc(0)],
    ['a cut code', Buffer.alloc(3)],
    ['bytes behind AuthenticationOk', Buffer.concat([int32(0), Buffer.of(0)])],
    ['bytes behind the request for cleartext', Buffer.concat([int32(3), Buffer.of(0)])],
    ['no salt', int32(5)],
    ['a salt of three bytes', Buffer.concat([int32(5), Buffer.alloc(3)])],
    ['a salt of five bytes', Buffer.concat([int32(5), Buffer.alloc(5)])],
    ['no mechanisms and no end', int32(10)],
    ['an empty list of mechanisms', Buffer.concat([int32(10), Buffer.of(0)])],
    ['mechanisms without end', Buffer.concat([int32(10), cstrings('SCRAM-SHA-256')])],
    ['an unterminated mechanism', Buffer.concat([int32(10), Buffer.from('SCRAM-SHA-256')])],
  ])('with %s is malformed', (_, body) => {
    expect(() => parse('R', body)).toThrow(MalformedMessage)
  })
})

describe('an error', () => {
  test('is read for its SQLSTATE and its message', () => {
    const body = cstrings('SFATAL', 'VFATAL', 'C53300', 'Mtoo many', 'Hwait', '')
    expect(parse('E', body)).toEqual({
      kind: 'error',
      error: { sqlstate: '53300', message: 'too many' },
    })
  })

  test.each([
    ['without SQLSTATE is an internal one', cstrings('Mbroken', ''), 'XX000', 'broken'],
    ['without message has an empty one', cstrings('C42000', ''), '42000', ''],
    ['without a field is an internal one', Buffer.of(0), 'XX000', ''],
    ['that gives a field twice is read by the first', cstrings('C1', 'C2', 'Mx', ''), '1', 'x'],
    ['with invalid UTF-8 is read all the same', Buffer.from('4dff0000', 'hex'), 'XX000', '\ufffd'],
  ])('%s', (_, body, sqlstate, text) => {
    expect(parse('E', body)).toEqual({ kind: 'error', error: { sqlstate, message: text } })
  })

  test.each([
    ['an empty body', Buffer.alloc(0)],
    ['no terminator', cstrings('SFATAL', 'C53300')],
    ['an unterminated field', Buffer.from('SFATAL\0C53300')],
  ])('with %s is malformed', (_, body) => {
    expect(() => parse('E', body)).toThrow(MalformedMessage)
  })
})

describe('a parameter status', () => {
  test.each([
    ['TimeZone', 'Europe/Berlin'],
    ['application_name', ''],
  ])('%s is read with its value', (name, value) => {
    expect(parse('S', cstrings(name, value))).toEqual({ kind: 'parameter-status', name, value })
  })

  test.each([
    ['an empty body', Buffer.alloc(0)],
    ['a name alone', cstrings('TimeZone')],
    ['an unterminated value', Buffer.from('TimeZone\0UTC')],
    ['a third text', cstrings('TimeZone', 'UTC', 'more')],
  ])('with %s is malformed', (_, body) => {
    expect(() => parse('S', body)).toThrow(MalformedMessage)
  })
})

describe('backend key data', () => {
  test.each([4, 32, 256])('with a key of %d bytes is read', (keyBytes) => {
    const key = Buffer.alloc(keyBytes, 7)
    expect(parse('K', Buffer.concat([int32(-5), key]))).toEqual({
      kind: 'backend-key-data',
      processId: -5,
      secretKey: key,
    })
  })

  test.each([-4, 0, 3, 257])('with a key of %d bytes is malformed', (keyBytes) => {
    expect(() => parse('K', Buffer.alloc(4 + keyBytes))).toThrow(MalformedMessage)
  })
})

describe('a negotiation of the protocol', () => {
  test.each([
    ['with an older version', 0x30000, [], 0x30000],
    ['with a minor version alone, which is read as it stands', 2, [], 2],
    ['with a negative version', -1, [], -1],
    ['with options', 0x30002, ['_pq_.a', '', '_pq_.b'], 0x30002],
  ])('%s is read', (_, written, unknownOptions, version) => {
    const body = [int32(written), int32(unknownOptions.length), cstrings(...unknownOptions)]
    expect(parse('v', Buffer.concat(body))).toEqual({
      kind: 'negotiate-protocol-version',
      version,
      unknownOptions,
    })
  })

  test.each([
    ['an empty body', Buffer.alloc(0)],
    ['a version alone', int32(0x30000)],
    ['a cut count', Buffer.concat([int32(0x30000), Buffer.alloc(3)])],
    ['fewer options than it counts', Buffer.concat([int32(0), int32(2), cstrings('a')])],
    ['more options than it counts', Buffer.concat([int32(0), int32(1), cstrings('a', 'b')])],
    ['bytes behind no options', Buffer.concat([int32(0), int32(0), Buffer.of(0)])],
    ['a negative count', Buffer.concat([int32(0), int32(-1)])],
    ['a count of billions', Buffer.concat([int32(0), int32(0x7fffffff), cstrings('a')])],
    ['an unterminated option', Buffer.concat([int32(0), int32(1), Buffer.from('a')])],
  ])('with %s is malformed', (_, body) => {
    expect(() => parse('v', body)).toThrow(MalformedMessage)
  })
})

describe('another message', () => {
  test('that is ready for query is read', () => {
    expect(parse('Z', 'I')).toEqual({ kind: 'ready-for-query' })
  })

  test.each(['', 'II'])('that is ready for query with the body %j is malformed', (body) => {
    expect(() => parse('Z', body)).toThrow(MalformedMessage)
  })

  test('that is a notice is not looked into', () => {
    expect(parse('N', 'anything')).toEqual({ kind: 'notice' })
  })

  test.each(['A', 'T', 'G', '\0'])('of type %j is named by its type', (type) => {
    expect(parse(type, 'x')).toEqual({ kind: 'other', type })
  })

  test('that is malformed is told by type and size, without its content', () => {
    expect(() => parse('S', 'secret')).toThrow('malformed message of type "S" and 6 bytes')
  })
})
