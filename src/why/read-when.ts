/** A stretch of time, from the first millisecond to the last one. */
export interface Stretch {
  readonly fromMs: number
  readonly untilMs: number
}

/** A moment that somebody has named, and what is looked through because nobody's clock is exact. */
export interface When extends Stretch {
  /** The moment itself. */
  readonly atMs: number
  /** In minutes; 0 where a whole day is meant. */
  readonly tolerance: number
}

const minuteMs = 60_000
const toleranceMinutes = 5

const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/
const day = /^(\d{4})-(\d{2})-(\d{2})$/
const moment =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/i

/**
 * Reads `14:02` (local time, the last one that was), a day, or ISO 8601, which is local time where it names no zone.
 * Undefined where it is none of them, or there is no such day.
 */
export function readWhen(text: string, now: Date): When | undefined {
  const byClock = clock.exec(text)
  if (byClock !== null) return readClock(byClock, now)
  const byDay = day.exec(text)
  if (byDay !== null) return readDay(byDay)
  const byMoment = moment.exec(text)
  return byMoment === null ? undefined : readMoment(byMoment)
}

function readClock([, hours, minutes, seconds]: RegExpExecArray, now: Date): When | undefined {
  const [hour, minute, second] = [Number(hours), Number(minutes), Number(seconds ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const on = (daysAgo: number): number =>
    new Date(
      ...([now.getFullYear(), now.getMonth(), now.getDate() - daysAgo] as const),
      ...([hour, minute, second] as const),
    ).getTime()
  const today = on(0)
  return around(today <= now.getTime() ? today : on(1), seconds !== undefined)
}

function readDay([, year, month, date]: RegExpExecArray): When | undefined {
  const parts = [Number(year), Number(month) - 1, Number(date)] as const
  const begin = new Date(...parts)
  if (!isSameDay(begin, parts)) return undefined
  // Not a number of hours later: some days have 23.
  const end = new Date(parts[0], parts[1], parts[2] + 1)
  const fromMs = begin.getTime()
  return { atMs: fromMs, fromMs, untilMs: end.getTime() - 1, tolerance: 0 }
}

function readMoment(found: RegExpExecArray): When | undefined {
  const [, year, month, date, hours, minutes, seconds, zone] = found
  const parts = [Number(year), Number(month) - 1, Number(date)] as const
  const [hour, minute, second] = [Number(hours), Number(minutes), Number(seconds ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  // In whatever zone, it has to be a day of the calendar.
  if (!isSameDay(new Date(...parts), parts)) return undefined
  const atMs =
    zone === undefined
      ? new Date(...parts, hour, minute, second).getTime()
      : Date.UTC(...parts, hour, minute, second) - offsetMs(zone)
  return Number.isFinite(atMs) ? around(atMs, seconds !== undefined) : undefined
}

function isSameDay(made: Date, [year, month, date]: readonly [number, number, number]): boolean {
  return made.getFullYear() === year && made.getMonth() === month && made.getDate() === date
}

function offsetMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) * minuteMs
}

/** A minute that is named without its seconds is meant as a whole. */
function around(atMs: number, hasSeconds: boolean): When {
  const lastMs = atMs + (hasSeconds ? 999 : minuteMs - 1)
  return {
    atMs,
    fromMs: atMs - toleranceMinutes * minuteMs,
    untilMs: lastMs + toleranceMinutes * minuteMs,
    tolerance: toleranceMinutes,
  }
}
