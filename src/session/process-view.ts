// What a process tells of itself to whoever shows it. All of it crosses the channel between processes.
import type { KeyCacheState } from '../identity/key-cache.ts'
import type { Denial } from './denials.ts'
import type { DeniedLogin } from './denied-login.ts'
import type { Statistics } from './database-statistics.ts'
import type { KnownHost } from '../upstream/host-addresses.ts'

export interface ProcessView {
  readonly statistics: ProcessStatistics
  readonly pools: readonly PoolCount[]
  /** Open sessions of each connectivity pool. */
  readonly occupancy: ReadonlyMap<string, number>
  readonly usage: ProcessUsage
  readonly denials: readonly DeniedLogin[]
  readonly changes: ProcessChanges
  readonly logins: LoginCounts
  readonly keys: readonly KeyCacheState[]
  readonly hosts: readonly KnownHost[]
  /** What the deny file says. */
  readonly denied: readonly Denial[]
}

export type ViewName = keyof ProcessView

export interface ProcessStatistics {
  /** Of this process alone: numbers of processes come back. */
  readonly process: string
  readonly databases: Statistics
}

/** How often lists of it were changed: whoever has seen one needs no other while these are the same. */
export interface ProcessChanges {
  readonly process: string
  readonly sessions: number
  readonly refusals: number
}

/** What its metrics count of logins. */
export interface LoginCounts {
  readonly process: string
  readonly admitted: number
  readonly abandoned: number
  readonly refused: Readonly<Record<string, number>>
  readonly sessionsOpen: number
  /** Of all that a login costs but the wait for its credential: logins that took no longer, by seconds. */
  readonly durations: readonly (readonly [atMost: number, logins: number])[]
}

/** The open sessions of one role at one database. */
export interface PoolCount {
  readonly database: string
  readonly role: string
  readonly sessions: number
  /** Those of them that have a server. */
  readonly servers: number
}

export interface ProcessUsage {
  readonly processId: number
  readonly residentBytes: number
  readonly heapBytes: number
  readonly heapUsedBytes: number
  readonly bufferBytes: number
  readonly sessions: number
  /** Connections that are not admitted yet. */
  readonly unauthenticated: number
  /** Sessions that are ready for logins to come. */
  readonly warm: number
}
