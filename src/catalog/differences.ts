import type { CatalogPath, Written, WrittenMap } from '../admin/catalog-home.ts'
import { isDeepStrictEqual } from 'node:util'
import { isMapping } from '../config/index.ts'

/** A place that is another than before; undefined: there is nothing. */
export interface Difference {
  readonly path: CatalogPath
  readonly before: Written | undefined
  readonly after: Written | undefined
}

/** The places that differ, each as far in as both trees are mappings. */
export function differences(
  before: Written | undefined,
  after: Written | undefined,
  path: CatalogPath = [],
): readonly Difference[] {
  if (isDeepStrictEqual(before, after)) return []
  if (!isMapping(before) || !isMapping(after)) return [{ path, before, after }]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => differences(own(before, key), own(after, key), [...path, key]))
}

function own(map: WrittenMap, key: string): Written | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined
}
