import { describe, expect, test } from 'vitest'
import {
  authenticationCleartextPassword,
  authenticationOk,
  authenticationSasl,
  authenticationSaslContinue,
  backendKeyData,
  encryptionRefused,
  fatalError,
  negotiateProtocolVersion,
  sslAccepted,
} from '../../../src/wire/write-backend.ts'
import {
  passwordMessage,
  saslInitialResponse,
  saslResponse,
  terminate,
} from '../../../src/wire/write-frontend.ts'
import { cstrings, int32, message } from './bytes.ts'

describe('what is written to a client', () => {
  test.each([
    ['sslAccepted', sslAccepted, '53'],
    ['encryptionRefused', encryptionRefused, '4e'],
    ['authenticationOk', authenticationOk, '520000000800000000'],
    ['authenticationCleartextPassword', authenticationCleartextPassword, '520000000800000003'],
    ['backendKeyData', backendKeyData(258, Buffer.from('abcd')), '4b0000000c0000010261626364'],
    ['backendKeyData of a negative id', backendKeyData(-1, int32(1)), '4b0000000cffffffff00000001'],
    ['authenticationSasl', authenticationSasl(['A', 'B']), '520000000d0000000a4100420000'],
    ['authenticationSaslContinue', authenticationSaslContinue('{}'), '520000000a0000000b7b7d'],
    ['negotiateProtocolVersion', negotiateProtocolVersion(2, []), '760000000c0003000200000000'],
    [
      'negotiateProtocolVersion with options',
      negotiateProtocolVersion(0, ['_pq_.a', '_pq_.b']),
      '760000001a00030000000000025f70715f2e61005f70715f2e6200',
    ],
  ])('is, for %s, exactly these bytes', (_, bytes, hex) => {
    expect(bytes.toString('hex')).toBe(hex)
  })
})

describe('a fatal error', () => {
  test('has its severity twice, then SQLSTATE, message, detail and hint', () => {
    const bytes = fatalError({ sqlstate: '28000', message: 'no', detail: 'Why.', hint: 'Do.' })
    expect(bytes).toEqual(
      message('E', cstrings('SFATAL', 'VFATAL', 'C28000', 'Mno', 'DWhy.', 'HDo.', '')),
    )
  })

  test('leaves out the fields that it has not', () => {
    const bytes = fatalError({ sqlstate: '28000', message: 'no', detail: undefined })
    expect(bytes).toEqual(message('E', cstrings('SFATAL', 'VFATAL', 'C28000', 'Mno', '')))
  })

  test('loses the NULs of its texts, which would begin a field', () => {
    const bytes = fatalError({ sqlstate: '28000', message: 'a\0Cb\0', hint: '\0' })
    expect(bytes).toEqual(message('E', cstrings('SFATAL', 'VFATAL', 'C28000', 'MaCb', 'H', '')))
  })

  test.each(['message', 'detail', 'hint'] as const)('has its %s cut', (field) => {
    const bytes = fatalError({ sqlstate: '28000', message: 'no', [field]: 'x'.repeat(50_000) })
    const [longest] = bytes
      .toString('latin1')
      .split('\0')
      .sort((a, b) => b.length - a.length)
    expect(longest).toHaveLength(4_001)
  })

  test('is shown by libpq, which takes 30,000 bytes, however long its texts are', () => {
    const text = '\u20ac'.repeat(50_000)
    const bytes = fatalError({ sqlstate: '28000', message: text, detail: text, hint: text })
    expect(bytes.length).toBeLessThan(30_000)
  })
})

describe('what is written to an upstream', () => {
  test.each([
    ['passwordMessage', passwordMessage('é'), '7000000007c3a900'],
    ['saslInitialResponse', saslInitialResponse('X', 'n,,'), '700000000d580000000003' + '6e2c2c'],
    ['saslResponse', saslResponse('c=biws'), '700000000a633d62697773'],
    ['terminate', terminate, '5800000004'],
  ])('is, for %s, exactly these bytes', (_, bytes, hex) => {
    expect(bytes.toString('hex')).toBe(hex)
  })
})
