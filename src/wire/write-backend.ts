// Messages in the server's direction that Portcullis writes itself (PostgreSQL documentation, 54.7).
import { writeFrame } from './frame.ts'

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value, 0)
  return bytes
}

export const sslAccepted = Buffer.from('S')
export const encryptionRefused = Buffer.from('N')

export const authenticationOk = writeFrame('R', int32(0))
export const authenticationCleartextPassword = writeFrame('R', int32(3))

/** Which mechanisms the server has: their names, and an empty one at the end. */
export function authenticationSasl(mechanisms: readonly string[]): Buffer {
  const names = [...mechanisms, ''].map((name) => `${name}\0`).join('')
  return writeFrame('R', Buffer.concat([int32(10), Buffer.from(names, 'latin1')]))
}

export function authenticationSaslContinue(challenge: string): Buffer {
  return writeFrame('R', Buffer.concat([int32(11), Buffer.from(challenge, 'utf8')]))
}

export function authenticationSaslFinal(outcome: string): Buffer {
  return writeFrame('R', Buffer.concat([int32(12), Buffer.from(outcome, 'utf8')]))
}

/**
 * Tells a client that asked for a newer minor version, or for options that we do not know, what it
 * gets. The number is the whole version, as PostgreSQL sends it and libpq 18 expects it.
 */
export function negotiateProtocolVersion(
  minorVersion: number,
  unknownOptions: readonly string[],
): Buffer {
  const names = unknownOptions.map((name) => Buffer.from(`${name}\0`, 'utf8'))
  const version = (3 << 16) | minorVersion
  return writeFrame('v', Buffer.concat([int32(version), int32(names.length), ...names]))
}

export function backendKeyData(processId: number, secretKey: Buffer): Buffer {
  return writeFrame('K', Buffer.concat([int32(processId), secretKey]))
}

export interface ErrorFields {
  readonly sqlstate: string
  readonly message: string
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  /** In characters of the statement, from 1 on. */
  readonly position?: number | undefined
}

/** libpq shows nothing of an error over 30,000 bytes: each field is cut well below that. */
const longestFieldBytes = 4_000

/** A FATAL ErrorResponse: after it the connection ends. */
export function fatalError(fields: ErrorFields): Buffer {
  return report('E', 'FATAL', fields)
}

/** An ErrorResponse behind which the session goes on. */
export function statementError(fields: ErrorFields): Buffer {
  return report('E', 'ERROR', fields)
}

export function warning(fields: ErrorFields): Buffer {
  return report('N', 'WARNING', fields)
}

/** A NoticeResponse, of the SQLSTATE that says that all went well. */
export function notice(fields: Omit<ErrorFields, 'sqlstate'>): Buffer {
  return report('N', 'NOTICE', { ...fields, sqlstate: '00000' })
}

function report(type: 'E' | 'N', severity: string, fields: ErrorFields): Buffer {
  const parts: Buffer[] = []
  const add = (code: string, text: string | undefined): void => {
    if (text === undefined) return
    const clean = Buffer.from(text.replaceAll('\0', ''), 'utf8')
    const cut = clean.subarray(0, longestFieldBytes).toString('utf8')
    parts.push(Buffer.from(`${code}${cut}\0`, 'utf8'))
  }
  add('S', severity)
  add('V', severity)
  add('C', fields.sqlstate)
  add('M', fields.message)
  add('D', fields.detail)
  add('H', fields.hint)
  if (fields.position !== undefined) add('P', String(fields.position))
  parts.push(Buffer.of(0))
  return writeFrame(type, Buffer.concat(parts))
}
