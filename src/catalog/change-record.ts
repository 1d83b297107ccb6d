import type { CatalogAuthor, CatalogVersion, WrittenMap } from '../admin/catalog-home.ts'

/** A change of the catalog, for the audit. Nothing in it is masked yet but the words of the version. */
export interface ChangeRecord {
  readonly outcome: 'done' | 'failed'
  readonly author: CatalogAuthor
  readonly version: CatalogVersion
  /** Undefined: nobody knows. */
  readonly before: WrittenMap | undefined
  readonly after: WrittenMap
}
