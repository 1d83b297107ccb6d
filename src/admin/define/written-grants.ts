// The grants of a group as the file has them: statements without their TO, or entries.
import type { Written } from '../catalog-home.ts'
import { at, isList, isMap, isReference, toLiteral } from './tree.ts'

export interface WrittenGrant {
  readonly privileges: readonly string[]
  readonly database: string
  /** undefined: all. */
  readonly schemas: readonly string[] | undefined
  readonly tables: readonly string[] | undefined
}

const statement = /^(?:GRANT\s)?(.+?)\sON\sDATABASE\s("(?:[^"]|"")+"|[^\s";]+)\s*;?$/is

/** undefined for what cannot be read here, such as a reference. */
export function readGrant(written: Written): WrittenGrant | undefined {
  if (typeof written === 'string') return isReference(written) ? undefined : fromText(written)
  const database = at(written, 'database')
  const privileges = at(written, 'privileges')
  if (typeof database !== 'string' || isReference(database)) return undefined
  const list = typeof privileges === 'string' ? privileges.split(',') : privileges
  if (!isList(list) || !list.every((one) => typeof one === 'string')) return undefined
  return {
    privileges: list.map(normalized),
    database: toLiteral(database),
    schemas: someOf(at(written, 'schemas')),
    tables: someOf(at(written, 'tables')),
  }
}

function fromText(written: string): WrittenGrant | undefined {
  const [, list, name] = statement.exec(toLiteral(written).trim()) ?? []
  if (list === undefined || name === undefined) return undefined
  const database = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
  const privileges = list.split(',').map(normalized)
  return { privileges, database, schemas: undefined, tables: undefined }
}

function someOf(written: Written | undefined): readonly string[] | undefined {
  return isList(written) ? written.map(String) : undefined
}

function normalized(privilege: string): string {
  return privilege.trim().replaceAll(/\s+/g, ' ').toUpperCase()
}

/** The same grant with other privileges, in the form in which it was written. */
export function withPrivileges(
  written: Written,
  database: string,
  privileges: readonly string[],
): Written {
  if (isMap(written)) return { ...written, privileges }
  return grantText(privileges, database)
}

export function grantText(privileges: readonly string[], database: string): string {
  const name = /^[\w.-]+$/.test(database) ? database : `"${database.replaceAll('"', '""')}"`
  return `${privileges.join(', ')} ON DATABASE ${name}`
}
