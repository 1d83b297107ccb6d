import type { Dialect } from '../identity/dialect.ts'
import type { AuthMethod, SignInFlow } from '../policy/catalog.ts'
import type { Refusal } from '../refusal.ts'
import type { ClientCertificate } from './client-certificate.ts'
import type { ErrorFields } from '../wire/write-backend.ts'
import type { ConsoleGuest } from './console-guest.ts'
import type { LoginSteps } from './login-steps.ts'

/** What is known of a session. It grows while the session goes through its phases. */
export interface SessionFacts {
  /** Unique over replicas; shown to the client as the reference of a refusal. */
  readonly id: string
  readonly openedAt: Date
  /** On a Unix socket the address is `unix`. */
  readonly peer: { readonly address: string; readonly port: number }
  /** On a Unix socket the address is its path. */
  readonly listener: { readonly address: string; readonly port: number }
  readonly pool?: string
  /** The version of the catalog by which it is decided on. */
  readonly catalogVersion?: number
  readonly tls?: {
    readonly version: string
    readonly cipher: string
    /** The name that the client asked for (SNI). */
    readonly serverName?: string
    /** Whose private key the client has proved. */
    readonly certificate?: ClientCertificate | undefined
  }
  readonly requested?: {
    readonly user: string
    readonly database: string
    readonly applicationName: string
  }
  /** How the client was asked for its credential. */
  readonly authMethod?: AuthMethod | 'sign-in'
  /** By which flow somebody was asked to sign in. */
  readonly signInFlow?: SignInFlow
  /** From where the browser came back that signed in on our pages. */
  readonly browserAddress?: string
  /** What kind of credential was presented; unknown until one was. */
  readonly credential?: 'token' | 'session-token' | 'password'
  /** Set once the pool lets a password pass. */
  readonly password?: {
    /** Whether it came in the clear and was read, only the proof of it passed by, or that was for us. */
    readonly travelled: 'read' | 'relayed' | 'proved'
    /** It is of a user that is excepted from single sign-on. */
    readonly isBreakGlass: boolean
  }
  /** The token came with blanks around it or with `Bearer` in front. */
  readonly isUnwrapped?: true
  readonly integration?: string
  /** Whose words a refusal is told in: those of the integration, before there is one those of the client. */
  readonly dialect?: Dialect
  /** Set once the token is known to be genuine; whether it is for us may be open yet. */
  readonly identity?: {
    readonly issuer: string
    readonly subject: string
    readonly principal: string
    /** The names of the principal, one by one. */
    readonly names: readonly string[]
    /** Groups of the catalog that the identity is in. */
    readonly groups: readonly string[]
    readonly expiresAt: Date
    /** Undefined where the token does not say. */
    readonly issuedAt: Date | undefined
    /** The session at the provider that the token is of, where it says so (`sid`). */
    readonly sid: string | undefined
    /** SHA-256 of the token's `jti`, in hex; undefined where the token has none. */
    readonly tokenIdHash: string | undefined
    /** The beginning of that of the token that a session token was made of. */
    readonly madeOfTokenIdHash?: string | undefined
    /** Who acts for the subject by its own token, the current actor first (RFC 8693, 4.1). */
    readonly actors: readonly string[]
  }
  readonly role?: string
  /** Set once it is let in at the SQL console, in place of a role. */
  readonly console?: ConsoleGuest
  /** Set once the token was exchanged for one for the upstream. */
  readonly exchanged?: {
    readonly actors: readonly string[]
    readonly tokenIdHash: string | undefined
  }
  /** What came of the role of the identity's own: made, given or deprived of memberships, or neither. */
  readonly provisioned?: 'created' | 'changed' | 'unchanged'
  readonly upstreamProcessId?: number
  /** What was compared, as long as it is a login. */
  readonly steps?: LoginSteps
  /** What the client was told of its refusal; undefined where that was PostgreSQL's own error, or nothing. */
  readonly told?: ErrorFields
  /** Set where a record of this session stands for those of many that were refused alike. */
  readonly standsFor?: {
    readonly since: Date
    /** With this one. */
    readonly count: number
    /** How many came from where. */
    readonly addresses: ReadonlyMap<string, number>
    /** How many came from addresses that are not among them. */
    readonly otherAddresses: number
  }
}

export const stages = [
  'startup',
  'tls',
  'credential',
  'verify',
  'exchange',
  'provision',
  'upstream',
  'total',
] as const
/** The parts of a login whose duration is measured; `total` leaves out the wait for the credential. */
export type Stage = (typeof stages)[number]

/** Whether a stage came to its end, or ended the login. */
export type StageOutcome = 'ok' | 'failed'

export const endReasons = [
  'client-closed',
  'client-lost',
  'upstream-closed',
  'upstream-lost',
  'drain',
  'token-expired',
  'session-lifetime',
  'idle',
  'idle-in-transaction',
  'killed',
  'revoked',
  'logged-out',
] as const
/** Why an admitted session ended. */
export type EndReason = (typeof endReasons)[number]

export interface SessionEnd {
  readonly reason: EndReason
  readonly bytesFromFrontend: number
  readonly bytesFromUpstream: number
  readonly durationMs: number
}

/**
 * Receives the events of sessions and cannot influence them. Each connection calls `opened` once, then
 * exactly one of `admitted`, `refused`, `abandoned` (closed before a decision), `discovered` (it asked where
 * tokens are to be had) and `cancelled` (it was a cancel request); `ended` follows `admitted`.
 */
export interface SessionObserver {
  opened(session: SessionFacts): void
  /** When it is over, whatever came of it. */
  stage(stage: Stage, durationMs: number, session: SessionFacts, outcome: StageOutcome): void
  admitted(session: SessionFacts): void
  refused(session: SessionFacts, refusal: Refusal): void
  abandoned(session: SessionFacts): void
  discovered(session: SessionFacts): void
  cancelled(session: SessionFacts, outcome: 'forwarded' | 'unknown-key' | 'failed'): void
  ended(session: SessionFacts, end: SessionEnd): void
}
