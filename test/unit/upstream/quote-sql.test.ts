import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quoteIdentifier, quoteLiteral, Unquotable } from '../../../src/upstream/quote-sql.ts'

describe('a name in quotes', () => {
  test.each([
    ['alice', '"alice"'],
    ['a"b', '"a""b"'],
    ['"', '""""'],
    [`a'b\\c`, `"a'b\\c"`],
    ['a'.repeat(63), `"${'a'.repeat(63)}"`],
  ])('%j is %s', (name, quoted) => {
    expect(quoteIdentifier(name)).toBe(quoted)
  })

  test.each(['', 'a'.repeat(64), 'é'.repeat(32), 'a\0b', '\ud800', 'a\udc00'])(
    '%j is none',
    (name) => {
      expect(() => quoteIdentifier(name)).toThrow(Unquotable)
    },
  )

  test('ends where it should, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 15 }), (text) => {
        fc.pre(!text.includes('\0'))
        const inside = quoteIdentifier(text).slice(1, -1)
        expect(inside.replaceAll('""', '')).not.toContain('"')
        expect(inside.replaceAll('""', '"')).toBe(text)
      }),
    )
  })
})

describe('a text as a literal', () => {
  test.each([
    ['', `''`],
    ['alice', `'alice'`],
    [`it's`, `'it''s'`],
    ['a\\b', ` E'a\\\\b'`],
    [`\\'`, ` E'\\\\'''`],
  ])('%j is %s', (text, quoted) => {
    expect(quoteLiteral(text)).toBe(quoted)
  })

  test.each(['a\0b', '\ud800'])('%j is none', (text) => {
    expect(() => quoteLiteral(text)).toThrow(Unquotable)
  })
})
