import { z } from 'zod'
import { section, text } from '../fields.ts'
import { suggestion } from '../nearest-name.ts'

export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

const time = (rule: string, pattern: RegExp): z.ZodType<string, string> =>
  text('time of day', rule, (value) => pattern.test(value))

export const loginHours = section({
  days: z
    .array(z.enum(weekdays))
    .min(1)
    .prefault([...weekdays])
    .describe('The days of the week on which they begin: `mon`, `tue` and so on.'),
  from: time('must be a time of day such as "08:00"', /^(?:[01]\d|2[0-3]):[0-5]\d$/)
    .prefault('00:00')
    .describe('When they begin.'),
  to: time(
    'must be a time of day such as "18:00" or "24:00"',
    /^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/,
  )
    .prefault('24:00')
    .describe(
      'When they are over: on the next day, if that is not after `from`. At that time nobody comes in any more.',
    ),
  time_zone: text('time zone', 'must be the name of a time zone such as Europe/Berlin')
    .superRefine((name, context) => {
      if (isTimeZone(name)) return
      const known = suggestion(name, Intl.supportedValuesOf('timeZone'))
      context.addIssue({ code: 'custom', message: `there is no such time zone; ${known}` })
    })
    .prefault('UTC')
    .describe(
      'By whose clocks: the name of a zone of IANA, with its changes between winter and summer.',
    ),
})

/** Not `+01:00`, which has no summer. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
