// A line of the audit as a record of RFC 5424.
import { hostname } from 'node:os'

export const facilities = {
  user: 1,
  daemon: 3,
  auth: 4,
  syslog: 5,
  authpriv: 10,
  audit: 13,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const

export type Facility = keyof typeof facilities

export interface SyslogHeader {
  readonly facility: Facility
  readonly appName: string
  readonly hostName: string
  readonly processId: string
}

export function syslogHeader(facility: Facility, appName: string): SyslogHeader {
  return { facility, appName, hostName: hostname(), processId: String(process.pid) }
}

/** RFC 5424 6.2: at most so many, all of them printable and none a space. */
const longest = { hostName: 255, appName: 48, processId: 128, messageId: 32 } as const
const nil = '-'
/** The enterprise number that RFC 5612 keeps for documentation: we have none of our own. */
const structuredId = 'portcullis@32473'
const longestValue = 255

/** By `severity_id` of OCSF: informational, notice, warning, error, critical, alert. */
const severities: Readonly<Record<number, number>> = { 1: 6, 2: 5, 3: 4, 4: 3, 5: 2, 6: 1 }
const usualSeverity = 6

interface Facts {
  readonly time: number
  readonly severity: number
  readonly messageId: string
  readonly elements: readonly (readonly [name: string, value: string])[]
}

/** Without an end of its own: how it is framed is the transport's. */
export function toSyslog(line: string, header: SyslogHeader): string {
  const message = line.endsWith('\n') ? line.slice(0, -1) : line
  const { time, severity, messageId, elements } = factsOf(message)
  const priority = facilities[header.facility] * 8 + severity
  const fields = [
    `<${priority}>1`,
    toTimestamp(time),
    toField(header.hostName, longest.hostName),
    toField(header.appName, longest.appName),
    toField(header.processId, longest.processId),
    toField(messageId, longest.messageId),
    toStructuredData(elements),
  ]
  return `${fields.join(' ')} ${message}`
}

/** Cut short where it would be too long for a datagram (RFC 5426 3.2), and not within a character. */
export function toDatagram(record: string, maxBytes: number): Buffer {
  const bytes = Buffer.from(record)
  if (bytes.length <= maxBytes) return bytes
  let end = maxBytes
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

function toTimestamp(time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? nil : date.toISOString()
}

function toField(value: string, length: number): string {
  const printable = value.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, length)
  return printable === '' ? nil : printable
}

function toStructuredData(elements: Facts['elements']): string {
  const parameters = elements.map(([name, value]) => ` ${name}="${escape(value)}"`)
  return parameters.length === 0 ? nil : `[${structuredId}${parameters.join('')}]`
}

/** RFC 5424 6.3.3. What ends a line for some reader has no place in a header either. */
function escape(value: string): string {
  return value
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '_')
    .slice(0, longestValue)
    .replaceAll(/["\\\]]/g, String.raw`\$&`)
}

function factsOf(message: string): Facts {
  const record = parse(message)
  const unmapped = at(at(record, 'unmapped'), 'portcullis')
  const reason = textOf(at(unmapped, 'reason')) ?? textOf(at(unmapped, 'end_reason'))
  const named = [
    ['correlation', textOf(at(at(record, 'metadata'), 'correlation_uid'))],
    ['record', textOf(at(at(record, 'metadata'), 'uid'))],
    ['node', textOf(at(at(record, 'dst_endpoint'), 'name'))],
    ['pool', textOf(at(unmapped, 'pool'))],
    ['status', textOf(at(record, 'status'))],
    ['reason', reason],
  ] as const
  const time = at(record, 'time')
  const severity = at(record, 'severity_id')
  return {
    time: typeof time === 'number' ? time : Date.now(),
    severity: (typeof severity === 'number' ? severities[severity] : undefined) ?? usualSeverity,
    messageId: textOf(at(record, 'activity_name')) ?? nil,
    elements: named.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  }
}

function parse(message: string): unknown {
  try {
    return JSON.parse(message)
  } catch {
    return undefined
  }
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
