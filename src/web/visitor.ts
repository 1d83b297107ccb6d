import type { KeptIdentity } from '../identity/kept-identity.ts'
import type { ConsoleRight } from '../policy/catalog.ts'
import type { Env } from './client-address.ts'

/** A sign-in of a browser, in a sealed cookie: nothing of it is kept here. */
export interface WebSession {
  /** Names it in log and audit. */
  readonly id: string
  readonly identity: KeptIdentity
  /** When somebody signed in at the provider, as that says, and how. Milliseconds since 1970. */
  readonly authenticatedAt: number | undefined
  readonly acr?: string | undefined
  readonly startedAt: number
  readonly expiresAt: number
}

/** Who looks at a page. */
export interface Visitor {
  readonly session: WebSession
  /** As a person reads it. */
  readonly name: string
  /** What it may see and do of what is for operators. */
  readonly right: ConsoleRight | undefined
  /** What its forms carry: `csrf`. */
  readonly formToken: string
}

export interface WebEnv extends Env {
  Variables: {
    /** Undefined for whoever is not signed in. */
    visitor: Visitor | undefined
  }
}
