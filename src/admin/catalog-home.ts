// Where the catalog lives, as the console sees it. `src/catalog/catalog-home.ts` is the home itself.

/** A value of the file, as it stands there: nothing is interpolated or defaulted in it. */
export type Written = string | number | boolean | null | readonly Written[] | WrittenMap
export interface WrittenMap {
  readonly [key: string]: Written
}

/** A place in the file: `['connectivity_pools', 'sso_pool', 'participants', 0, 'listen_port']`. */
export type CatalogPath = readonly (string | number)[]

/**
 * A change of one place. `set` makes the mappings on the way; at the end of a list it appends. Text is meant
 * literally: `${` in it is no reference. `remove` takes a key, or an item of a list, away.
 */
export type CatalogEdit =
  | {
      readonly kind: 'set'
      readonly path: CatalogPath
      readonly value: Written
      /** The value is as it would stand in the file, as values of the tree are: `${` begins a reference. */
      readonly isWritten?: boolean
    }
  | { readonly kind: 'remove'; readonly path: CatalogPath }

/** Who changes the catalog. */
export interface CatalogAuthor {
  readonly name: string
  /** How it came: `console`, `apply`, `rollback`, `file` or `start`. */
  readonly by: 'console' | 'apply' | 'rollback' | 'file' | 'start'
  readonly session?: string | undefined
  readonly address?: string | undefined
  readonly issuer?: string | undefined
  readonly subject?: string | undefined
}

export interface CatalogVersion {
  /** From 1 on, one more with each change. */
  readonly version: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly author: string
  readonly by: CatalogAuthor['by']
  /** The statement with its secrets masked, or what else changed it. */
  readonly what: string
}

export interface CatalogState extends CatalogVersion {
  /** The file of the configuration. */
  readonly file: string
  /** `read-only`: changes are made in the file, or in what it is made from. */
  readonly mode: 'read-write' | 'read-only'
  /** What is in use, as it was written. */
  readonly tree: WrittenMap
  /** What is wrong with the file as it stands now; empty: it is what is in use. */
  readonly problems: readonly string[]
}

/** A change that took effect on every worker. */
export interface CatalogChange extends CatalogVersion {
  /** What `portcullis check` would remark on the catalog as it is now, and did not before. */
  readonly notices: readonly string[]
}

export interface CatalogHome {
  readonly state: CatalogState
  /**
   * Plans a change on the tree that is in use, checks what comes of it as a whole, writes it into the file
   * and has every worker take it over; all that, or a throw and nothing. Changes are made one after the
   * other. A plan without edits changes nothing. Throws `ConsoleError`; what `plan` throws is thrown on.
   */
  change(
    author: CatalogAuthor,
    what: string,
    plan: (tree: WrittenMap) => readonly CatalogEdit[],
  ): Promise<CatalogChange | 'unchanged'>
  /** The latest first. */
  history(): Promise<readonly CatalogVersion[]>
  /** Of a version, with its secrets masked and without its comments; undefined: it is not there any more. */
  textOf(version: number): Promise<string | undefined>
  /** Makes the text of an earlier version that of a new one. */
  rollback(author: CatalogAuthor, version: number): Promise<CatalogChange | 'unchanged'>
}
