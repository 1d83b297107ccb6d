import { describe, expect, test } from 'vitest'
import type { Cell, ColumnType } from '../../../../src/admin/answer.ts'
import { decodeParameters } from '../../../../src/admin/console/decode-parameters.ts'
import { describeColumn, encodeCell } from '../../../../src/admin/console/encode.ts'
import type { ValueFormat } from '../../../../src/wire/read-frontend.ts'

// As PostgreSQL 18 sends them: what `copy (select ...) to stdout (format binary)` shows.
describe('a value', () => {
  test.each<[ColumnType, Cell, string, string]>([
    ['text', 'Grüße', 'Grüße', '4772c3bcc39f65'],
    ['text', 'a\0b', 'ab', '6162'],
    ['bool', true, 't', '01'],
    ['bool', false, 'f', '00'],
    ['int4', -2, '-2', 'fffffffe'],
    ['int8', 2n ** 62n, '4611686018427387904', '4000000000000000'],
    ['int8', 5, '5', '0000000000000005'],
    ['float8', 0.5, '0.5', '3fe0000000000000'],
    ['timestamptz', Date.UTC(2000, 0, 1), '2000-01-01 00:00:00+00', '0000000000000000'],
    [
      'timestamptz',
      Date.UTC(2026, 10, 22, 13, 0, 10, 250),
      '2026-11-22 13:00:10.25+00',
      '000302b1a3f3a190',
    ],
    [
      'timestamptz',
      Date.UTC(2026, 10, 22, 13, 0, 10),
      '2026-11-22 13:00:10+00',
      '000302b1a3efd100',
    ],
    ['timestamptz', 8.64e15, '9999-12-31 23:59:59.999+00', '0380e6e5a4f93c18'],
    ['jsonb', '{"a":1}', '{"a":1}', '017b2261223a317d'],
    ['text[]', [], '{}', '000000000000000000000019'],
    [
      'text[]',
      ['a', 'b c'],
      '{a,"b c"}',
      '000000010000000000000019000000020000000100000001610000000362' + '2063',
    ],
    [
      'text[]',
      ['', 'null', '"\\', '{}'],
      '{"","null","\\"\\\\","{}"}',
      '0000000100000000000000190000000400000001' +
        '00000000' +
        '000000046e756c6c' +
        '00000002225c' +
        '000000027b7d',
    ],
  ])('of type %s: %o', (type, cell, text, binary) => {
    expect(encodeCell(cell, type, 'text')?.toString()).toBe(text)
    if (type !== 'timestamptz')
      expect(encodeCell(cell, type, 'binary')?.toString('hex')).toBe(binary)
    else {
      const micros = encodeCell(cell, type, 'binary')!.readBigInt64BE(0)
      const [date = '', zone = ''] = text.split('+')
      expect(zone).toBe('00')
      expect(Number(micros / 1_000n) + Date.UTC(2000, 0, 1)).toBe(Date.parse(`${date}Z`))
    }
  })

  test.each<ColumnType>(['text', 'bool', 'int4', 'timestamptz', 'text[]'])(
    'of type %s may be null',
    (type) => {
      expect(encodeCell(null, type, 'text')).toBeNull()
      expect(encodeCell(null, type, 'binary')).toBeNull()
    },
  )

  test.each<[ColumnType, Cell]>([
    ['bool', 'yes'],
    ['int4', 2 ** 31],
    ['int4', 0.5],
    ['int8', 2n ** 63n],
    ['int8', '5'],
    ['timestamptz', 'today'],
    ['text[]', 'a'],
  ])('that is no %s is a bug: %o', (type, cell) => {
    expect(() => encodeCell(cell, type, 'text')).toThrow()
    expect(() => encodeCell(cell, type, 'binary')).toThrow()
  })

  test('has the type of its column told with it', () => {
    expect(describeColumn({ name: 'a', type: 'text[]' }, 'binary')).toEqual({
      name: 'a',
      typeOid: 1009,
      typeLength: -1,
      format: 'binary',
    })
  })
})

describe('a parameter', () => {
  const decoded = (bytes: Buffer | null, type: number, format: ValueFormat): readonly string[] =>
    decodeParameters({ parameters: [bytes], parameterFormats: [format] }, [type])

  test.each([
    ['int2', 21, 'ffff', '-1'],
    ['int4', 23, '00000005', '5'],
    ['int8', 20, '000000000000000a', '10'],
    ['oid', 26, 'ffffffff', '4294967295'],
    ['bool', 16, '01', 'true'],
    ['bool', 16, '00', 'false'],
    ['float4', 700, '3f000000', '0.5'],
    ['float8', 701, '3fe0000000000000', '0.5'],
    ['text', 25, '61c3a4', 'aä'],
    ['varchar', 1043, '61', 'a'],
    ['jsonb', 3802, '017b7d', '{}'],
  ])('of type %s in its binary format is text', (_, type, hex, text) => {
    expect(decoded(Buffer.from(hex, 'hex'), type, 'binary')).toEqual([text])
  })

  test('in the text format is text, whatever its type', () => {
    expect(decoded(Buffer.from('5'), 1700, 'text')).toEqual(['5'])
  })

  test.each([
    ['null', null, 25, 'text', '22004'],
    ['a number of another length', Buffer.of(1), 23, 'binary', '22P03'],
    ['jsonb of another version', Buffer.of(2), 3802, 'binary', '22P03'],
    ['a numeric in the binary format', Buffer.of(1), 1700, 'binary', '0A000'],
  ] as const)('is not %s', (_, bytes, type, format, sqlstate) => {
    expect(() => decoded(bytes, type, format)).toThrow(
      expect.objectContaining({ fault: expect.objectContaining({ sqlstate }) as unknown }),
    )
  })

  test.each([
    ['text', 25, 'text'],
    ['text', 25, 'binary'],
  ] as const)('of type %s is valid UTF-8', (_, type, format) => {
    expect(() => decoded(Buffer.of(0xff), type, format)).toThrow('invalid byte sequence')
  })
})
