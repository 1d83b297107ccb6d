// What `portcullis explain` found out, as data. The names are the ones of `-o json`: they stay.
import type { Fault, Reason } from '../refusal.ts'

export interface LoginRequest {
  /** `id_token` where undefined. */
  readonly user: string | undefined
  /** The first database with an upstream where undefined. */
  readonly database: string | undefined
  readonly from: string
  /** `address:port`; the first listener of this node where undefined. */
  readonly listener: string | undefined
  /** Startup options, as in PGOPTIONS. */
  readonly options: string | undefined
  readonly credential: string
  /** Those of a token that nobody has signed, in place of `credential`. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  /** The integration that the client names. */
  readonly identityProvider?: string | undefined
  /** A PEM file with the certificate of the client; it has none where undefined. */
  readonly certificate: string | undefined
  readonly isOffline: boolean
}

export interface ExplainedStep {
  readonly check: string
  readonly compared: string
  /** Null where the check could not be made. */
  readonly passed: boolean | null
  /** False where it was made with claims that nobody has verified. */
  readonly verified: boolean
}

export interface ExplainedRefusal {
  readonly reason: Reason
  readonly sqlstate: string
  readonly fault: Fault
  /** What the client gets. */
  readonly message: string
  readonly detail: string | null
  readonly hint: string | null
  /** What the log has besides. */
  readonly log: string | null
  readonly meaning: string
  readonly remedy: string
}

export interface Explanation {
  readonly outcome: 'granted' | 'denied' | 'undecided'
  readonly request: {
    readonly user: string
    readonly database: string
    readonly from: string
    readonly listener: string
  }
  readonly steps: readonly ExplainedStep[]
  readonly pool: string | null
  readonly credential: 'token' | 'session-token' | 'password' | null
  readonly integration: string | null
  readonly principal: string | null
  readonly groups: readonly string[]
  /** Null where the login is denied, or nothing is known of the token. */
  readonly role: string | null
  /** What the SQL console lets it do, in place of a role; null where it does not go there. */
  readonly console: 'admin' | 'stats' | null
  readonly expiresAt: string | null
  /** Null where the login is granted, and where nobody would refuse it as far as is known here. */
  readonly refusal: ExplainedRefusal | null
}

/** The request cannot be replayed: it names something that there is not. */
export class UnusableRequest extends Error {
  override readonly name = 'UnusableRequest'
}
