import type { Standing } from './session-bounds.ts'

/** What a session has done so far. */
export interface SessionActivity {
  readonly standing: Standing
  /** When it last began to run something, in milliseconds since 1970; undefined: it never did. */
  readonly askedAtMs: number | undefined
  /** Statements, or batches of them, that were answered. */
  readonly queries: number
  readonly transactions: number
  /** As long as anything ran. */
  readonly queryMs: number
  /** With the time that transactions waited for their client. */
  readonly transactionMs: number
  readonly bytesFromFrontend: number
  readonly bytesFromUpstream: number
}

/** The server of a session. */
export interface SessionServer {
  /** As it is configured. */
  readonly host: string
  readonly port: number
  /** An IP address, or the path of a Unix socket. */
  readonly address: string
  readonly localPort: number | undefined
}
