import fc from 'fast-check'
import { expect, test } from 'vitest'
import { maxTold, type Place, Places } from '../../src/session/places.ts'

const address = fc.constantFrom('192.0.2.1', '192.0.2.2', '::ffff:192.0.2.1', '2001:db8::1', '')

type Step =
  | { readonly kind: 'enter' }
  | { readonly kind: 'take'; readonly at: number; readonly address: string }
  | { readonly kind: 'silence' | 'refuse' | 'release'; readonly at: number }

const at = fc.nat(99)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('enter' as const) }),
  fc.record({ kind: fc.constant('take' as const), at, address }),
  fc.record({ kind: fc.constantFrom('silence', 'refuse', 'release'), at }),
)

test('places are given back once on every way, and no address is remembered without one', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.integer({ min: 1, max: 5 }),
      fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      (steps, maxUnauthenticated, maxUnauthenticatedPerAddress) => {
        const limits = { maxUnauthenticated, maxUnauthenticatedPerAddress }
        const places = new Places()
        const entered: Place[] = []
        const released = new Set<Place>()
        const named = new Set<Place>()
        for (const one of steps) {
          if (one.kind === 'enter') entered.push(places.enter(limits))
          else {
            const place = entered[one.at % Math.max(1, entered.length)]
            // A connection that is closed takes nothing any more.
            if (place === undefined || released.has(place)) continue
            if (one.kind === 'take') {
              // A connection has one address.
              if (!named.has(place)) place.takeFor(one.address, limits)
              named.add(place)
            } else if (one.kind === 'silence') place.silence()
            else if (one.kind === 'refuse') place.refuse('too-many-from-address')
            else {
              place.release()
              place.release()
              released.add(place)
            }
          }
          expect(places.taken).toBeLessThanOrEqual(maxUnauthenticated + maxTold)
          expect(places.taken).toBeGreaterThanOrEqual(0)
          expect(places.addresses).toBeLessThanOrEqual(places.taken)
        }
        for (const place of entered) place.release()
        expect([places.taken, places.addresses]).toEqual([0, 0])
        expect(places.enter(limits).refusal).toBeUndefined()
      },
    ),
  )
})
