import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isOpen, type LoginHours, nextOpening, timeZone } from '../../src/policy/login-hours.ts'

// With changes of an hour, of half an hour, at midnight, and none.
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'America/Santiago',
  'Africa/Cairo',
].map(timeZone)

const minuteMs = 60_000

const hours: fc.Arbitrary<LoginHours> = fc
  .record({
    days: fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 3 }).map((days) => new Set(days)),
    from: fc.integer({ min: 0, max: 47 }).map((half) => half * 30),
    to: fc.integer({ min: 0, max: 48 }).map((half) => half * 30),
    zone: fc.constantFrom(...zones),
  })
  .filter(({ from, to }) => from !== to)

/** Near the days on which clocks are changed, most often. */
const time = fc
  .tuple(
    fc.constantFrom(
      '2026-03-08',
      '2026-03-29',
      '2026-04-05',
      '2026-04-24',
      '2026-10-04',
      '2026-10-25',
      '2026-10-29',
      '2026-11-01',
      '2026-07-01',
    ),
    fc.integer({ min: -2 * 1_440, max: 2 * 1_440 }),
    fc.nat(59_999),
  )
  .map(([day, minutes, rest]) => new Date(Date.parse(day) + minutes * minuteMs + rest))

/** What the clocks of a zone show, read as a person would. */
function shown({ zone, days, from, to }: LoginHours, at: Date): boolean {
  const text = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone.name,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  }).format(at)
  const [, name = '', hour, minute] = /^(\w{3}),? (\d\d):(\d\d)$/.exec(text) ?? []
  const day = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(name)
  const now = Number(hour) * 60 + Number(minute)
  const yesterday = (day + 6) % 7
  if (from < to) return days.has(day) && from <= now && now < to
  return (days.has(day) && from <= now) || (days.has(yesterday) && now < to)
}

test('logins may begin when the clock on the wall is within the hours of some day', () => {
  fc.assert(
    fc.property(fc.array(hours, { minLength: 1, maxLength: 3 }), time, (its, at) => {
      expect(isOpen(its, at)).toBe(its.some((one) => shown(one, at)))
    }),
    { numRuns: 500 },
  )
})

test('the next opening is the first minute that is open, and none before it is', () => {
  fc.assert(
    fc.property(fc.array(hours, { minLength: 1, maxLength: 2 }), time, (its, at) => {
      if (isOpen(its, at)) return
      const found = nextOpening(its, at)
      if (found === undefined) throw new Error('there are hours every week')
      expect(found.at.getTime()).toBeGreaterThan(at.getTime())
      expect(isOpen(its, found.at)).toBe(true)
      // Minute by minute where it is near, and every half hour where it is not.
      const minutes = Math.ceil((found.at.getTime() - at.getTime()) / minuteMs)
      const first = Math.ceil(at.getTime() / minuteMs)
      const step = minutes > 600 ? 30 : 1
      for (let minute = first; minute * minuteMs < found.at.getTime(); minute += step) {
        expect(isOpen(its, new Date(minute * minuteMs))).toBe(false)
      }
    }),
    { numRuns: 200 },
  )
})
