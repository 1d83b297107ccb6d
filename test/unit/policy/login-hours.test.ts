import { describe, expect, test } from 'vitest'
import {
  isOpen,
  type LoginHours,
  nextOpening,
  parseTimeOfDay,
  shownTime,
  timeZone,
} from '../../../src/policy/login-hours.ts'

const berlin = timeZone('Europe/Berlin')
const workdays = [1, 2, 3, 4, 5]

function hours(
  from: string,
  to: string,
  days: readonly number[] = workdays,
  zone = berlin,
): LoginHours {
  return { days: new Set(days), from: parseTimeOfDay(from)!, to: parseTimeOfDay(to)!, zone }
}

function openAt(its: readonly LoginHours[], time: string): boolean {
  return isOpen(its, new Date(time))
}

function next(its: readonly LoginHours[], time: string): string | undefined {
  const found = nextOpening(its, new Date(time))
  return found && shownTime(found.at, found.zone)
}

test('without hours it is always open', () => {
  expect(openAt([], '2026-11-22T03:00:00Z')).toBe(true)
})

describe('office hours', () => {
  const office = [hours('08:00', '18:00')]

  // 2026-11-23 is a Monday; Berlin is an hour ahead of UTC in winter, two in summer.
  test.each([
    ['2026-11-23T06:59:59.999Z', false],
    ['2026-11-23T07:00:00Z', true],
    ['2026-11-23T16:59:59.999Z', true],
    ['2026-11-23T17:00:00Z', false],
    ['2026-11-27T12:00:00Z', true],
    ['2026-11-28T12:00:00Z', false],
    ['2026-11-22T12:00:00Z', false],
    ['2026-07-06T06:00:00Z', true],
    ['2026-07-06T05:59:59Z', false],
    ['2026-07-06T16:00:00Z', false],
  ])('at %s are open: %s', (time, isIn) => {
    expect(openAt(office, time)).toBe(isIn)
  })

  test.each([
    ['2026-11-23T06:00:00Z', 'Monday 2026-11-23 08:00 Europe/Berlin'],
    ['2026-11-23T17:00:00Z', 'Tuesday 2026-11-24 08:00 Europe/Berlin'],
    ['2026-11-27T17:00:00Z', 'Monday 2026-11-30 08:00 Europe/Berlin'],
    ['2026-10-24T17:00:00Z', 'Monday 2026-10-26 08:00 Europe/Berlin'],
    ['2026-12-31T17:00:00Z', 'Friday 2027-01-01 08:00 Europe/Berlin'],
  ])('after %s begin on %s', (time, shown) => {
    expect(next(office, time)).toBe(shown)
  })
})

describe('hours over midnight', () => {
  const night = [hours('22:00', '06:00', [5])]

  test.each([
    ['2026-11-27T20:59:59Z', false],
    ['2026-11-27T21:00:00Z', true],
    ['2026-11-28T04:59:59Z', true],
    ['2026-11-28T05:00:00Z', false],
    ['2026-11-27T04:00:00Z', false],
    ['2026-11-28T21:00:00Z', false],
  ])('at %s are open: %s', (time, isIn) => {
    expect(openAt(night, time)).toBe(isIn)
  })

  test('belong to the day on which they begin, also on the last of the week', () => {
    const saturday = [hours('22:00', '06:00', [6])]
    const sunday = [hours('22:00', '06:00', [0])]
    expect(openAt(saturday, '2026-11-22T02:00:00Z')).toBe(true)
    expect(openAt(saturday, '2026-11-23T02:00:00Z')).toBe(false)
    expect(openAt(sunday, '2026-11-23T02:00:00Z')).toBe(true)
    expect(openAt(sunday, '2026-11-22T02:00:00Z')).toBe(false)
  })
})

describe('the whole day', () => {
  test('is from midnight to midnight', () => {
    const monday = [hours('00:00', '24:00', [1])]
    expect(openAt(monday, '2026-11-22T22:59:59Z')).toBe(false)
    expect(openAt(monday, '2026-11-22T23:00:00Z')).toBe(true)
    expect(openAt(monday, '2026-11-23T22:59:59Z')).toBe(true)
    expect(openAt(monday, '2026-11-23T23:00:00Z')).toBe(false)
  })
})

describe('where the clocks are changed', () => {
  // On 2026-03-29 Berlin goes from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00.
  test('hours that are skipped begin with the new clocks', () => {
    const early = [hours('02:30', '05:00', [0])]
    expect(next(early, '2026-03-29T00:00:00Z')).toBe('Sunday 2026-03-29 03:00 Europe/Berlin')
    expect(openAt(early, '2026-03-29T00:59:59Z')).toBe(false)
    expect(openAt(early, '2026-03-29T01:00:00Z')).toBe(true)
  })

  test('hours that are skipped altogether are there a week later', () => {
    const gone = [hours('02:00', '03:00', [0])]
    expect(next(gone, '2026-03-28T23:30:00Z')).toBe('Sunday 2026-04-05 02:00 Europe/Berlin')
  })

  test('hours that come twice are there twice', () => {
    const twice = [hours('02:00', '02:30', [0])]
    expect(openAt(twice, '2026-10-25T00:15:00Z')).toBe(true)
    expect(openAt(twice, '2026-10-25T00:45:00Z')).toBe(false)
    expect(nextOpening(twice, new Date('2026-10-25T00:45:00Z'))?.at.toISOString()).toBe(
      '2026-10-25T01:00:00.000Z',
    )
  })

  test('hours that are over are there once more if their time of day is', () => {
    const late = [hours('01:00', '02:30', [0])]
    expect(nextOpening(late, new Date('2026-10-25T00:30:00Z'))?.at.toISOString()).toBe(
      '2026-10-25T01:00:00.000Z',
    )
  })
})

test('of several the one that begins first is next, by its own clock', () => {
  const tokyo = hours('09:00', '12:00', workdays, timeZone('Asia/Tokyo'))
  const both = [hours('08:00', '18:00'), tokyo]
  expect(next(both, '2026-11-22T12:00:00Z')).toBe('Monday 2026-11-23 09:00 Asia/Tokyo')
  expect(next(both.toReversed(), '2026-11-22T12:00:00Z')).toBe('Monday 2026-11-23 09:00 Asia/Tokyo')
  expect(openAt(both, '2026-11-23T01:00:00Z')).toBe(true)
})

test('hours on no day never begin', () => {
  expect(next([hours('08:00', '18:00', [])], '2026-11-22T12:00:00Z')).toBeUndefined()
})

test.each([
  ['00:00', 0],
  ['08:30', 510],
  ['23:59', 1439],
  ['24:00', 1440],
  ['24:01', undefined],
  ['8:00', undefined],
  ['08:60', undefined],
  ['08:00:00', undefined],
  ['', undefined],
])('%s is the minute %s of a day', (text, minute) => {
  expect(parseTimeOfDay(text)).toBe(minute)
})
