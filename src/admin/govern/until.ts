// Until when somebody is kept out.
import { ConsoleError } from '../answer.ts'

/** `2030-01-01`, `2030-01-01 12:30`, `2030-01-01T12:30:00.5+02:00`; without an offset it is UTC. */
const moment =
  /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2})(?::(\d{2}(?:\.\d{1,6})?))?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?$/i

const maxYears = 10

/** Milliseconds since 1970. Throws where it is no time, is past, or further than anybody means. */
export function untilOf(text: string, nowMs: number, position: number): number {
  const untilMs = parse(text.trim())
  if (untilMs === undefined) {
    const isEver = /^infinity$/i.test(text.trim())
    throw new ConsoleError({
      sqlstate: '22007',
      message: isEver ? 'a revocation ends at some time' : 'this is no time',
      hint: isEver
        ? 'Whoever is to be kept out for good belongs into the deny file (deny_file).'
        : "It is written as in '2030-01-01 12:00:00Z'; without an offset it is UTC.",
      position,
    })
  }
  const latest = new Date(nowMs)
  latest.setUTCFullYear(latest.getUTCFullYear() + maxYears)
  if (untilMs <= nowMs || untilMs > latest.getTime()) {
    throw new ConsoleError({
      sqlstate: '22008',
      message: untilMs <= nowMs ? 'that time is past' : 'that time is too far away',
      hint: `It is within the next ${maxYears} years.`,
      position,
    })
  }
  return untilMs
}

function parse(text: string): number | undefined {
  const found = moment.exec(text)
  if (found === null) return undefined
  const [, date = '', minutes = '00:00', seconds = '00', offset] = found
  const ms = Date.parse(`${date}T${minutes}:${seconds}${isoOffset(offset)}`)
  // A day that the month does not have is taken for one of the next.
  const isOfCalendar = !Number.isNaN(Date.parse(date)) && startsWith(Date.parse(date), date)
  return Number.isNaN(ms) || !isOfCalendar ? undefined : ms
}

function startsWith(ms: number, date: string): boolean {
  return new Date(ms).toISOString().startsWith(date)
}

function isoOffset(offset: string | undefined): string {
  if (offset === undefined || /^(?:Z|UTC)$/i.test(offset)) return 'Z'
  const [, sign = '+', hours = '00', minutes = '00'] =
    /^([+-])(\d{2}):?(\d{2})?$/.exec(offset) ?? []
  return `${sign}${hours}:${minutes}`
}
