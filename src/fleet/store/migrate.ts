import { createHash } from 'node:crypto'
import { escapeIdentifier } from 'pg'
import { type Migration, migrations } from './migrations.ts'

export interface Rows<Row> {
  readonly rows: readonly Row[]
}

/** A connection on which one statement runs after the other. */
export interface Sql {
  query<Row extends object>(text: string, values?: unknown[]): Promise<Rows<Row>>
}

/** The store is one of a newer program, which says that this one cannot use it. */
export class StoreTooNew extends Error {
  override readonly name = 'StoreTooNew'
  readonly code = 'too-new'
}

/** What is locked by one replica at a time, by the second key of an advisory lock; the first is of the schema. */
export const locks = { migrations: 1, housekeeping: 2, catalog: 3 } as const

/** The first of the two keys: two fleets in one database do not wait for each other. */
export function lockClassOf(schema: string): number {
  return createHash('sha256').update(`portcullis ${schema}`).digest().readInt32BE(0)
}

/**
 * Makes the tables what this program knows, whichever replica comes first; the others wait for it. One
 * that an older replica still uses is left as that needs it; throws `StoreTooNew`.
 */
export async function migrate(
  sql: Sql,
  schema: string,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  const name = escapeIdentifier(schema)
  if (await isCurrent(sql, schema, name, steps)) return
  await sql.query('BEGIN')
  try {
    await sql.query('SELECT pg_catalog.pg_advisory_xact_lock($1, $2)', [
      lockClassOf(schema),
      locks.migrations,
    ])
    await prepare(sql, schema, name)
    const { version } = await readVersion(sql, name, steps)
    for (const { sql: text, oldestProgram } of steps.slice(version)) {
      await sql.query(text.replaceAll('{schema}', name))
      await sql.query(
        `UPDATE ${name}.store SET version = version + 1,
         oldest_program = greatest(oldest_program, $1)`,
        [oldestProgram],
      )
    }
    await sql.query('COMMIT')
  } catch (error) {
    await sql.query('ROLLBACK').catch(() => {})
    throw error
  }
}

/** Whoever has no right to make anything can use a store that is made. */
async function isCurrent(
  sql: Sql,
  schema: string,
  name: string,
  steps: readonly Migration[],
): Promise<boolean> {
  if (!(await hasTable(sql, schema))) return false
  const { version } = await readVersion(sql, name, steps)
  return version >= steps.length
}

async function hasTable(sql: Sql, schema: string): Promise<boolean> {
  const { rows } = await sql.query(
    `SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = 'store' AND c.relkind = 'r'`,
    [schema],
  )
  return rows.length > 0
}

async function prepare(sql: Sql, schema: string, name: string): Promise<void> {
  const { rows } = await sql.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [
    schema,
  ])
  // With IF NOT EXISTS it would ask for a right that is not needed where the schema is there.
  if (rows.length === 0) await sql.query(`CREATE SCHEMA ${name}`)
  if (await hasTable(sql, schema)) return
  await sql.query(
    `CREATE TABLE ${name}.store (
       is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
       version integer NOT NULL,
       oldest_program integer NOT NULL
     )`,
  )
  await sql.query(`INSERT INTO ${name}.store (version, oldest_program) VALUES (0, 0)`)
}

async function readVersion(
  sql: Sql,
  name: string,
  steps: readonly Migration[],
): Promise<{ readonly version: number }> {
  const { rows } = await sql.query<{ readonly version: number; readonly oldest: number }>(
    `SELECT version, oldest_program AS oldest FROM ${name}.store`,
  )
  const [store] = rows
  if (store === undefined) throw new Error('the store says no version of itself')
  if (store.oldest > steps.length) {
    throw new StoreTooNew('the tables of the store are for a newer Portcullis than this one')
  }
  return store
}
