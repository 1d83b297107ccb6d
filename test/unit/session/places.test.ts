import { describe, expect, test } from 'vitest'
import { maxTold, type PlaceLimits, Places } from '../../../src/session/places.ts'

const limits: PlaceLimits = { maxUnauthenticated: 3, maxUnauthenticatedPerAddress: 2 }

describe('the limit of unauthenticated connections', () => {
  test('has a place for as many as it says', () => {
    const places = new Places()
    const refusals = [1, 2, 3, 4].map(() => places.enter(limits).refusal)
    expect(refusals).toEqual([undefined, undefined, undefined, 'too-many-unauthenticated'])
  })

  test('has a place again when one is released, once however often', () => {
    const places = new Places()
    const first = places.enter(limits)
    places.enter(limits)
    places.enter(limits)
    first.release()
    first.release()
    expect(places.taken).toBe(2)
    expect(places.enter(limits).refusal).toBeUndefined()
    expect(places.enter(limits).refusal).toBe('too-many-unauthenticated')
  })

  test('has a few places for those who are told so, and silence for the rest', () => {
    const places = new Places()
    for (let i = 0; i < limits.maxUnauthenticated; i++) places.enter(limits)
    const told = Array.from({ length: maxTold }, () => places.enter(limits))
    expect(told.every((place) => !place.isSilenced)).toBe(true)
    const cut = places.enter(limits)
    expect([cut.refusal, cut.isSilenced]).toEqual(['too-many-unauthenticated', true])
    told[0]?.release()
    expect(places.enter(limits).isSilenced).toBe(false)
    cut.release()
    expect(places.taken).toBe(limits.maxUnauthenticated + maxTold)
  })
})

describe('whoever is turned away', () => {
  test('gives up the place, and takes none of those who are told', () => {
    const places = new Places()
    const place = places.enter(limits)
    place.takeFor('192.0.2.1', limits)
    place.turnAway('too-many-logins')
    expect([place.refusal, place.isSilenced]).toEqual(['too-many-logins', true])
    expect([places.taken, places.addresses]).toEqual([0, 0])
  })
})

describe('the limit of one address', () => {
  const enter = (places: Places, address: string, demands = limits): string | undefined => {
    const place = places.enter(demands)
    place.takeFor(address, demands)
    return place.refusal
  }

  test('refuses one more than it says, and nobody else', () => {
    const places = new Places()
    expect(enter(places, '192.0.2.1')).toBeUndefined()
    expect(enter(places, '192.0.2.1')).toBeUndefined()
    expect(enter(places, '192.0.2.1')).toBe('too-many-from-address')
    expect(enter(places, '192.0.2.2')).toBeUndefined()
  })

  test('leaves the places of the others alone: who is refused by it gives up its own', () => {
    const places = new Places()
    for (let i = 0; i < 10; i++) enter(places, '192.0.2.1')
    expect(enter(places, '192.0.2.2')).toBeUndefined()
    expect(enter(places, '192.0.2.3')).toBe('too-many-unauthenticated')
  })

  test('is one address less when it is released, and forgets those without any', () => {
    const places = new Places()
    const [first, second] = [places.enter(limits), places.enter(limits)]
    first.takeFor('192.0.2.1', limits)
    second.takeFor('192.0.2.1', limits)
    first.release()
    expect([places.addresses, places.taken]).toEqual([1, 1])
    expect(enter(places, '192.0.2.1')).toBeUndefined()
    expect(enter(places, '192.0.2.1')).toBe('too-many-from-address')
    second.release()
    second.release()
    expect(places.addresses).toBe(1)
  })

  test('is none where there is none, nor for what has no address', () => {
    const places = new Places()
    const unlimited = { maxUnauthenticated: 100, maxUnauthenticatedPerAddress: undefined }
    for (let i = 0; i < 50; i++) expect(enter(places, '192.0.2.1', unlimited)).toBeUndefined()
    expect(places.addresses).toBe(0)
    const one = { maxUnauthenticated: 100, maxUnauthenticatedPerAddress: 1 }
    for (let i = 0; i < 3; i++) expect(enter(places, '', one)).toBeUndefined()
  })

  test('does not count whom the overall limit has refused', () => {
    const places = new Places()
    for (let i = 0; i < 3; i++) places.enter(limits)
    expect(enter(places, '192.0.2.1')).toBe('too-many-unauthenticated')
    expect(places.addresses).toBe(0)
  })
})
