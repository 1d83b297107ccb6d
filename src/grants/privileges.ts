// What the names of the catalog are in PostgreSQL.
import type { Config } from '../config/index.ts'

type Grant = NonNullable<Config['groups'][string]['grants']>[number]
export type PrivilegeName = Grant['privileges'][number]

/** What PostgreSQL calls a privilege, in the order in which a statement names several. */
export const keywords = [
  'CONNECT',
  'TEMPORARY',
  'USAGE',
  'CREATE',
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'TRUNCATE',
  'REFERENCES',
  'TRIGGER',
  'MAINTAIN',
  'EXECUTE',
] as const

export type Keyword = (typeof keywords)[number]

/** What a privilege of the catalog is on each kind of object. */
export interface Translation {
  readonly database?: Keyword
  readonly schema?: Keyword
  readonly table?: Keyword
  readonly sequence?: Keyword
  readonly routine?: Keyword
}

/** Its catalogs can be read by everybody: what is in a schema shows to whoever may use the schema. */
const seen: Translation = { schema: 'USAGE' }

export const translations: Readonly<Record<PrivilegeName, Translation>> = {
  USE: { database: 'CONNECT', schema: 'USAGE' },
  SELECT: { table: 'SELECT', sequence: 'SELECT' },
  // The default of a column may be the next number of a sequence, which takes USAGE of it.
  INSERT: { table: 'INSERT', sequence: 'USAGE' },
  UPDATE: { table: 'UPDATE', sequence: 'USAGE' },
  DELETE: { table: 'DELETE' },
  TRUNCATE: { table: 'TRUNCATE' },
  REFERENCES: { table: 'REFERENCES' },
  TRIGGER: { table: 'TRIGGER' },
  EXECUTE: { routine: 'EXECUTE' },
  'VIEW TABLE': seen,
  'VIEW VIEW': seen,
  'VIEW SCHEMA': seen,
  // PostgreSQL has one privilege for whatever is made in a schema.
  'CREATE TABLE': { schema: 'CREATE' },
  'CREATE VIEW': { schema: 'CREATE' },
  'CREATE SCHEMA': { database: 'CREATE' },
}
