// The escapes of E'...' and U&'...', each text as it stands between its quotes.
import { sqlstates } from './statement-error.ts'

export interface EscapeFault {
  readonly sqlstate: string
  readonly message: string
  readonly hint: string
}

const letters: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

const piece =
  /''|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\x([0-9a-fA-F]{1,2})|\\([0-7]{1,3})|\\([\s\S])|[^'\\]/gu

export function readEscapes(written: string): string | EscapeFault {
  const parts: string[] = []
  // Bytes make characters only together with their neighbours.
  let bytes: number[] = []
  const flush = (): boolean => {
    if (bytes.length === 0) return true
    const decoded = decode(bytes)
    bytes = []
    if (decoded === undefined) return false
    parts.push(decoded)
    return true
  }
  for (const [all, four, eight, hex, octal, other] of written.matchAll(piece)) {
    if (hex !== undefined || octal !== undefined) {
      bytes.push(hex === undefined ? parseInt(octal ?? '', 8) & 0xff : parseInt(hex, 16))
      continue
    }
    if (!flush()) return notText
    const code = four ?? eight
    if (code !== undefined) {
      const character = characterOf(code)
      if (character === undefined) return notCharacter
      parts.push(character)
    } else if (other === 'u' || other === 'U' || other === 'x') return notEscape
    else if (other !== undefined) parts.push(letters[other] ?? other)
    else parts.push(all === "''" ? "'" : all)
  }
  if (!flush()) return notText
  return checked(parts.join(''))
}

export function readUnicodeEscapes(written: string, escape: string): string | EscapeFault {
  const parts: string[] = []
  for (let at = 0; at < written.length;) {
    const next = written.indexOf(escape, at)
    if (next === -1) {
      parts.push(written.slice(at))
      break
    }
    parts.push(written.slice(at, next))
    if (written[next + 1] === escape) {
      parts.push(escape)
      at = next + 2
      continue
    }
    const isLong = written[next + 1] === '+'
    const from = next + (isLong ? 2 : 1)
    const code = written.slice(from, from + (isLong ? 6 : 4))
    if (!(isLong ? /^[0-9a-fA-F]{6}$/ : /^[0-9a-fA-F]{4}$/).test(code)) return notEscape
    const character = characterOf(code)
    if (character === undefined) return notCharacter
    parts.push(character)
    at = from + code.length
  }
  return checked(parts.join(''))
}

const notText: EscapeFault = {
  sqlstate: sqlstates.invalidText,
  message: 'invalid byte sequence for encoding "UTF8"',
  hint: 'The bytes of the escapes are no UTF-8.',
}
const notCharacter: EscapeFault = {
  sqlstate: sqlstates.syntax,
  message: 'invalid Unicode escape value',
  hint: 'It must be a character up to 10FFFF, and not 0.',
}
const notEscape: EscapeFault = {
  sqlstate: sqlstates.invalidEscape,
  message: 'invalid Unicode escape',
  hint: "Escapes are \\XXXX and \\+XXXXXX in U&'...', and \\uXXXX, \\UXXXXXXXX and \\xXX in E'...'.",
}
const notPair: EscapeFault = {
  sqlstate: sqlstates.syntax,
  message: 'invalid Unicode surrogate pair',
  hint: 'Each half of a pair needs the other behind or before it.',
}

/** Halves of pairs come one after the other, and are looked at when all is there. */
function characterOf(hex: string): string | undefined {
  const code = parseInt(hex, 16)
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined
}

function decode(bytes: readonly number[]): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}

function checked(text: string): string | EscapeFault {
  return text.isWellFormed() ? text : notPair
}
