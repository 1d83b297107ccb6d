// What a process tells of itself to whoever shows it. All of it crosses the channel between processes.
import type { KeyCacheState } from '../identity/key-cache.ts'
import type { Denial } from './denials.ts'
import type { DeniedLogin } from './denied-login.ts'
import type { Statistics } from './database-statistics.ts'
import type { KnownHost } from '../upstream/host-addresses.ts'

export interface ProcessView {
  readonly statistics: ProcessStatistics
  readonly pools: readonly PoolCount[]
  readonly usage: ProcessUsage
  readonly denials: readonly DeniedLogin[]
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
