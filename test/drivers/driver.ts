/** A program or library that comes with the machine and not from a package registry. */
export interface Need {
  readonly what: string
  /** Ends with 0 where it is there. */
  readonly probe: readonly string[]
  readonly debian?: string
}

export interface Driver {
  /** The folder, and the word that selects it. */
  readonly name: string
  readonly title: string
  readonly needs: readonly Need[]
  /** Commands, run one after the other in the cache folder. */
  readonly build: readonly (readonly string[])[]
  readonly run: readonly string[]
  /** A file of shared/ that is copied beside the client. */
  readonly shared?: { readonly file: string; readonly as: string }
  readonly connection: string
  /** How a fresh token is supplied for each connection; Markdown. */
  readonly freshToken: string
}
