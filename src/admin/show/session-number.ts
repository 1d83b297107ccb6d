// Numbers for sessions, as PgBouncer has them: read off the id, so that every process knows the same one.

const digits = 12

/** Twelve digits of the id, which are random: unique over nodes, and less than what a double can hold. */
export function sessionNumber(session: string): number {
  return Number.parseInt(hexOf(session).slice(0, digits), 16) || 0
}

export function clientPointer(session: string): string {
  return `0x${hexOf(session).slice(0, digits)}`
}

export function serverPointer(session: string): string {
  return `0x${hexOf(session).slice(-digits)}`
}

function hexOf(session: string): string {
  return session.replaceAll(/[^0-9a-f]/gi, '')
}
