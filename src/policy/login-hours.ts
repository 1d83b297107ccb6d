// When logins may begin, by the clocks of a time zone. Pure: the time is an argument.

/** Hours of some days; those that end earlier than they begin go on over midnight. */
export interface LoginHours {
  /** On which they begin: 0 is Sunday. */
  readonly days: ReadonlySet<number>
  /** Minutes of the day; at the first they have begun, at the last they are over. */
  readonly from: number
  readonly to: number
  readonly zone: TimeZone
}

/** The clock of a time zone (IANA). */
export interface TimeZone {
  readonly name: string
  readonly format: Intl.DateTimeFormat
}

const minuteMs = 60_000
const dayMs = 86_400_000
const minutesOfDay = 1_440

/** Hours that a change of the clocks skips once are there again a week later. */
const searchedDays = 15

/** Throws on a name that is not known. */
export function timeZone(name: string): TimeZone {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return { name, format }
}

/** Whether logins may begin at a time; without any hours always. */
export function isOpen(hours: readonly LoginHours[], at: Date): boolean {
  return hours.length === 0 || hours.some((one) => covers(one, at.getTime()))
}

/** When they may begin next, and by whose clock; undefined where that is not within two weeks. */
export function nextOpening(
  hours: readonly LoginHours[],
  after: Date,
): { readonly at: Date; readonly zone: TimeZone } | undefined {
  const openings = hours.flatMap((one) => {
    const at = opening(one, after.getTime())
    return at === undefined ? [] : [{ at, zone: one.zone }]
  })
  const [first] = openings.sort((a, b) => a.at - b.at)
  return first && { at: new Date(first.at), zone: first.zone }
}

const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** As the clocks of the zone show it: `Monday 2026-11-23 08:00 Europe/Berlin`. */
export function shownTime(at: Date, zone: TimeZone): string {
  const shown = new Date(onTheClock(zone, at.getTime()))
  const [day, time = ''] = shown.toISOString().split('T')
  return `${dayNames[shown.getUTCDay()] ?? ''} ${day ?? ''} ${time.slice(0, 5)} ${zone.name}`
}

function covers({ days, from, to, zone }: LoginHours, at: number): boolean {
  const clock = onTheClock(zone, at)
  const day = new Date(clock).getUTCDay()
  const minute = Math.floor((clock % dayMs) / minuteMs)
  if (from < to) return days.has(day) && minute >= from && minute < to
  return (days.has(day) && minute >= from) || (days.has((day + 6) % 7) && minute < to)
}

/** Hours begin by the clock, or as the clocks are changed. */
function opening(hours: LoginHours, after: number): number | undefined {
  const { zone, from } = hours
  const today = Math.floor(onTheClock(zone, after) / dayMs)
  const begin = (day: number): readonly number[] =>
    beginnings(zone, (today + day) * dayMs + from * minuteMs)
  for (let day = 0; day < searchedDays; day++) {
    // A change of the clocks may come behind what begins on the next day.
    const found = [...begin(day), ...begin(day + 1)]
      .sort((a, b) => a - b)
      .find((time) => time > after && covers(hours, time))
    if (found !== undefined) return found
  }
  return undefined
}

/** When the clocks show a time: by those of the day before, by those of the day behind, and as they change. */
function beginnings(zone: TimeZone, clock: number): readonly number[] {
  const before = clock - dayMs - offset(zone, clock - dayMs)
  const behind = clock + dayMs - offset(zone, clock + dayMs)
  const change = changeWithin(zone, before, behind)
  return [before + dayMs, behind - dayMs, ...(change === undefined ? [] : [change])]
}

/** The first minute by other clocks than those of the beginning, if there is one until the end. */
function changeWithin(zone: TimeZone, from: number, until: number): number | undefined {
  const old = offset(zone, from)
  if (offset(zone, until) === old) return undefined
  let [low, high] = [Math.floor(from / minuteMs), Math.ceil(until / minuteMs)]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (offset(zone, middle * minuteMs) === old) low = middle
    else high = middle
  }
  return high * minuteMs
}

function offset(zone: TimeZone, at: number): number {
  return onTheClock(zone, at) - Math.floor(at / 1_000) * 1_000
}

/** What the clocks of a zone show, as the time at which those of UTC show it. */
function onTheClock({ format }: TimeZone, at: number): number {
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
  const number = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type))
  return Date.UTC(
    number('year'),
    number('month') - 1,
    number('day'),
    number('hour'),
    number('minute'),
    number('second'),
  )
}

/** `08:00`, and `24:00` for the end of the day, in minutes; undefined for anything else. */
export function parseTimeOfDay(text: string): number | undefined {
  const [, hours, minutes] = /^(\d\d):([0-5]\d)$/.exec(text) ?? []
  const time = Number(hours) * 60 + Number(minutes)
  return time <= minutesOfDay ? time : undefined
}
