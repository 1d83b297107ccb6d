import { describe, expect, test } from 'vitest'
import { readClaim, readGroups } from '../../../src/identity/claims.ts'

/** Parsed as a token is, so that `__proto__` is a claim like any other. */
const claims = JSON.parse(`{
  "sub": "alice",
  "": "no name",
  "a.b": "dots",
  "https://example.com/groups": ["readers"],
  "a/b": "slash", "m~n": "tilde", "~1": "tilde one",
  "realm_access": { "roles": ["one", "two"], "": "empty" },
  "list": [{ "name": "zero" }, { "name": "one" }],
  "nothing": null,
  "__proto__": { "polluted": "own" },
  "deep": {"1":{"2":{"3":{"4":{"5":{"6":{"7":{"8":{"9":{"10":"too deep"}, "9b":"deep"}}}}}}}}}
}`) as Record<string, unknown>

describe('a claim', () => {
  test.each([
    ['sub', 'alice'],
    ['a.b', 'dots'],
    ['https://example.com/groups', ['readers']],
    ['a/b', 'slash'],
    ['m~n', 'tilde'],
    ['', 'no name'],
    ['nothing', null],
    ['missing', undefined],
    ['realm_access/roles', undefined],
    ['realm_access.roles', undefined],
  ])('named %j is read literally', (name, value) => {
    expect(readClaim(claims, name)).toEqual(value)
  })

  test.each([
    ['/sub', 'alice'],
    ['/', 'no name'],
    ['/a~1b', 'slash'],
    ['/m~0n', 'tilde'],
    ['/~01', 'tilde one'],
    ['/realm_access/roles', ['one', 'two']],
    ['/realm_access/roles/1', 'two'],
    ['/realm_access/', 'empty'],
    ['/list/1/name', 'one'],
    ['/nothing', null],
    ['/deep/1/2/3/4/5/6/7/8/9b', 'deep'],
  ])('at the JSON Pointer %s is found', (pointer, value) => {
    expect(readClaim(claims, pointer)).toEqual(value)
  })

  test.each([
    '/missing',
    '/sub/length',
    '/sub/0',
    '/nothing/x',
    '/list/2',
    '/list/2/name',
    '/list/-',
    '/list/-1',
    '/list/length',
    '/list/1e0',
    '/list/100000',
    '/list/12',
    '/deep/1/2/3/4/5/6/7/8/9/10',
    `/${'x/'.repeat(100_000)}`,
    '//sub',
    '#/sub',
  ])('at %.40s is not found', (pointer) => {
    expect(readClaim(claims, pointer)).toBeUndefined()
  })

  test.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__'])(
    'named %s is not what every object has',
    (name) => {
      expect(readClaim(claims, name)).toBeUndefined()
      expect(readClaim(claims, `/${name}`)).toBeUndefined()
      expect(readClaim(claims, `/realm_access/${name}`)).toBeUndefined()
      expect(readClaim(claims, `/list/${name}`)).toBeUndefined()
      expect(readClaim(claims, `/sub/${name}`)).toBeUndefined()
    },
  )

  test('named __proto__ is the one that the token has, and never the prototype', () => {
    expect(readClaim(claims, '__proto__')).toEqual({ polluted: 'own' })
    expect(readClaim(claims, '/__proto__/polluted')).toBe('own')
    expect(readClaim({}, '__proto__')).toBeUndefined()
    expect(readClaim({}, '/__proto__')).toBeUndefined()
    expect(readClaim(claims, '/realm_access/__proto__')).toBeUndefined()
  })
})

test('an entry behind the ninth of a list is found too', () => {
  const list = Array.from({ length: 12_345 }, (_, i) => i)
  expect(readClaim({ list }, '/list/11')).toBe(11)
  expect(readClaim({ list }, '/list/12344')).toBe(12_344)
})

describe('groups', () => {
  test.each([
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [
      [' a ', 'b c'],
      ['a', 'b c'],
    ],
    [['a,b'], ['a,b']],
    ['a', ['a']],
    ['A , b', ['A', 'b']],
    ['domain users, db admins', ['domain users', 'db admins']],
    ['a,,b, ', ['a', 'b']],
    ['', []],
    [[], []],
    [
      ['a', 5, null, ['b'], { name: 'c' }, true, '', ' ', 'd'],
      ['a', 'd'],
    ],
    [undefined, []],
    [null, []],
    [5, []],
    [true, []],
    [{ a: 'b' }, []],
    [{ ' writer ': { '1': 'example.com' }, reader: { '1': 'x', '2': 'y' } }, ['writer', 'reader']],
    [{ a: {}, b: [], c: ['x'], d: true, e: null, f: 1, '': { x: 'y' } }, []],
    [[{ writer: { '1': 'example.com' } }], []],
  ])('in %j are %j', (value: unknown, groups) => {
    expect(readGroups(value)).toEqual(groups)
  })
})
