/** PostgreSQL cuts a longer name, and what is left of it may be somebody else's. */
export function isRoleName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= 63
}
