import { describe, expect, test } from 'vitest'
import { parseDuration, parseSize } from '../../../src/config/units.ts'

describe('a duration', () => {
  test.each([
    ['0', 0],
    ['500ms', 500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['1m500ms', 60_500],
  ])('of %s is %d milliseconds', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds)
  })

  test.each(['', '10', 's', '1.5s', '-1s', '10 s', '30m1h', '1d', '10S', '99999999999s'])(
    'is not written as %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )
})

describe('a size', () => {
  test.each([
    ['512', 512],
    ['512B', 512],
    ['10kB', 10_000],
    ['64KiB', 65_536],
    ['64 KiB', 65_536],
    ['1MiB', 1_048_576],
    ['1GB', 1_000_000_000],
  ])('of %s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  test.each(['', 'KiB', '1.5MiB', '-1', '1kb', '1K', '1TiB'])('is not written as %j', (text) => {
    expect(parseSize(text)).toBeUndefined()
  })
})
