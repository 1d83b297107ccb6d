import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Unquotable } from '../../../src/upstream/quote-sql.ts'
import { shownIdentifier } from '../../../src/upstream/shown-identifier.ts'

describe('an identifier that is shown', () => {
  test.each([
    ['orders', '"orders"'],
    ['Orders', '"Orders"'],
    ['a"b', '"a""b"'],
    [`x"; DROP ROLE postgres; --`, `"x""; DROP ROLE postgres; --"`],
    [String.raw`back\slash`, String.raw`"back\slash"`],
    ['Größe 角色', '"Größe 角色"'],
    ['line\nfeed', String.raw`U&"line\+00000afeed"`],
    ['a\\\n"', String.raw`U&"a\\\+00000a"""`],
    ['turned\u202Earound', String.raw`U&"turned\+00202earound"`],
  ])('of %j is %s', (name, quoted) => {
    expect(shownIdentifier(name)).toBe(quoted)
  })

  test.each([
    ['no character', ''],
    ['64 bytes', 'x'.repeat(64)],
    ['64 bytes in 32 characters', 'ä'.repeat(32)],
    ['a NUL', 'a\0b'],
    ['half a character', 'a\uD800'],
  ])('is refused for a name with %s', (_, name) => {
    expect(() => shownIdentifier(name)).toThrow(Unquotable)
  })

  test('takes 63 bytes', () => {
    expect(shownIdentifier('x'.repeat(63))).toBe(`"${'x'.repeat(63)}"`)
  })

  test('ends where it should, and is one line that can be seen, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (name) => {
        fc.pre(name !== '' && Buffer.byteLength(name) <= 63 && !name.includes('\0'))
        const quoted = shownIdentifier(name)
        expect(quoted).toMatch(/^(?:U&)?"(?:[^"\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|"")+"$/u)
      }),
    )
  })
})
