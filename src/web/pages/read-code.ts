/** A code as clients show it, from what somebody typed; undefined: it can be none. */
export function readCode(typed: string): string | undefined {
  const letters = typed.slice(0, 40).replaceAll(/[\s-]/g, '').toUpperCase()
  return /^[A-Z]{8}$/.test(letters) ? `${letters.slice(0, 4)}-${letters.slice(4)}` : undefined
}
