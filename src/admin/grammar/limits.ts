/** How much a text may ask of the parser. */
export interface GrammarLimits {
  /** Of a text with all its statements, in UTF-16 units. */
  readonly maxLength: number
  readonly maxStatements: number
  /** Of a list, a map or anything else of which there may be several. */
  readonly maxItems: number
  /** Lists and maps within each other. */
  readonly maxDepth: number
}

export const defaultLimits: GrammarLimits = {
  maxLength: 64 * 1024,
  maxStatements: 1_000,
  maxItems: 1_000,
  maxDepth: 8,
}

/** Counts what the parser does, so that a test can see that it is in proportion to the text. */
export interface Meter {
  steps: number
}
