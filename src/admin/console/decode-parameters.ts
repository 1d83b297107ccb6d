// The parameters of a Bind as text, whatever a driver makes of them.
import { type BindMessage, decodeText, type ValueFormat } from '../../wire/read-frontend.ts'
import { ConsoleError } from '../answer.ts'

/** How values of a type come in PostgreSQL's binary format, by its OID. */
const binaryTypes: Readonly<Record<number, (bytes: Buffer) => string>> = {
  16: (bytes) => (sized(bytes, 1).readUInt8(0) === 0 ? 'false' : 'true'),
  20: (bytes) => String(sized(bytes, 8).readBigInt64BE(0)),
  21: (bytes) => String(sized(bytes, 2).readInt16BE(0)),
  23: (bytes) => String(sized(bytes, 4).readInt32BE(0)),
  26: (bytes) => String(sized(bytes, 4).readUInt32BE(0)),
  700: (bytes) => String(sized(bytes, 4).readFloatBE(0)),
  701: (bytes) => String(sized(bytes, 8).readDoubleBE(0)),
  // name, text, json, unknown, bpchar, varchar
  19: decodeText,
  25: decodeText,
  114: decodeText,
  705: decodeText,
  1042: decodeText,
  1043: decodeText,
  3802: (bytes) => {
    if (bytes[0] !== 1) throw malformed()
    return decodeText(bytes.subarray(1))
  },
}

export function decodeParameters(
  { parameters, parameterFormats }: Pick<BindMessage, 'parameters' | 'parameterFormats'>,
  types: readonly number[],
): readonly string[] {
  return parameters.map((bytes, index) => {
    if (bytes === null) {
      throw new ConsoleError({
        sqlstate: '22004',
        message: `parameter $${index + 1} is null`,
        hint: 'The parameters of this console are text, and none may be null.',
      })
    }
    if (formatAt(parameterFormats, index) === 'text') return decodeText(bytes)
    const decode = binaryTypes[types[index] ?? 0]
    if (decode !== undefined) return decode(bytes)
    throw new ConsoleError({
      sqlstate: '0A000',
      message: `parameter $${index + 1} comes in the binary format of a type that this console does not know`,
      hint: 'Send it as text.',
    })
  })
}

/** No format is text for all, and one is that of all. */
export function formatAt(formats: readonly ValueFormat[], index: number): ValueFormat {
  return formats[formats.length === 1 ? 0 : index] ?? 'text'
}

function sized(bytes: Buffer, length: number): Buffer {
  if (bytes.length !== length) throw malformed()
  return bytes
}

function malformed(): ConsoleError {
  return new ConsoleError({
    sqlstate: '22P03',
    message: 'incorrect binary data format in a parameter',
  })
}
