// What CockroachDB says of the names of users.

/** Its users and roles differ neither by case nor by Unicode form. */
export function folded(name: string): string {
  return name.toLowerCase().normalize('NFC')
}

const reserved = new Set(['root', 'node', 'public', 'none'])

/** Users that it keeps for itself, besides those of PostgreSQL. */
export function isReservedThere(role: string): boolean {
  return reserved.has(role) || role.startsWith('crdb_internal_')
}
