import { CompactEncrypt } from 'jose'
import { expect, test } from 'vitest'
import { deriveStartKey, FleetSeal, NotSealed } from '../../../../src/fleet/store/seal.ts'

const secret = 'a secret that is long enough for the fleet'
const older = 'another secret, which was there before it'
const seal = new FleetSeal([secret])

test('what is sealed is opened by whoever has the secret, as it was', async () => {
  const data = { map: new Map([['a', new Date(0)]]), none: undefined, bytes: Buffer.from('b') }
  const opened = await seal.open('order 1', await seal.seal('order 1', data))
  expect(opened).toMatchObject({ map: data.map, none: undefined })
})

test.each([
  ['another purpose', 'order 2', secret],
  ['another secret', 'order 1', older],
])('what was sealed with %s is not opened', async (_, purpose, by) => {
  const sealed = await new FleetSeal([by]).seal(purpose, 'data')
  await expect(seal.open('order 1', sealed)).rejects.toThrow(NotSealed)
})

test('nothing is to be seen of it, and one that was changed is not opened', async () => {
  const sealed = await seal.seal('order 1', 'visible')
  expect(Buffer.from(sealed.split('.')[3]!, 'base64url').includes('visible')).toBe(false)
  const parts = sealed.split('.')
  parts[3] = `${parts[3]!.startsWith('A') ? 'B' : 'A'}${parts[3]!.slice(1)}`
  await expect(seal.open('order 1', parts.join('.'))).rejects.toThrow(NotSealed)
})

test('text that was sealed in no way is not read', async () => {
  await expect(seal.open('order 1', 'data')).rejects.toThrow(NotSealed)
  await expect(seal.open('order 1', '')).rejects.toThrow(NotSealed)
  const plain = await new CompactEncrypt(Buffer.from('x'))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .encrypt(new Uint8Array(32))
  await expect(seal.open('order 1', plain)).rejects.toThrow(NotSealed)
})

test('while the secret is replaced the first seals, and all open', async () => {
  const both = new FleetSeal([secret, older])
  expect(await both.open('a', await new FleetSeal([older]).seal('a', 1))).toBe(1)
  expect(await seal.open('a', await both.seal('a', 2))).toBe(2)
})

test('a mark is the same for the same text, purpose and secret', () => {
  expect(new FleetSeal([secret, older]).mark('throttle', 'a')).toBe(seal.mark('throttle', 'a'))
  const marks = [
    seal.mark('throttle', 'a'),
    seal.mark('throttle', 'b'),
    seal.mark('used', 'a'),
    new FleetSeal([older]).mark('throttle', 'a'),
  ]
  expect(new Set(marks).size).toBe(marks.length)
})

test('keys of a start are the same everywhere, one for each purpose', () => {
  expect(deriveStartKey(secret, 'pages')).toEqual(deriveStartKey(secret, 'pages'))
  expect(deriveStartKey(secret, 'pages')).not.toEqual(deriveStartKey(secret, 'credentials'))
  expect(deriveStartKey(secret, 'pages')).toHaveLength(32)
})
