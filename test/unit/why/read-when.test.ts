import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readWhen } from '../../../src/why/read-when.ts'

const before = process.env['TZ']

// With a summer time.
beforeAll(() => {
  process.env['TZ'] = 'Europe/Berlin'
})

afterAll(() => {
  if (before === undefined) delete process.env['TZ']
  else process.env['TZ'] = before
})

const now = new Date('2026-11-22T14:30:00+01:00')

function at(text: string, when = now): string | undefined {
  const found = readWhen(text, when)
  return found === undefined ? undefined : new Date(found.atMs).toISOString()
}

describe('a time', () => {
  test.each([
    ['14:02', '2026-11-22T13:02:00.000Z'],
    ['9:05', '2026-11-22T08:05:00.000Z'],
    ['14:02:31', '2026-11-22T13:02:31.000Z'],
    ['14:30', '2026-11-22T13:30:00.000Z'],
    ['14:31', '2026-11-21T13:31:00.000Z'],
    ['23:59', '2026-11-21T22:59:00.000Z'],
  ])('%s is the last one that there was, by the local clock', (text, wanted) => {
    expect(at(text)).toBe(wanted)
  })

  test('of yesterday is by the clock of yesterday, also where it was changed since', () => {
    const night = new Date('2026-10-25T06:00:00+01:00')
    expect(at('14:02', night)).toBe('2026-10-24T12:02:00.000Z')
  })

  test.each([
    ['2026-11-22T14:02', '2026-11-22T13:02:00.000Z'],
    ['2026-07-01 14:02', '2026-07-01T12:02:00.000Z'],
    ['2026-11-22T14:02Z', '2026-11-22T14:02:00.000Z'],
    ['2026-11-22T14:02:31.123456Z', '2026-11-22T14:02:31.000Z'],
    ['2026-11-22T14:02-0530', '2026-11-22T19:32:00.000Z'],
    ['2026-11-22T14:02:00+02:00', '2026-11-22T12:02:00.000Z'],
  ])('%s is ISO 8601, local where it names no zone', (text, wanted) => {
    expect(at(text)).toBe(wanted)
  })

  test.each([
    ...['', 'now', '24:00', '14:60', '14:2', '14:02:60', '2026-02-30', '2026-13-01'],
    ...['2026-02-30T14:02Z', '2026-11-22T24:00', '22.11.2026', '14:02 and more'],
  ])('%j is none', (text) => {
    expect(readWhen(text, now)).toBeUndefined()
  })
})

test('a minute is meant as a whole, with five minutes before and after', () => {
  const { fromMs, untilMs, tolerance } = readWhen('14:02', now)!
  expect(new Date(fromMs).toISOString()).toBe('2026-11-22T12:57:00.000Z')
  expect(new Date(untilMs).toISOString()).toBe('2026-11-22T13:07:59.999Z')
  expect(tolerance).toBe(5)
})

test('a second is meant as one', () => {
  const { untilMs } = readWhen('14:02:31', now)!
  expect(new Date(untilMs).toISOString()).toBe('2026-11-22T13:07:31.999Z')
})

test('a day is a whole one, also where it has another number of hours', () => {
  const { fromMs, untilMs, tolerance } = readWhen('2026-10-25', now)!
  expect((untilMs + 1 - fromMs) / 3_600_000).toBe(25)
  expect(tolerance).toBe(0)
})
