import { z } from 'zod'
import {
  duration,
  flag,
  host,
  httpsUrl,
  integer,
  path,
  secret,
  section,
  size,
  text,
} from '../fields.ts'
import { isProxyUrl } from '../../environment-proxy.ts'
import { isMapping } from '../mapping.ts'
import { expecting } from '../messages.ts'

const onFailure = z.enum(['continue', 'refuse'])

const own = {
  on_failure: onFailure
    .optional()
    .meta({ description: 'As `on_failure`, for this one.', 'x-default': 'that of `audit`' }),
}

const certificates = {
  ca: path()
    .optional()
    .describe('PEM file with the authorities that the certificate of the server may be from.')
    .meta({ 'x-default': 'those that the system trusts' }),
}

const bounds = {
  timeout: duration('100ms', '60s')
    .prefault('10s')
    .describe('For the connection, and for what is sent to be taken.'),
  buffer: size('64KiB', '1GiB')
    .prefault('16MiB')
    .describe(
      'How much is kept in each process while it cannot be delivered. What finds no room is lost and counted, the newest first.',
    ),
  buffer_records: integer(100, 1_000_000).prefault(20_000).describe('The same in records.'),
}

const stdoutSink = section({
  sink: z
    .literal('stdout')
    .describe('Where records go: `stdout`, `file`, a `syslog` server, or a collector by `https`.'),
  ...own,
})

const fileSink = section({
  sink: z.literal('file').describe('As above.'),
  file: path().describe('The file to append to. Required with `file`.'),
  ...own,
})

const syslogSink = section({
  sink: z.literal('syslog').describe('As above.'),
  url: text(
    'URL',
    'must be tls://host:port, tcp://host:port or udp://host:port',
    isSyslogUrl,
  ).describe(
    'The server. With `syslog` `tls://` (RFC 5425, port 6514), `tcp://` (RFC 6587, port 601) or `udp://` (RFC 5426, port 514); with `https` an https URL. Required with both.',
  ),
  server_name: host()
    .optional()
    .describe('The name in the certificate of the syslog server.')
    .meta({ 'x-default': 'the host of `url`' }),
  ...certificates,
  certificate: path()
    .optional()
    .describe('PEM file with a client certificate for the syslog server.'),
  key: path().optional().describe('PEM file with its key.'),
  facility: z
    .enum([
      ...(['authpriv', 'auth', 'audit', 'daemon', 'user', 'syslog', 'local0', 'local1'] as const),
      ...(['local2', 'local3', 'local4', 'local5', 'local6', 'local7'] as const),
    ])
    .default('authpriv')
    .describe('The facility of syslog records.'),
  app_name: text('name', 'must be 1 to 48 printable characters without a space', (value) =>
    /^[\x21-\x7e]{1,48}$/.test(value),
  )
    .prefault('portcullis')
    .describe('APP-NAME of syslog records.'),
  max_datagram: size('480', '65507')
    .prefault('8KiB')
    .describe(
      'The longest record by `udp://`, in bytes; a longer one is cut. What a network loses on the way nobody knows.',
    ),
  ...bounds,
  ...own,
})

const httpsSink = section({
  sink: z.literal('https').describe('As above.'),
  url: httpsUrl().describe('The collector.'),
  authorization: secret()
    .optional()
    .describe(
      'The header Authorization for the collector, such as `${file:/run/secrets/collector}`.',
    ),
  ...certificates,
  format: z
    .enum(['ndjson', 'json'])
    .default('ndjson')
    .describe('What is sent to a collector: a record on each line, or an array of records.'),
  gzip: flag().prefault(false).describe('Whether it is compressed.'),
  batch: integer(1, 10_000)
    .prefault(500)
    .describe('Records in one request at most; a request is 1 MiB at most besides.'),
  batch_delay: duration('0', '60s')
    .prefault('1s')
    .describe(
      'How long a record may wait for others before it is sent. One that a login waits for is sent at once.',
    ),
  proxy_url: text(
    'secret URL',
    'must be an http or https URL such as http://proxy.example.com:3128, or "none"',
    (value) => value === 'none' || isProxyUrl(value),
  )
    .optional()
    .meta({
      description: 'The proxy on the way to the collector; `none` for none.',
      'x-default': 'that of the environment (HTTPS_PROXY)',
    }),
  ...bounds,
  ...own,
})

const sink = z.discriminatedUnion('sink', [stdoutSink, fileSink, syslogSink, httpsSink], {
  error: ({ input }) => {
    if (!isMapping(input)) return expecting('must be a mapping of keys to values')({ input })
    const { sink: named } = input
    return expecting('must be one of "stdout", "file", "syslog", "https"')({ input: named })
  },
})

/** As long as what a random generator of 24 bytes prints in base64. */
const leastKeyLength = 32

const chainKey = secret().refine(
  (value) => value.length >= leastKeyLength,
  `must be a random string of at least ${leastKeyLength} characters, as \`openssl rand -base64 32\` prints`,
)

export const audit = section({
  sink: z.enum(['stdout', 'none', 'file']).optional().meta({
    description: 'Where the one record for each session goes; for more than one place see `sinks`.',
    'x-default': '`stdout`, where there are no `sinks`',
  }),
  file: path()
    .optional()
    .describe('The file to append to. Required if `sink` is `file`, and only then allowed.'),
  sinks: z
    .array(sink)
    .min(1)
    .max(8)
    .optional()
    .describe('All places that records go to, in place of `sink`. See [the audit](audit.md).'),
  on_failure: onFailure
    .default('continue')
    .describe(
      'What becomes of logins while records cannot be written, such as on a full disk: they go on without, or they are refused. With `refuse` a login waits for its record to be written.',
    ),
  chain: flag()
    .prefault(false)
    .describe(
      'Whether each record has a hash over itself and the one before it, so that `portcullis audit verify` finds what was changed or taken away. See [the audit](audit.md#the-chain).',
    ),
  chain_key: z
    .union([
      chainKey.transform((one): readonly string[] => [one]),
      z.array(chainKey).min(1).max(5).readonly(),
    ])
    .optional()
    .describe(
      'A secret for the hashes: without it nobody who can write the file can make the chain anew. Of several the first is used, and all verify.',
    ),
})
  .prefault({})
  .describe('The audit trail: who was let in, as what, from where, and who was not.')

const syslogUrl = /^(tls|tcp|udp):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/
const usualPorts = { tls: 6514, tcp: 601, udp: 514 } as const

export interface SyslogAddress {
  readonly protocol: 'tls' | 'tcp' | 'udp'
  readonly host: string
  readonly port: number
}

function isSyslogUrl(url: string): boolean {
  const port = syslogUrl.exec(url)?.[3]
  return syslogUrl.test(url) && (port === undefined || (Number(port) > 0 && Number(port) < 65_536))
}

export function readSyslogUrl(url: string): SyslogAddress {
  const [, scheme, host = '', port] = syslogUrl.exec(url) ?? []
  const protocol = scheme === 'udp' || scheme === 'tcp' ? scheme : 'tls'
  return {
    protocol,
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: port === undefined ? usualPorts[protocol] : Number(port),
  }
}
