import { expect, test } from 'vitest'
import { KeptParts } from '../../src/kept-parts.ts'

const make = (): object => ({})

test('what is made of the same is the same, through any number of configurations', () => {
  const first = new KeptParts()
  const part = first.once(['a', { secret: 'x' }], make)
  const second = first.renew()
  expect(second.once(['a', { secret: 'x' }], make)).toBe(part)
  expect(second.renew().once(['a', { secret: 'x' }], make)).toBe(part)
})

test('what is made of anything else is another', () => {
  const first = new KeptParts()
  const part = first.once(['a', { secret: 'x' }], make)
  const second = first.renew()
  expect(second.once(['a', { secret: 'y' }], make)).not.toBe(part)
  expect(second.once(['b', { secret: 'x' }], make)).not.toBe(part)
})

test('what a configuration has no use for is forgotten', () => {
  const first = new KeptParts()
  const part = first.once(['a'], make)
  const third = first.renew().renew()
  expect(third.once(['a'], make)).not.toBe(part)
})

test('a configuration that was not taken over leaves nothing behind', () => {
  const first = new KeptParts()
  const part = first.once(['a'], make)
  first.renew().once(['b'], make)
  expect(first.renew().once(['a'], make)).toBe(part)
})

test('a part has a name that tells it from others, and only where it was made', () => {
  const parts = new KeptParts()
  const [a, b] = [parts.once(['a'], make), parts.once(['b'], make)]
  expect(parts.nameOf(a)).not.toBe(parts.nameOf(b))
  expect(() => parts.nameOf({})).toThrow('no such part')
})
