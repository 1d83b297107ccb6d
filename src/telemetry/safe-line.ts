// Nobody may put a token into a message. Should somebody do so all the same - a library into its error,
// a client into its user name - it ends here, whole or cut off.

/** base64url of `{"`, with which the header of every JWT begins, and whatever parts follow. */
const jwt = /eyJ[\w-]{8,}(?:\.[\w-]*)*/g
/** RFC 6750 2.1 */
const bearer = /\b(bearer\s+)[\w.~+/-]{20,}=*/gi

export function redact(text: string): string {
  return text.replaceAll(jwt, '[redacted]').replaceAll(bearer, '$1[redacted]')
}

// JSON leaves alone what some readers take for the end of a line, and what turns text around on a screen.
const invisible = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu

/** A line of JSON that holds no token and stays one line for every reader. */
export function toSafeLine(line: string): string {
  return redact(
    line.replaceAll(invisible, (character) =>
      // Without the flag u a dot is a code unit, as JSON's escapes are.
      character.replaceAll(/./gs, toEscape),
    ),
  )
}

function toEscape(codeUnit: string): string {
  return `\\u${codeUnit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
