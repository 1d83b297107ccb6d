import type { TokenFacts } from '../../make-grant.ts'

/** What a platform gave, and who it is for messages. */
export interface PlatformToken extends TokenFacts {
  readonly token: string
  readonly from: string
  /** What to do where it has expired already. */
  readonly hint?: string
}
