import { describe, expect, test } from 'vitest'
import { parseStatements } from '../../../src/admin/grammar/parse.ts'
import { StatementError } from '../../../src/admin/grammar/statement-error.ts'

function literal(text: string): unknown {
  const [parsed] = parseStatements(`SELECT ${text}`)
  const { statement } = parsed!
  if (statement.kind !== 'select') throw new Error(statement.kind)
  const { expression } = statement.items[0]!
  return 'value' in expression ? expression.value : expression
}

describe('the literal', () => {
  test.each<[string, unknown]>([
    ["'a'", 'a'],
    ["''", ''],
    ["'it''s'", "it's"],
    [String.raw`'a\n'`, String.raw`a\n`],
    ["'a\nb'", 'a\nb'],
    ["'a'\n  'b'\r'c'", 'abc'],
    ["'a' -- no\n", 'a'],
    [String.raw`E'\b\f\n\r\t\\\'\q'''`, "\b\f\n\r\t\\'q'"],
    [String.raw`e'\x41\102\u0043\U00000044'`, 'ABCD'],
    [String.raw`E'\xc3\xa4\303\244'`, 'ää'],
    [String.raw`E'\uD83D\uDE00'`, '😀'],
    ["E'😀'", '😀'],
    ['$$a$b$$', 'a$b'],
    ["$tag$it's $$ $tag $tag$", "it's $$ $tag "],
    ['$ä$x$ä$', 'x'],
    [String.raw`U&'d\0061t\+000061'`, 'data'],
    [String.raw`u&'\\''\D83D\DE00'`, "\\'😀"],
    [String.raw`U&'d!0061t!+000061!!' UESCAPE '!'`, 'data!'],
    [String.raw`U&'a' uescape '!'`, 'a'],
    ['1', 1],
    ['007', 7],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['1.5E-1', 0.15],
    ['- 1', -1],
    ['+1', 1],
    ['-0', 0],
    ['9007199254740991', 9007199254740991],
  ])('%s', (text, value) => {
    expect(literal(text)).toBe(value)
  })

  test.each<[string, string, string]>([
    ["'a", '42601', `unterminated quoted string at or near "'"`],
    ["'a''", '42601', `unterminated quoted string at or near "'"`],
    ["E'a\\'", '42601', `unterminated quoted string at or near "'"`],
    ["U&'a", '42601', `unterminated quoted string at or near "'"`],
    ['"a', '42601', 'unterminated quoted identifier at or near """'],
    ['$a$ $b$', '42601', 'unterminated dollar-quoted string at or near "$"'],
    ['/* /* */', '42601', 'unterminated /* comment at or near "/*"'],
    ['1a', '42601', 'trailing junk after numeric literal'],
    ['1_000', '42601', 'trailing junk after numeric literal'],
    ['9007199254740992', '22003', 'number is out of range'],
    ['1e999', '22003', 'number is out of range'],
    ['$0', '42601', 'there is no such parameter'],
    ['$65536', '42601', 'there is no such parameter'],
    [String.raw`E'\xff'`, '22021', 'invalid byte sequence for encoding "UTF8"'],
    [String.raw`E'\x00'`, '22021', 'invalid byte sequence for encoding "UTF8"'],
    [String.raw`E'\xc3x'`, '22021', 'invalid byte sequence for encoding "UTF8"'],
    [String.raw`E'\u12'`, '22025', 'invalid Unicode escape'],
    [String.raw`E'\xg'`, '22025', 'invalid Unicode escape'],
    [String.raw`E'\u0000'`, '42601', 'invalid Unicode escape value'],
    [String.raw`E'\U00110000'`, '42601', 'invalid Unicode escape value'],
    [String.raw`E'\uD83D'`, '42601', 'invalid Unicode surrogate pair'],
    [String.raw`U&'\00'`, '22025', 'invalid Unicode escape'],
    [String.raw`U&'\+12345'`, '22025', 'invalid Unicode escape'],
    [String.raw`U&'\0000'`, '42601', 'invalid Unicode escape value'],
    [String.raw`U&'\D83D'`, '42601', 'invalid Unicode surrogate pair'],
    ["U&'a' UESCAPE 'a'", '42601', 'invalid Unicode escape character'],
    ["U&'a' UESCAPE '+'", '42601', 'invalid Unicode escape character'],
    ["U&'a' UESCAPE", '42601', 'invalid Unicode escape character'],
    ['\0', '22021', 'invalid byte sequence for encoding "UTF8": 0x00'],
    ['\ud800', '22021', 'invalid byte sequence for encoding "UTF8"'],
  ])('%j is none', (text, sqlstate, message) => {
    expect(() => literal(text)).toThrow(expect.objectContaining({ sqlstate, message }) as Error)
    expect(() => literal(text)).toThrow(StatementError)
  })

  test.each(["'a' 'b'", "'a' -- \n 'b'"])('%s is two', (text) => {
    expect(() => literal(text)).toThrow('syntax error')
  })
})

describe('the name', () => {
  test.each([
    ['abc', 'abc'],
    ['ABC', 'abc'],
    ['_a1$', '_a1$'],
    ['Ärger', 'Ärger'],
    ['"A b"', 'A b'],
    ['"a""b"', 'a"b'],
    [String.raw`U&"d\0061t"`, 'dat'],
    ['select', 'select'],
    ['e', 'e'],
    ['u', 'u'],
    ['/* /* x */ */a--', 'a'],
  ])('%s is %s', (text, name) => {
    expect(parseStatements(`PAUSE ${text}`)[0]!.statement).toEqual({
      kind: 'pause',
      database: name,
    })
  })
})
