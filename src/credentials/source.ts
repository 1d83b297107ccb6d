import type { Grant } from './grant.ts'
import type { Interaction } from './interaction.ts'

/** Where tokens come from: one flow of one profile. Every call ends within a deadline of its own. */
export interface TokenSource {
  /** Whether somebody has to be there for a first token. */
  readonly needsPerson: boolean
  /**
   * Another token by what is left of the last one; undefined where that is of no use any more, and it has to be
   * begun anew. Throws a CredentialProblem, of kind `unreachable` where a later call may do better.
   */
  refresh(last: Grant, signal: AbortSignal): Promise<Grant | undefined>
  /** A first token. Without `interaction` nobody is asked: where that is needed, a problem `sign-in-needed`. */
  obtain(interaction: Interaction | undefined, signal: AbortSignal): Promise<Grant>
  /** Tells whoever gave it out that it is needed no longer (RFC 7009); problems are the caller's to ignore. */
  revoke(last: Grant, signal: AbortSignal): Promise<void>
}
