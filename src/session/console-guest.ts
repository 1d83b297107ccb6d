// Who is let in at the SQL console, and where it is.
import type { Catalog } from '../policy/catalog.ts'

/** `stats` may look, `admin` may change as well. */
export type ConsoleRight = 'admin' | 'stats'

/** Who is let in at the console, and how. */
export interface ConsoleGuest {
  readonly name: string
  readonly right: ConsoleRight
  readonly by: 'sso' | 'secret' | 'socket'
}

/** Databases that lead to the console, where the catalog has none of the name with an upstream. */
const consoleDatabases: ReadonlySet<string> = new Set(['system', 'portcullis', 'pgbouncer'])

export function isConsole(database: string, { databases }: Pick<Catalog, 'databases'>): boolean {
  return consoleDatabases.has(database) && databases.get(database)?.hasUpstream !== true
}
