import { describe, expect, test } from 'vitest'
import { bracketed, listed, shown, toDate } from '../../../src/identity/shown.ts'
import { ownAudiences, typeName } from '../../../src/identity/token-rules.ts'
import { keysOf, tokenRules } from './tokens.ts'

describe('a value of a token', () => {
  test.each([
    ['text', 'text'],
    [5, '5'],
    [null, 'null'],
    [undefined, 'undefined'],
    [['a'], '(array)'],
    [{ toString: 1 }, '(object)'],
    ['a\nb', 'a?b'],
  ])('%j is shown as %s', (value, text) => {
    expect(shown(value)).toBe(text)
  })

  test.each([
    [['a', 'b', 'c', 'd', 'e'], 'a, b, c, d, e'],
    [['a', 'b', 'c', 'd', 'e', 'f'], 'a, b, c, d, e, ...'],
    [['a'], 'a'],
  ])('names %j are listed as %s', (names, text) => {
    expect(listed(names)).toBe(text)
  })

  const eleven = Array.from({ length: 11 }, (_, index) => `${index}`)
  test.each([
    [[], '[]'],
    [['a', 5, ['b']], '[a 5 (array)]'],
    [eleven.slice(1), '[1 2 3 4 5 6 7 8 9 10]'],
    [eleven, '[0 1 2 3 4 5 6 7 8 9 ...]'],
  ])('a list %j is shown as %s', (values, text) => {
    expect(bracketed(values)).toBe(text)
  })

  test.each([
    [0, 0],
    [1.5, 1_500],
    [1e308, 8.64e15],
    [-1e308, -8.64e15],
  ])('%d is a point in time', (seconds, ms) => {
    expect(toDate(seconds).getTime()).toBe(ms)
  })
})

test.each([
  ['JWT', 'jwt'],
  ['application/AT+jwt', 'at+jwt'],
  ['text/at+jwt', 'text/at+jwt'],
  ['application/x/at+jwt', 'application/x/at+jwt'],
  ['xapplication/at+jwt', 'xapplication/at+jwt'],
])('the type %s is called %s', (typ, name) => {
  expect(typeName(typ)).toBe(name)
})

test('an integration without a client has its additional audiences alone', () => {
  const rules = tokenRules(keysOf([]), { additionalAudiences: ['a', 'b'] })
  expect(ownAudiences(rules)).toEqual(['portcullis', 'a', 'b'])
  expect(ownAudiences({ ...rules, clientId: undefined })).toEqual(['a', 'b'])
})
