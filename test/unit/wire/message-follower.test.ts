import { describe, expect, test } from 'vitest'
import { MessageFollower } from '../../../src/wire/message-follower.ts'
import { message } from './bytes.ts'

function follow(...chunks: readonly Buffer[]): { seen: string[]; atBoundary: boolean } {
  const seen: string[] = []
  const follower = new MessageFollower((type, firstByte) => {
    seen.push(String.fromCharCode(type) + (firstByte === 0 ? '' : String.fromCharCode(firstByte)))
  })
  for (const chunk of chunks) follower.push(chunk)
  return { seen, atBoundary: follower.atBoundary }
}

const bytes = Buffer.concat([message('S'), message('Z', 'T'), message('D', 'row'), message('X')])

describe('a message follower', () => {
  test('is between two messages before the first', () => {
    expect(follow()).toEqual({ seen: [], atBoundary: true })
  })

  test('sees each message with the first byte of its body', () => {
    expect(follow(bytes)).toEqual({ seen: ['S', 'ZT', 'Dr', 'X'], atBoundary: true })
  })

  test('sees the same one byte at a time', () => {
    const single = Array.from(bytes, (byte) => Buffer.of(byte))
    expect(follow(...single)).toEqual(follow(bytes))
  })

  test.each([1, 4, 6, 9, 10, 12, 14, 16, 17, 18, 20])(
    'is not at a boundary after %d bytes',
    (end) => {
      expect(follow(bytes.subarray(0, end)).atBoundary).toBe(false)
    },
  )

  test.each([5, 11, 19, 24])('is at a boundary after %d bytes', (end) => {
    expect(follow(bytes.subarray(0, end)).atBoundary).toBe(true)
  })

  test.each([0, 1, 3])('takes a length of %d, which nobody may send, as no body', (length) => {
    expect(follow(Buffer.concat([message('Q', '', length), message('X')]))).toEqual({
      seen: ['Q', 'X'],
      atBoundary: true,
    })
  })

  test('follows a message of 4 GiB without keeping it', () => {
    expect(follow(message('d', 'x', 2 ** 32 - 1), Buffer.alloc(65_536))).toEqual({
      seen: ['dx'],
      atBoundary: false,
    })
  })

  test.each([
    ['nothing between two messages', 0, 0],
    ['the rest of a header without a body', 1, 4],
    ['the rest of a header and the body', 6, 5],
    ['the rest of a body', 10, 1],
    ['the rest of a longer body', 17, 2],
  ])('goes no further than the boundary: %s', (_, seen, taken) => {
    const types: number[] = []
    const follower = new MessageFollower((type) => types.push(type))
    follower.push(bytes.subarray(0, seen))
    expect(follower.pushToBoundary(bytes.subarray(seen))).toBe(taken)
    expect(follower.atBoundary).toBe(true)
    follower.push(bytes.subarray(seen + taken))
    expect(String.fromCharCode(...types)).toBe('SZDX')
  })

  test('takes all that there is where the boundary is not in it', () => {
    const follower = new MessageFollower(() => {})
    follower.push(bytes.subarray(0, 12))
    expect(follower.pushToBoundary(bytes.subarray(12, 18))).toBe(6)
    expect([follower.atBoundary, follower.pushToBoundary(Buffer.alloc(0))]).toEqual([false, 0])
  })
})
