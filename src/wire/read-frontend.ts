// Messages of a client that is in, for whoever answers them itself (PostgreSQL documentation, 54.7).
import type { Frame } from './frame.ts'

/** The layout of a message is broken, or its text is none; the frames around it are whole. */
export class FrontendFault extends Error {
  override readonly name = 'FrontendFault'
  readonly sqlstate: string

  constructor(sqlstate: string, message: string) {
    super(message)
    this.sqlstate = sqlstate
  }
}

export type ValueFormat = 'text' | 'binary'

export interface BindMessage {
  readonly kind: 'bind'
  readonly portal: string
  readonly statement: string
  /** None: all are text. One: all are that. */
  readonly parameterFormats: readonly ValueFormat[]
  readonly parameters: readonly (Buffer | null)[]
  readonly resultFormats: readonly ValueFormat[]
}

export interface ParseMessage {
  readonly kind: 'parse'
  readonly name: string
  readonly text: string
  /** OIDs; 0 is for whoever reads the statement to say. */
  readonly types: readonly number[]
}

export interface NamedMessage {
  readonly kind: 'describe' | 'close'
  readonly of: 'statement' | 'portal'
  readonly name: string
}

export type FrontendMessage =
  | { readonly kind: 'query'; readonly text: string }
  | ParseMessage
  | BindMessage
  | NamedMessage
  /** 0 rows is all of them. */
  | { readonly kind: 'execute'; readonly portal: string; readonly maxRows: number }
  | { readonly kind: 'flush' | 'sync' | 'terminate' }
  /** Of a COPY that nobody began: ignored, as in PostgreSQL. */
  | { readonly kind: 'copy' }
  | { readonly kind: 'function call' }

/** Undefined where there is no such message: then nothing behind it can be read any more. */
export function parseFrontendMessage({ type, body }: Frame): FrontendMessage | undefined {
  const fields = new Fields(body)
  switch (type) {
    case 'Q':
      return fields.last({ kind: 'query', text: fields.text() })
    case 'P':
      return fields.last({
        kind: 'parse',
        name: fields.text(),
        text: fields.text(),
        types: fields.several(() => fields.uint32()),
      })
    case 'B':
      return fields.last(readBind(fields))
    case 'D':
      return fields.last({ kind: 'describe', of: readTarget(fields), name: fields.text() })
    case 'C':
      return fields.last({ kind: 'close', of: readTarget(fields), name: fields.text() })
    case 'E':
      return fields.last({ kind: 'execute', portal: fields.text(), maxRows: fields.int32() })
    case 'H':
      return { kind: 'flush' }
    case 'S':
      return { kind: 'sync' }
    case 'X':
      return { kind: 'terminate' }
    case 'd':
    case 'c':
    case 'f':
      return { kind: 'copy' }
    case 'F':
      return { kind: 'function call' }
    default:
      return undefined
  }
}

function readBind(fields: Fields): BindMessage {
  const portal = fields.text()
  const statement = fields.text()
  const parameterFormats = fields.several(() => readFormat(fields))
  const parameters = fields.several(() => fields.value())
  const resultFormats = fields.several(() => readFormat(fields))
  return { kind: 'bind', portal, statement, parameterFormats, parameters, resultFormats }
}

function readFormat(fields: Fields): ValueFormat {
  const code = fields.uint16()
  if (code > 1) throw new FrontendFault('22023', `unsupported format code: ${code}`)
  return code === 0 ? 'text' : 'binary'
}

function readTarget(fields: Fields): NamedMessage['of'] {
  switch (fields.byte()) {
    case 0x53:
      return 'statement'
    case 0x50:
      return 'portal'
    default:
      throw new FrontendFault('08P01', 'invalid DESCRIBE or CLOSE message subtype')
  }
}

/** The fields of a body, one after the other; what is not there is not read. */
class Fields {
  readonly #body: Buffer
  #at = 0

  constructor(body: Buffer) {
    this.#body = body
  }

  byte(): number {
    return this.#take(1).readUInt8(0)
  }

  uint16(): number {
    return this.#take(2).readUInt16BE(0)
  }

  int32(): number {
    return this.#take(4).readInt32BE(0)
  }

  uint32(): number {
    return this.#take(4).readUInt32BE(0)
  }

  /** A text that ends with NUL. */
  text(): string {
    const end = this.#body.indexOf(0, this.#at)
    if (end === -1) throw new FrontendFault('08P01', 'invalid string in message')
    const bytes = this.#body.subarray(this.#at, end)
    this.#at = end + 1
    return decodeText(bytes)
  }

  value(): Buffer | null {
    const length = this.int32()
    if (length < -1) throw new FrontendFault('08P01', 'insufficient data left in message')
    return length === -1 ? null : this.#take(length)
  }

  several<T>(read: () => T): T[] {
    // Each takes two bytes at least, so that no number costs more than the message has.
    return Array.from({ length: this.uint16() }, read)
  }

  /** What was read, where nothing is left. */
  last<T>(message: T): T {
    if (this.#at !== this.#body.length) throw new FrontendFault('08P01', 'invalid message format')
    return message
  }

  #take(bytes: number): Buffer {
    const end = this.#at + bytes
    if (end > this.#body.length) {
      throw new FrontendFault('08P01', 'insufficient data left in message')
    }
    const taken = this.#body.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What is no text would be another one once it is read as one. */
export function decodeText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new FrontendFault('22021', 'invalid byte sequence for encoding "UTF8"')
  }
}
