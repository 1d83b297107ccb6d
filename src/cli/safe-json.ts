// JSON leaves alone what some readers take for the end of a line, and what turns text around on a screen.
const invisible = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu

/** JSON for a terminal, whatever strangers have put into it. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replaceAll(invisible, (character) =>
    // Without the flag u a dot is a code unit, as JSON's escapes are.
    character.replaceAll(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}
