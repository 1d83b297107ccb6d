import { z } from 'zod'
import {
  collectorUrl,
  dictionary,
  duration,
  integer,
  path,
  secret,
  section,
  text,
} from '../fields.ts'

/** A token of HTTP (RFC 9110, 5.6.2). */
const headerName = (): z.ZodType<string, string> =>
  text('name of a header', 'must be the name of an HTTP header', (value) =>
    /^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(value),
  )

const collector = {
  endpoint: collectorUrl().describe(
    'Where OTLP is sent by HTTP POST, whole: `https://collector:4318/v1/traces`. `http` is for this machine, or a network that nobody else is on.',
  ),
  headers: dictionary(headerName(), secret())
    .prefault({})
    .describe('Headers of each request, such as `authorization`. Over `https` only.'),
  ca: path()
    .optional()
    .describe('PEM file with the authorities that the certificate of the collector may be from.')
    .meta({ 'x-default': 'those that Node.js trusts' }),
  timeout: duration('100ms', '60s')
    .prefault('10s')
    .describe('For each request. What was not taken by then is dropped and counted.'),
}

export const telemetry = section({
  service_name: text('string', 'must be a string that is not empty')
    .prefault('portcullis')
    .describe('`service.name` of what is sent.'),
  traces: section({
    ...collector,
    sample_ratio: z
      .number()
      .min(0)
      .max(1)
      .prefault(1)
      .describe('The part of logins that is traced: 0.1 is one in ten.')
      .meta({ 'x-type': 'number from 0 to 1' }),
    max_queue: integer(64, 1_000_000)
      .prefault(4096)
      .describe(
        'Spans that wait to be sent, in each worker process; a login has about six. What finds no room is dropped and counted.',
      ),
  })
    .optional()
    .describe('One trace for each login, with its stages as spans.'),
  metrics: section({
    ...collector,
    interval: duration('1s', '1h').prefault('60s').describe('How often they are sent.'),
  })
    .optional()
    .describe('The figures of `/metrics`, of the whole service.'),
})
  .prefault({})
  .describe(
    'What is sent to a collector of OpenTelemetry; nothing unless it is asked for. See [observability](observability.md).',
  )
