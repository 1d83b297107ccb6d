// What a replica begins with: what is in the store, or the copy of what it knew last.
import { CatalogTable, type StoredVersion } from '../catalog/catalog-table.ts'
import { type Store, StoreAway } from '../fleet/store/store.ts'
import type { SharedCopy } from './copy.ts'

export interface BeginOptions {
  /** Which is up, or has not been reached in time. */
  readonly store: Store
  readonly copy: SharedCopy | undefined
  /** What the file of this replica says, if the catalog is shared. */
  readonly first: (() => StoredVersion) | undefined
}

export type Beginning =
  | {
      readonly from: 'store'
      readonly catalog: StoredVersion | undefined
      /** There is a copy to go by, should the store be lost meanwhile. */
      readonly hasCopy: boolean
    }
  | { readonly from: 'copy'; readonly copy: SharedCopy }

/** There is neither a store nor a copy. */
export class NothingToBeginWith extends Error {
  override readonly name = 'NothingToBeginWith'
  /** EX_UNAVAILABLE: whoever runs it may try again. */
  readonly exitCode = 69
}

/** Puts what the file says into a store that has no catalog, and never goes back behind what it has seen. */
export async function begin({ store, copy, first }: BeginOptions): Promise<Beginning> {
  const isUsable = copy !== undefined && (first === undefined || copy.catalog !== undefined)
  if (store.state.kind === 'up') {
    if (first === undefined) return { from: 'store', catalog: undefined, hasCopy: isUsable }
    const last = await lastOf(new CatalogTable(store), copy?.catalog, first, isUsable)
    if (last !== undefined) return { from: 'store', catalog: last, hasCopy: isUsable }
  }
  if (isUsable) return { from: 'copy', copy }
  throw new NothingToBeginWith(
    'the store of the fleet (fleet.store) cannot be reached, and there is no copy of what this replica knew last',
  )
}

/** Undefined where the store was lost meanwhile. */
async function lastOf(
  table: CatalogTable,
  seen: StoredVersion | undefined,
  first: () => StoredVersion,
  isUsable: boolean,
): Promise<StoredVersion | undefined> {
  try {
    const { version, stored } = await table.last()
    if (stored !== undefined && version >= (seen?.record.version ?? 0)) return stored
    await table.putBack(seen ?? first())
    return (await table.last()).stored
  } catch (error) {
    if (!isUsable || !(error instanceof StoreAway)) throw error
    return undefined
  }
}
