// What the console sees of the sessions of all workers, and what it may do to them.
import type { DatabaseTotals } from '../session/database-statistics.ts'
import type { ExplainedDenial } from '../session/denied-login.ts'
import type { ProcessView, ViewName } from '../session/process-view.ts'
import type { EndCount, EndOrder, RestoreCount } from '../session/revocations.ts'
import type { SessionSelector } from '../session/session-selector.ts'
import type { SessionList, SessionQuery } from '../session/session-summary.ts'
import type { ConsoleUser } from './order.ts'

/** What processes said, and how many of them did not in time. */
export interface Gathered<T> {
  readonly answers: readonly T[]
  readonly unanswered: number
}

export interface ConsoleFleet {
  readonly node: () => NodeFacts
  /** Itself first; none where there is no fleet. */
  readonly replicas: () => Promise<readonly ReplicaSummary[]>
  readonly sessions: (query: SessionQuery) => Promise<SessionList>
  readonly statistics: () => Promise<FleetStatistics>
  /** Asks every process. */
  readonly ask: <Name extends ViewName>(name: Name) => Promise<Gathered<ProcessView[Name]>>
  /** Asks one process, for what is the same in all of them. */
  readonly askOne: <Name extends ViewName>(name: Name) => Promise<Gathered<ProcessView[Name]>>
  /** How logins were refused, by the reference that the client was given. */
  readonly refusal: (reference: string) => Promise<Gathered<ExplainedDenial>>
  /** Those that refuse logins still. */
  readonly standingOrders: () => readonly StandingRevocation[]
  readonly end: (order: EndOrder) => Promise<EndCount>
  readonly restore: (selector: SessionSelector) => Promise<RestoreCount>
  readonly explain: (login: ExplainedLogin) => Promise<LoginExplanation>
  /**
   * Writes into log and audit who does what, before it is done. Throws `ConsoleError` where no act may be
   * without its record, and none can be kept.
   */
  readonly record: (act: GovernanceAct) => Promise<void>
}

/** Which of them hold for a time, whoever has given them. */
export interface StandingRevocation extends EndOrder {
  readonly refusedUntilMs: number
}

export interface ReplicaSummary {
  readonly replica: string
  readonly node: string
  readonly version: string
  readonly address: string
  /** `gone`: it has said nothing for so long that it is no longer waited for. */
  readonly state: 'active' | 'draining' | 'stopped' | 'gone'
  readonly startedAtMs: number
  readonly seenAtMs: number
  readonly sessions: number
  readonly catalogVersion: number
  readonly isSelf: boolean
}

/** What is known of this node and its configuration. */
export interface NodeFacts {
  readonly node: string
  readonly version: string
  readonly state: 'active' | 'paused' | 'suspended'
  readonly maxSessions: number
  readonly databases: readonly DatabaseFacts[]
  readonly pools: readonly PoolFacts[]
  /** Roles that groups or passwords of the configuration name. */
  readonly roles: readonly string[]
  /** Settings by PgBouncer's names. */
  readonly settings: readonly NodeSetting[]
}

/** What a connectivity pool is beside its rules. */
export interface PoolFacts {
  readonly name: string
  /** As configured, on whichever node. */
  readonly participants: readonly ParticipantFacts[]
  readonly maxSessions: number | undefined
}

export interface ParticipantFacts {
  readonly node: string
  /** Address and port, or the path of a Unix socket. */
  readonly listens: string
  readonly advertised: string | undefined
}

export interface DatabaseFacts {
  readonly name: string
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  /** Its name at the server. */
  readonly database: string
  readonly maxSessions: number | undefined
  readonly isBalanced: boolean
  /** By PAUSE and DISABLE. */
  readonly isPaused: boolean
  readonly isDisabled: boolean
}

export interface NodeSetting {
  readonly key: string
  readonly value: string
  readonly default: string | null
  readonly isChangeable: boolean
}

export interface FleetStatistics {
  /** By database; the period is the last that is over. */
  readonly databases: ReadonlyMap<string, DatabaseStatistic>
  readonly unanswered: number
}

export interface DatabaseStatistic {
  readonly totals: DatabaseTotals
  readonly period: DatabaseTotals
  readonly periodMs: number
}

/** What somebody would log in with. */
export interface ExplainedLogin {
  readonly credential:
    | { readonly kind: 'token'; readonly token: string }
    /** Of a token that nobody has signed. */
    | { readonly kind: 'claims'; readonly claims: Readonly<Record<string, unknown>> }
  readonly integration: string | undefined
  readonly user: string | undefined
  readonly database: string | undefined
  readonly pool: string | undefined
  readonly from: string | undefined
}

export interface LoginExplanation {
  readonly outcome: 'granted' | 'denied' | 'undecided'
  readonly steps: readonly {
    readonly check: string
    readonly compared: string
    readonly passed: boolean | null
    readonly verified: boolean
  }[]
  readonly role: string | null
  readonly refusal: {
    readonly reason: string
    readonly sqlstate: string
    readonly message: string
    readonly hint: string | null
    readonly remedy: string
  } | null
}

/** What cannot be explained: it names something that there is not, or nobody has time for it. */
export class UnexplainableLogin extends Error {
  override readonly name = 'UnexplainableLogin'
  readonly sqlstate: string

  constructor(message: string, sqlstate: string) {
    super(message)
    this.sqlstate = sqlstate
  }
}

/** What somebody at the console does to sessions. */
export interface GovernanceAct {
  readonly user: ConsoleUser
  readonly act: 'kill' | 'revoke' | 'restore'
  readonly selector: SessionSelector
  readonly untilMs?: number | undefined
}
