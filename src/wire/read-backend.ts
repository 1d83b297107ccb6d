// Reading what a PostgreSQL server says during a login (PostgreSQL documentation, 54.7). Every body is
// read to its exact end: what does not fit its type is an error, never a guess.
import type { Frame } from './frame.ts'

export type AuthenticationRequest =
  | { readonly method: 'ok' }
  | { readonly method: 'cleartext' }
  | { readonly method: 'md5'; readonly salt: Buffer }
  | { readonly method: 'sasl'; readonly mechanisms: readonly string[] }
  | { readonly method: 'sasl-continue'; readonly data: string }
  | { readonly method: 'sasl-final'; readonly data: string }
  | { readonly method: 'unsupported'; readonly code: number }

/** ErrorResponse and NoticeResponse: what of their fields matters here. */
export interface ErrorReport {
  readonly sqlstate: string
  readonly message: string
}

export type BackendMessage =
  | { readonly kind: 'authentication'; readonly request: AuthenticationRequest }
  | { readonly kind: 'error'; readonly error: ErrorReport }
  | { readonly kind: 'notice' }
  | { readonly kind: 'parameter-status'; readonly name: string; readonly value: string }
  | { readonly kind: 'backend-key-data'; readonly processId: number; readonly secretKey: Buffer }
  | { readonly kind: 'ready-for-query' }
  | {
      readonly kind: 'negotiate-protocol-version'
      /** The whole number, with major and minor version. */
      readonly version: number
      readonly unknownOptions: readonly string[]
    }
  | { readonly kind: 'other'; readonly type: string }

export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'

  constructor(frame: Frame) {
    super(`malformed message of type ${JSON.stringify(frame.type)} and ${frame.body.length} bytes`)
  }
}

export function parseBackendMessage(frame: Frame): BackendMessage {
  const { body } = frame
  switch (frame.type) {
    case 'R':
      return { kind: 'authentication', request: parseAuthentication(frame) }
    case 'E':
      return { kind: 'error', error: parseErrorReport(frame) }
    case 'N':
      return { kind: 'notice' }
    case 'S': {
      const [name, value, ...rest] = readCStrings(frame, body)
      if (name === undefined || value === undefined || rest.length > 0)
        throw new MalformedMessage(frame)
      return { kind: 'parameter-status', name, value }
    }
    case 'K':
      // PostgreSQL 18 and protocol 3.2: 4 to 256 bytes of key.
      if (body.length < 8 || body.length > 260) throw new MalformedMessage(frame)
      return {
        kind: 'backend-key-data',
        processId: body.readInt32BE(0),
        secretKey: Buffer.from(body.subarray(4)),
      }
    case 'Z':
      if (body.length !== 1) throw new MalformedMessage(frame)
      return { kind: 'ready-for-query' }
    case 'v':
      return parseNegotiation(frame)
    default:
      return { kind: 'other', type: frame.type }
  }
}

function parseAuthentication(frame: Frame): AuthenticationRequest {
  const { body } = frame
  if (body.length < 4) throw new MalformedMessage(frame)
  const code = body.readInt32BE(0)
  const rest = body.subarray(4)
  const exactly = (bytes: number): void => {
    if (rest.length !== bytes) throw new MalformedMessage(frame)
  }
  switch (code) {
    case 0:
      exactly(0)
      return { method: 'ok' }
    case 3:
      exactly(0)
      return { method: 'cleartext' }
    case 5:
      exactly(4)
      return { method: 'md5', salt: Buffer.from(rest) }
    case 10: {
      // A list of names, and an empty one at its end.
      const names = readCStrings(frame, rest)
      if (names.pop() !== '' || names.length === 0) throw new MalformedMessage(frame)
      return { method: 'sasl', mechanisms: names }
    }
    case 11:
      return { method: 'sasl-continue', data: rest.toString('utf8') }
    case 12:
      return { method: 'sasl-final', data: rest.toString('utf8') }
    default:
      return { method: 'unsupported', code }
  }
}

function parseNegotiation(frame: Frame): BackendMessage {
  const { body } = frame
  if (body.length < 8) throw new MalformedMessage(frame)
  const unknownOptions = readCStrings(frame, body.subarray(8))
  if (unknownOptions.length !== body.readInt32BE(4)) throw new MalformedMessage(frame)
  return { kind: 'negotiate-protocol-version', version: body.readInt32BE(0), unknownOptions }
}

function parseErrorReport(frame: Frame): ErrorReport {
  const fields = readCStrings(frame, frame.body)
  // The last field is the terminator alone.
  if (fields.pop() !== '') throw new MalformedMessage(frame)
  const field = (code: string): string | undefined =>
    fields.find((text) => text.startsWith(code))?.slice(1)
  return { sqlstate: field('C') ?? 'XX000', message: field('M') ?? '' }
}

function readCStrings(frame: Frame, bytes: Buffer): string[] {
  if (bytes.length > 0 && bytes.at(-1) !== 0) throw new MalformedMessage(frame)
  const texts = bytes.toString('utf8').split('\0')
  texts.pop()
  return texts
}
