// The untyped packets that begin a connection (PostgreSQL documentation, 54.7 Message Formats).
import { Refusal } from '../refusal.ts'

/** A startup packet is at most this long, its length word included, as in PostgreSQL. */
export const maxStartupPacketBytes = 10_000

const lengthBytes = 4
const codeBytes = 4
const cancelRequestCode = 80877102
const sslRequestCode = 80877103
const gssEncRequestCode = 80877104
/** Protocol 3.2; there is no 3.1. */
export const newestMinorVersion = 2

/** PostgreSQL 18 and protocol 3.2: a cancel key has 4 to 256 bytes. */
const minCancelKeyBytes = 4
const maxCancelKeyBytes = 256

export interface StartupMessage {
  readonly kind: 'startup'
  /** As the client asks for it; what it gets is at most `newestMinorVersion`. */
  readonly minorVersion: number
  /** In the order in which they came; `_pq_.` options are kept apart. */
  readonly parameters: ReadonlyMap<string, string>
  readonly protocolOptions: readonly string[]
}

export interface CancelRequest {
  readonly kind: 'cancel'
  readonly processId: number
  readonly secretKey: Buffer
}

export type StartupPacket =
  | { readonly kind: 'ssl-request' }
  | { readonly kind: 'gssenc-request' }
  | CancelRequest
  | StartupMessage

/** A value taken from the front of a buffer, and how many bytes it took. */
export interface Taken<T> {
  readonly value: T
  readonly length: number
}

/** Reads one startup packet; undefined while it is incomplete. */
export function readStartupPacket(bytes: Buffer): Taken<StartupPacket> | undefined {
  if (bytes.length < lengthBytes) return undefined
  const length = bytes.readUInt32BE(0)
  if (length < lengthBytes + codeBytes || length > maxStartupPacketBytes) {
    throw malformed(`length of ${length} bytes`)
  }
  if (bytes.length < length) return undefined
  return { value: parseStartupPacket(bytes.subarray(lengthBytes, length)), length }
}

function parseStartupPacket(packet: Buffer): StartupPacket {
  const code = packet.readUInt32BE(0)
  const body = packet.subarray(codeBytes)
  switch (code) {
    case sslRequestCode:
      if (body.length > 0) throw malformed('SSLRequest with a body')
      return { kind: 'ssl-request' }
    case gssEncRequestCode:
      if (body.length > 0) throw malformed('GSSENCRequest with a body')
      return { kind: 'gssenc-request' }
    case cancelRequestCode:
      return parseCancelRequest(body)
    default:
      return parseStartupMessage(code, body)
  }
}

function parseCancelRequest(body: Buffer): CancelRequest {
  const keyBytes = body.length - 4
  if (keyBytes < minCancelKeyBytes || keyBytes > maxCancelKeyBytes) {
    throw malformed(`cancel key of ${keyBytes} bytes`)
  }
  return {
    kind: 'cancel',
    processId: body.readInt32BE(0),
    secretKey: Buffer.from(body.subarray(4)),
  }
}

function parseStartupMessage(code: number, body: Buffer): StartupMessage {
  const major = code >>> 16
  const minorVersion = code & 0xffff
  if (major !== 3) throw unsupported(major, minorVersion)
  const parameters = new Map<string, string>()
  const protocolOptions: string[] = []
  let offset = 0
  for (;;) {
    const name = readCString(body, offset)
    offset = name.next
    if (name.text === '') break
    const value = readCString(body, offset)
    offset = value.next
    if (name.text.startsWith('_pq_.')) protocolOptions.push(name.text)
    // PostgreSQL lets the last of several win for settings; two users or databases are an attempt
    // to be read differently by two readers.
    else if (parameters.has(name.text)) throw malformed(`parameter given twice`)
    else parameters.set(name.text, value.text)
  }
  if (offset !== body.length) throw malformed('expected terminator as last byte')
  return { kind: 'startup', minorVersion, parameters, protocolOptions }
}

function unsupported(major: number, minor: number): Refusal {
  const values = { version: `${major}.${minor}` }
  if (major > 3) return new Refusal('unsupported-protocol', { values })
  // Protocol 2 knows no fields: its error is a line of text.
  const text = new Refusal('unsupported-protocol').messageFor(values)
  return new Refusal('unsupported-protocol', {
    values,
    errorResponse: Buffer.from(`EFATAL:  ${text}\n\0`),
  })
}

function readCString(body: Buffer, offset: number): { text: string; next: number } {
  const end = body.indexOf(0, offset)
  if (end === -1) throw malformed('expected terminator as last byte')
  const bytes = body.subarray(offset, end)
  const text = bytes.toString('utf8')
  // Names are compared with the catalog as text: what is not text would compare equal to something else.
  if (text.includes('\ufffd') && !Buffer.from(text, 'utf8').equals(bytes)) {
    throw malformed('not valid UTF-8')
  }
  return { text, next: end + 1 }
}

function malformed(logDetail: string): Refusal {
  return new Refusal('malformed-startup', { logDetail })
}

/** The whole number, as it stands in startup messages and in NegotiateProtocolVersion. */
export function protocolVersion(minorVersion: number): number {
  return (3 << 16) | minorVersion
}

export function writeStartupMessage(
  parameters: Iterable<readonly [string, string]>,
  minorVersion = 0,
): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of parameters) parts.push(Buffer.from(`${name}\0${value}\0`, 'utf8'))
  const body = Buffer.concat([...parts, Buffer.of(0)])
  const head = Buffer.allocUnsafe(lengthBytes + codeBytes)
  head.writeUInt32BE(head.length + body.length, 0)
  head.writeUInt32BE(protocolVersion(minorVersion), 4)
  return Buffer.concat([head, body])
}

export function writeSslRequest(): Buffer {
  const packet = Buffer.allocUnsafe(lengthBytes + codeBytes)
  packet.writeUInt32BE(packet.length, 0)
  packet.writeUInt32BE(sslRequestCode, 4)
  return packet
}

export function writeCancelRequest(processId: number, secretKey: Buffer): Buffer {
  const packet = Buffer.allocUnsafe(lengthBytes + codeBytes + 4 + secretKey.length)
  packet.writeUInt32BE(packet.length, 0)
  packet.writeUInt32BE(cancelRequestCode, 4)
  packet.writeInt32BE(processId, 8)
  secretKey.copy(packet, 12)
  return packet
}
