import { expect, test } from 'vitest'
import { quoteToken } from '../../../src/policy/hba-token.ts'

test.each([
  ['app', '"app"'],
  ['all', '"all"'],
  ['+app', '"+app"'],
  ['a "b"', '"a ""b"""'],
  ['/a.b', String.raw`"/^\/a\.b$"`],
  ['a/b', '"a/b"'],
  [`/!-/:@[^\`{~`, '"/^\\/\\!\\-\\/\\:\\@\\[\\^\\`\\{\\~$"'],
  ['/aZ09_ ä', String.raw`"/^\/aZ09_ ä$"`],
])('the name %j is the token %s', (name, token) => {
  expect(quoteToken(name)).toBe(token)
})

test.each(['a\nb', 'a\rb'])('the name %j has no token', (name) => {
  expect(() => quoteToken(name)).toThrow('cannot name')
})
