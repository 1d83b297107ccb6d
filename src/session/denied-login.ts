import type { Step } from '../policy/decision.ts'
import type { Reason } from '../refusal.ts'

/** A login that was refused, as it is kept for a while. What a client said unverified is cut short. */
export interface DeniedLogin {
  /** In milliseconds since 1970. */
  readonly atMs: number
  readonly reason: Reason
  readonly sqlstate: string
  /** How many it stands for, with itself: floods are told together. */
  readonly count: number
  readonly address: string
  readonly user: string | undefined
  readonly database: string | undefined
  readonly application: string | undefined
  readonly pool: string | undefined
  readonly integration: string | undefined
  /** Known of a token that is genuine alone. */
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly principal: string | undefined
  /** The reference that the client was given. */
  readonly session: string
}

/** The same with how it came to that. It is held to lengths, and has no token in it. */
export interface ExplainedDenial extends DeniedLogin {
  readonly steps: readonly Step[]
  /** What its client read; undefined where that was PostgreSQL's own error, or nothing. */
  readonly told: ToldError | undefined
  /** What the log says besides the reason. */
  readonly why: string | undefined
}

export interface ToldError {
  readonly sqlstate: string
  readonly message: string
  readonly detail: string | undefined
  readonly hint: string | undefined
}
