/** How somebody is asked to sign in. Programs have none. */
export interface Interaction {
  /** Opens an https address in a browser; false where there is none, and then the address has to be shown. */
  openBrowser(url: string): Promise<boolean>
  /** Shows lines that somebody has to read: an address, a code. They can be printed. */
  show(lines: readonly string[]): void
  /** Says what is waited for, until it is called. */
  waiting(what: string): () => void
}
