import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Counted, type CountedBy, SessionCounts } from '../../../src/session/session-counts.ts'

function counted(by: CountedBy, name: string, limit?: number): Counted {
  return { by, name, limit }
}

test('sessions are let in up to the limit, and the next one when one has ended', () => {
  const counts = new SessionCounts()
  const claim = [counted('role', 'app', 2)]
  expect([counts.take(claim), counts.take(claim)]).toEqual([undefined, undefined])
  expect(counts.take(claim)).toBe(claim[0])
  counts.giveBack(claim)
  expect(counts.take(claim)).toBeUndefined()
  expect(counts.take(claim)).toBe(claim[0])
})

test('the first limit that is reached is the one that is told', () => {
  const counts = new SessionCounts()
  counts.take([counted('pool', 'p', 1), counted('role', 'r', 1)])
  const [other, full] = [counted('pool', 'q', 1), counted('role', 'r', 1)]
  expect(counts.take([other, full])).toBe(full)
})

test('whoever is refused by one limit is counted for none', () => {
  const counts = new SessionCounts()
  counts.take([counted('role', 'r', 1)])
  const refused = [counted('all', '', 5), counted('role', 'r', 1), counted('principal', 'p', 5)]
  expect(counts.take(refused)).toBeDefined()
  expect(refused.map((one) => counts.count(one))).toEqual([0, 1, 0])
})

test('names of one kind are not those of another', () => {
  const counts = new SessionCounts()
  counts.take([counted('role', 'same', 1)])
  expect(counts.take([counted('pool', 'same', 1)])).toBeUndefined()
  expect(counts.take([counted('role', 'same', 1)])).toBeDefined()
})

test('what has no limit is counted all the same, for the one that a reload brings', () => {
  const counts = new SessionCounts()
  for (let i = 0; i < 3; i++) expect(counts.take([counted('role', 'app')])).toBeUndefined()
  expect(counts.take([counted('role', 'app', 3)])).toBeDefined()
  expect(counts.take([counted('role', 'app', 4)])).toBeUndefined()
})

test('a limit that is lowered ends nobody, and lets in nobody before there are fewer', () => {
  const counts = new SessionCounts()
  const before = [counted('all', '', 3)]
  for (let i = 0; i < 3; i++) counts.take(before)
  const after = [counted('all', '', 1)]
  for (let open = 3; open > 0; open--) {
    expect([counts.count(after[0]!), counts.take(after)]).toEqual([open, after[0]])
    counts.giveBack(before)
  }
  expect(counts.take(after)).toBeUndefined()
})

test('no limit is ever exceeded, and nothing is kept of those who have left', () => {
  const limits = { all: 6, pool: 4, role: 3 }
  const who = fc.record({ pool: fc.constantFrom('p', 'q'), role: fc.constantFrom('r', 's') })
  const steps = fc.array(fc.oneof(who, fc.nat()), { maxLength: 60 })
  fc.assert(
    fc.property(steps, (all) => {
      const counts = new SessionCounts()
      const open: (readonly Counted[])[] = []
      for (const step of all) {
        if (typeof step === 'number') {
          for (const left of open.splice(step % (open.length + 1), 1)) counts.giveBack(left)
          continue
        }
        const claim = [
          counted('all', '', limits.all),
          counted('pool', step.pool, limits.pool),
          counted('role', step.role, limits.role),
        ]
        const taken = (by: CountedBy, name: string): number =>
          open.filter((one) => one.some((each) => each.by === by && each.name === name)).length
        const isFull = claim.some(({ by, name, limit }) => taken(by, name) >= limit!)
        const refused = counts.take(claim)
        expect(refused !== undefined).toBe(isFull)
        if (refused === undefined) open.push(claim)
      }
      for (const left of open) counts.giveBack(left)
      expect(counts.size).toBe(0)
    }),
  )
})
