// What a pool leaves of the catalog for those who come in by it.
import { type Catalog, type Database, type Pool, systemScope } from './catalog.ts'

/** Whether there is a database for the clients of a pool. */
export function allowsDatabase({ allowedDatabases }: Pool, name: string): boolean {
  return allowedDatabases?.has(name) !== false
}

/**
 * The catalog as it is for clients of a pool. A database that the pool does not allow is not in it, so that
 * nothing is done or said otherwise than for one that does not exist.
 */
export function withinPool(catalog: Catalog, pool: Pool): Catalog {
  if (pool.allowedDatabases === undefined) return { ...catalog, pool }
  const databases = new Map<string, Database>()
  for (const [name, database] of catalog.databases) {
    if (allowsDatabase(pool, name)) databases.set(name, database)
    // Its integrations are those of the others.
    else if (name === systemScope) databases.set(name, { ...database, hasUpstream: false })
  }
  return { ...catalog, databases, pool }
}
