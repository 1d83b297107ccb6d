import { describe, expect, test } from 'vitest'
import { readFields, readLogicalLines } from '../../../src/policy/ident-fields.ts'
import { parseIdentityMap } from '../../../src/policy/identity-map.ts'
import { openTo } from '../../../src/policy/open-rules.ts'

describe('a logical line', () => {
  test.each<[string, readonly string[]]>([
    ['a\nb', ['a', 'b']],
    ['a\r\nb\r\r\n', ['a', 'b', '']],
    ['a\rb\nc', ['a\rb', 'c']],
    ['a\\\nb\nc', ['ab', 'c']],
    ['a\\\r\nb', ['ab']],
    ['a\\', ['a']],
  ])('of %j ends where its line does', (text, lines) => {
    expect([...readLogicalLines(text)].map((line) => line.text)).toEqual(lines)
  })
})

describe('a field', () => {
  test.each<[string, readonly [string, boolean][]]>([
    [
      'a b',
      [
        ['a', false],
        ['b', false],
      ],
    ],
    ['a"b c"d', [['ab cd', false]]],
    ['"a b"', [['a b', true]]],
    ['"a""b"', [['a"b', true]]],
    ['""""', [['"', true]]],
    ['""', [['', true]]],
    [
      '"" b',
      [
        ['', true],
        ['b', false],
      ],
    ],
    ['"a"b"c"', [['abc', true]]],
    [
      'a"" b',
      [
        ['a', false],
        ['b', false],
      ],
    ],
    [
      '"a" "b"',
      [
        ['a', true],
        ['b', true],
      ],
    ],
    [
      '"a"  ""',
      [
        ['a', true],
        ['', true],
      ],
    ],
    ['a#b', [['a', false]]],
    ['"a#b,c"', [['a#b,c', true]]],
  ])('of %j is read as PostgreSQL reads it', (line, fields) => {
    expect(readFields(line).map(({ text, isQuoted }) => [text, isQuoted])).toEqual(fields)
  })
})

describe('a line of two fields', () => {
  test.each(['include x', 'include_dir x', 'include_if_exists x', '"include" x'])(
    'that includes a file is not supported: %s',
    (line) => {
      expect(parseIdentityMap(line).problems[0]?.message).toMatch(/^"include\w*" is not supported/)
    },
  )

  test.each(['included x', 'x_include x', 'include_all x', 'a', '#'])(
    'that does not is an ordinary one: %s',
    (line) => {
      const [problem] = parseIdentityMap(line).problems
      if (line === '#') expect(problem).toBeUndefined()
      else expect(problem?.message).toBe('expected three fields: issuer, principal, role')
    },
  )

  test('is not one of three that begins like it', () => {
    expect(parseIdentityMap('include alice app').problems).toEqual([])
  })
})

test('a rule for members opens no role by itself', () => {
  expect(openTo('app', [{ kind: 'members', of: 'staff' }])).toEqual({ memberOf: ['staff'] })
  expect(openTo('app', [])).toBeUndefined()
})
