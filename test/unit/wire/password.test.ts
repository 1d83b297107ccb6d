import { describe, expect, test } from 'vitest'
import { readPasswordMessage } from '../../../src/wire/password.ts'
import { int32, message, refusalOf } from './bytes.ts'

const limit = 65_530

describe('a password message', () => {
  test('is read without its terminator, and leaves what comes behind', () => {
    const bytes = Buffer.concat([message('p', 'secret\0'), message('Q', 'select 1\0')])
    expect(readPasswordMessage(bytes, limit)).toEqual({ value: 'secret', length: 12 })
  })

  test('may be empty', () => {
    expect(readPasswordMessage(message('p', '\0'), limit)).toEqual({ value: '', length: 6 })
  })

  test('may be any UTF-8', () => {
    expect(readPasswordMessage(message('p', 'pässwörd \u{1f511}\0'), limit)?.value).toBe(
      'pässwörd \u{1f511}',
    )
  })

  test.each([0, 1, 4, 5, 11])('is waited for after %d of twelve bytes', (received) => {
    const bytes = message('p', 'secret\0').subarray(0, received)
    expect(readPasswordMessage(bytes, limit)).toBeUndefined()
  })

  test.each(['Q', 'X', 'P', '\0', '\x16', '\xff'])(
    'of the wrong type %j is refused by its first byte',
    (type) => {
      const refusal = refusalOf(() => readPasswordMessage(Buffer.from(type, 'latin1'), limit))
      expect(refusal).toMatchObject({
        reason: 'malformed-password',
        logDetail: 'unexpected message',
      })
    },
  )

  test.each([0, 1, 3])('that declares %d bytes is refused', (length) => {
    const bytes = Buffer.concat([Buffer.from('p'), int32(length)])
    expect(refusalOf(() => readPasswordMessage(bytes, limit)).reason).toBe('malformed-password')
  })

  test('without a body is refused', () => {
    const bytes = Buffer.concat([Buffer.from('p'), int32(4)])
    expect(refusalOf(() => readPasswordMessage(bytes, limit)).reason).toBe('malformed-password')
  })

  test.each([
    ['password without terminator', 'secret'],
    ['password with an embedded NUL', 'sec\0ret\0'],
    ['password with an embedded NUL', '\0\0'],
    ['password with an embedded NUL', 'secret\0x'],
  ])('is refused as a %s when its body is %j', (logDetail, body) => {
    const refusal = refusalOf(() => readPasswordMessage(message('p', body), limit))
    expect(refusal).toMatchObject({ reason: 'malformed-password', logDetail })
  })

  test.each([limit + 6, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])(
    'that declares %d bytes is too long, before its body is waited for',
    (length) => {
      const bytes = Buffer.concat([Buffer.from('p'), int32(length)])
      const refusal = refusalOf(() => readPasswordMessage(bytes, limit))
      expect(refusal.reason).toBe('password-too-long')
      expect(refusal.messageFor({})).toBe('password is longer than 65530 bytes')
    },
  )

  test('of exactly the limit is read whole', () => {
    const password = 'x'.repeat(limit)
    expect(readPasswordMessage(message('p', `${password}\0`), limit)?.value).toBe(password)
  })

  test('that is refused never names what it brought', () => {
    const refusal = refusalOf(() => readPasswordMessage(message('p', 'secret'), limit))
    expect(JSON.stringify([refusal.message, refusal.logDetail, refusal.values])).not.toContain(
      'secret',
    )
  })
})
