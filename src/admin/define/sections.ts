// Where the things of the catalog stand in the file, and what they are made of.
import type { CatalogPath, Written, WrittenMap } from '../catalog-home.ts'
import {
  databaseProperties,
  groupProperties,
  integrationProperties,
  poolProperties,
} from '../grammar/properties.ts'
import type { Properties } from '../grammar/property.ts'
import type { ObjectKind } from '../grammar/statement.ts'
import { at, entriesAt } from './tree.ts'
import { unknown } from './faults.ts'

export const sections = {
  database: 'databases',
  group: 'groups',
  'sso integration': 'integrations',
  connectivity_pool: 'connectivity_pools',
} as const satisfies Readonly<Record<ObjectKind, string>>

export const tables: Readonly<Record<ObjectKind, Properties>> = {
  database: databaseProperties,
  group: groupProperties,
  'sso integration': integrationProperties,
  connectivity_pool: poolProperties,
}

/** The database that integrations stand in unless somebody says otherwise. It need not be in the file. */
export const system = 'system'

export function namesOf(tree: WrittenMap, kind: ObjectKind): readonly string[] {
  const names = entriesAt(tree, sections[kind]).map(([name]) => name)
  return kind === 'database' && !names.includes(system) ? [...names, system] : names
}

export function find(tree: WrittenMap, kind: ObjectKind, name: string): Written | undefined {
  const found = at(tree, sections[kind], name)
  return found ?? (namesOf(tree, kind).includes(name) ? {} : undefined)
}

/** Throws where there is none of that name. */
export function get(tree: WrittenMap, kind: ObjectKind, name: string): Written {
  const found = find(tree, kind, name)
  if (found === undefined) throw unknown(kind, name, namesOf(tree, kind))
  return found
}

export function pathOf(kind: ObjectKind, name: string): CatalogPath {
  return [sections[kind], name]
}
