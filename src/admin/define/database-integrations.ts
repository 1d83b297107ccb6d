// The list of integrations that a database has, and which of them is the primary one.
import type { CatalogEdit, WrittenMap } from '../catalog-home.ts'
import { at, isList, textAt, textsAt } from './tree.ts'
import { system } from './sections.ts'

export interface Assigned {
  readonly names: readonly string[]
  /** Where there is only one it is the primary one, whether the file says so or not. */
  readonly primary: string | undefined
}

export function assignedTo(tree: WrittenMap, database: string): Assigned {
  const names = textsAt(tree, 'databases', database, 'integrations')
  const primary = textAt(tree, 'databases', database, 'primary')
  return { names, primary: primary ?? (names.length === 1 ? names[0] : undefined) }
}

/** The first one is the primary one from then on, and is so explicitly: a second one does not change that. */
export function addIntegration(
  tree: WrittenMap,
  database: string,
  integration: string,
): readonly CatalogEdit[] {
  const { names, primary } = assignedTo(tree, database)
  if (names.includes(integration)) return []
  const path = ['databases', database]
  const list = at(tree, ...path, 'integrations')
  const added: CatalogEdit = isList(list)
    ? { kind: 'set', path: [...path, 'integrations', list.length], value: integration }
    : { kind: 'set', path: [...path, 'integrations'], value: [integration] }
  const isExplicit = at(tree, ...path, 'primary') !== undefined
  return isExplicit ? [added] : [added, makePrimary(database, primary ?? integration)]
}

export function makePrimary(database: string, integration: string): CatalogEdit {
  return { kind: 'set', path: ['databases', database, 'primary'], value: integration }
}

/** Of one that is not the primary one, or the only one. */
export function removeIntegration(
  tree: WrittenMap,
  database: string,
  integration: string,
): readonly CatalogEdit[] {
  const path = ['databases', database]
  const { names } = assignedTo(tree, database)
  const index = names.indexOf(integration)
  if (index === -1) return []
  if (names.length > 1) return [{ kind: 'remove', path: [...path, 'integrations', index] }]
  const entry = at(tree, ...path)
  const others = Object.keys(entry ?? {}).filter(
    (key) => key !== 'integrations' && key !== 'primary',
  )
  // It is there without an entry of its own, too.
  if (database === system && others.length === 0) return [{ kind: 'remove', path }]
  return ['integrations', 'primary']
    .filter((key) => at(tree, ...path, key) !== undefined)
    .map((key) => ({ kind: 'remove', path: [...path, key] }))
}

/** Integrations that a database without any of its own has. */
export function inherits(tree: WrittenMap, database: string): boolean {
  return database !== system && assignedTo(tree, system).names.length > 0
}
