// Who is let in at the SQL console, and where it is.
import type { Catalog, ConsoleRight } from '../policy/catalog.ts'
import { allowsDatabase } from '../policy/within-pool.ts'

export type { ConsoleRight }

/** Who is let in at the console, and how. */
export interface ConsoleGuest {
  readonly name: string
  readonly right: ConsoleRight
  readonly by: 'sso' | 'secret' | 'socket'
}

/** Databases that lead to the console, where the catalog has none of the name with an upstream. */
const consoleDatabases: ReadonlySet<string> = new Set(['system', 'portcullis', 'pgbouncer'])

/** Where a pool allows some databases alone, the console is there for its clients by the names among them. */
export function isConsole(
  database: string,
  { databases, pool }: Pick<Catalog, 'databases' | 'pool'>,
): boolean {
  if (pool !== undefined && !allowsDatabase(pool, database)) return false
  return consoleDatabases.has(database) && databases.get(database)?.hasUpstream !== true
}
