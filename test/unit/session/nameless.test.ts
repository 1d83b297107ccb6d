import { expect, test } from 'vitest'
import type { Refusal } from '../../../src/refusal.ts'
import { Nameless } from '../../../src/session/nameless.ts'
import { type Place, Places } from '../../../src/session/places.ts'

const limits = { maxUnauthenticated: 4, maxUnauthenticatedPerAddress: 1 }

interface Waiting {
  readonly place: Place
  readonly refusals: Refusal[]
  interrupt(refusal: Refusal): void
}

function waiting(): Waiting {
  const refusals: Refusal[] = []
  return {
    place: new Places().enter(limits),
    refusals,
    interrupt: (refusal) => refusals.push(refusal),
  }
}

test('half of the places may wait for their PROXY header', () => {
  const nameless = new Nameless()
  const connections = [waiting(), waiting()]
  for (const connection of connections) nameless.add(connection, limits)
  expect(connections.map(({ refusals }) => refusals)).toEqual([[], []])
})

test('one more sends away the one that has waited longest, without a word', () => {
  const nameless = new Nameless()
  const connections = [waiting(), waiting(), waiting(), waiting()]
  for (const connection of connections) nameless.add(connection, limits)
  expect(connections.map(({ place }) => place.isSilenced)).toEqual([true, true, false, false])
  expect(connections[0]?.refusals).toMatchObject([{ reason: 'too-many-unauthenticated' }])
})

test('one whose header has come is not sent away any more', () => {
  const nameless = new Nameless()
  const [first, second, third] = [waiting(), waiting(), waiting()]
  nameless.add(first, limits)
  nameless.add(second, limits)
  nameless.delete(first)
  nameless.add(third, limits)
  expect([first, second, third].map(({ place }) => place.isSilenced)).toEqual([false, false, false])
})

test('one may wait where there is one place', () => {
  const nameless = new Nameless()
  const only = waiting()
  nameless.add(only, { ...limits, maxUnauthenticated: 1 })
  expect(only.refusals).toEqual([])
})
