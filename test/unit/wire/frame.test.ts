import { describe, expect, test } from 'vitest'
import { FrameError, readFrame, writeFrame } from '../../../src/wire/frame.ts'
import { int32, message } from './bytes.ts'

function errorOf(action: () => unknown): unknown {
  try {
    return action()
  } catch (error) {
    return error
  }
}

describe('reading a frame', () => {
  test('gives its type, its body and itself whole, and leaves what comes behind', () => {
    const bytes = Buffer.concat([message('S', 'abc'), Buffer.from('Z')])
    expect(readFrame(bytes, 100)).toEqual({
      value: { type: 'S', body: Buffer.from('abc'), raw: message('S', 'abc') },
      length: 8,
    })
  })

  test('copies nothing', () => {
    const bytes = message('S', 'abc')
    expect(readFrame(bytes, 100)?.value.raw.buffer).toBe(bytes.buffer)
  })

  test.each([0, 1, 4, 5, 7])('waits after %d of eight bytes', (received) => {
    expect(readFrame(message('S', 'abc').subarray(0, received), 100)).toBeUndefined()
  })

  test('takes a body of exactly the limit', () => {
    expect(readFrame(message('S', 'abc'), 3)).toMatchObject({ length: 8 })
  })

  test.each([
    [0, -4],
    [1, -3],
    [3, -1],
    [8, 4],
    [2 ** 31 - 1, 2 ** 31 - 5],
    [2 ** 31, 2 ** 31 - 4],
    [2 ** 32 - 1, 2 ** 32 - 5],
  ])('throws on a length of %d before the body is waited for', (length, declaredBytes) => {
    const header = Buffer.concat([Buffer.from('d'), int32(length)])
    const error = errorOf(() => readFrame(header, 3))
    expect(error).toBeInstanceOf(FrameError)
    expect(error).toMatchObject({
      declaredBytes,
      message: `message of type "d" declares ${declaredBytes} bytes`,
    })
  })

  test('shows an unprintable type escaped', () => {
    const error = errorOf(() => readFrame(message('\x1b', '', 0), 3))
    expect(String(error)).toContain('"\\u001b"')
  })

  test('keeps a type byte over 127', () => {
    expect(readFrame(message('\xff'), 3)?.value.type).toBe('\xff')
  })
})

test.each([
  ['S', '', '5300000004'],
  ['p', 'secret\0', '700000000b73656372657400'],
  ['\xff', 'a', 'ff0000000561'],
])('a frame of type %j and body %j is written as %s', (type, body, hex) => {
  expect(writeFrame(type, Buffer.from(body)).toString('hex')).toBe(hex)
})
