import { expect, test } from 'vitest'
import { readActors } from '../../../src/identity/actors.ts'
import type { Json } from './tokens.ts'

function chain(length: number): Json {
  let act: Json = { sub: `actor ${length}` }
  for (let i = length - 1; i >= 1; i--) act = { sub: `actor ${i}`, act }
  return { act }
}

test.each<[string, Json, readonly string[]]>([
  ['no act claim', {}, []],
  ['one actor', { act: { sub: 'gateway' } }, ['gateway']],
  ['a chain', chain(3), ['actor 1', 'actor 2', 'actor 3']],
  ['an actor without a subject', { act: { iss: 'x', act: { sub: 'a' } } }, ['(unnamed)', 'a']],
  ['an act claim that is text', { act: 'gateway' }, []],
  ['an act claim that is a list', { act: [{ sub: 'gateway' }] }, []],
  ['a name that forges a line', { act: { sub: 'a\nb' } }, ['a?b']],
])('the actors of a token with %s are read outermost first', (_, claims, actors) => {
  expect(readActors(claims)).toEqual(actors)
})

test('no more than ten actors are read of however long a chain', () => {
  expect(readActors(chain(1_000))).toHaveLength(10)
  expect(readActors(chain(1_000)).at(-1)).toBe('actor 10')
})
