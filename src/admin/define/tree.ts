// Reading the tree of the catalog, whose values are as they were written: nothing can be taken for granted.
import type { CatalogPath, Written, WrittenMap } from '../catalog-home.ts'

export function isMap(value: Written | undefined): value is WrittenMap {
  return typeof value === 'object' && value !== null && !isList(value)
}

export function isList(value: Written | undefined): value is readonly Written[] {
  return Array.isArray(value)
}

/** What is at a place, undefined where nothing is. */
export function at(tree: Written | undefined, ...path: CatalogPath): Written | undefined {
  return path.reduce<Written | undefined>((value, step) => {
    if (isList(value)) return typeof step === 'number' ? value[step] : undefined
    return isMap(value) && Object.hasOwn(value, step) ? value[step] : undefined
  }, tree)
}

/** The entries of a mapping, none where there is no mapping. */
export function entriesAt(
  tree: WrittenMap,
  ...path: CatalogPath
): readonly (readonly [string, Written])[] {
  const value = at(tree, ...path)
  return isMap(value) ? Object.entries(value) : []
}

export function listAt(tree: Written | undefined, ...path: CatalogPath): readonly Written[] {
  const value = at(tree, ...path)
  return isList(value) ? value : []
}

/** The texts of a list, as they were meant. */
export function textsAt(tree: Written | undefined, ...path: CatalogPath): readonly string[] {
  return listAt(tree, ...path).map((item) => toText(item) ?? '')
}

/** Text, and what YAML took for something else; undefined for lists, maps and nothing. */
export function toText(value: Written | undefined): string | undefined {
  if (typeof value === 'string') return toLiteral(value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

export function textAt(tree: Written | undefined, ...path: CatalogPath): string | undefined {
  return toText(at(tree, ...path))
}

export function numberAt(tree: Written | undefined, ...path: CatalogPath): number | undefined {
  const value = at(tree, ...path)
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value) ? Number(value) : undefined
}

export function flagAt(tree: Written | undefined, ...path: CatalogPath): boolean | undefined {
  const value = at(tree, ...path)
  if (typeof value === 'boolean') return value
  return value === 'true' ? true : value === 'false' ? false : undefined
}

/** Whether something of the text comes from the environment or a file: `${env:...}`, `${file:...}`. */
export function isReference(written: string): boolean {
  return written.replaceAll('$${', '').includes('${')
}

/** The text that is meant. A reference stays what it is. */
export function toLiteral(written: string): string {
  return isReference(written) ? written : written.replaceAll('$${', '${')
}
