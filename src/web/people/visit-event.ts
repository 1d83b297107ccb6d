import type { KeptIdentity } from '../../identity/kept-identity.ts'

export type VisitKind =
  | 'sign-in'
  | 'step-up'
  | 'token'
  | 'renewal'
  | 'logout'
  // By the API.
  | 'device'
  | 'exchange'
  | 'refresh'

/** What happened on the pages, for log, audit and metrics. No token, code or state is in it. */
export interface VisitEvent {
  /** What the page shows too, for whoever asks about it. */
  readonly id: string
  readonly kind: VisitKind
  /** Undefined where it went well; else one of a closed list. */
  readonly reason: string | undefined
  /** For operators alone. */
  readonly detail?: string | undefined
  readonly cause?: unknown
  readonly address: string
  readonly integration: string | undefined
  /** Of the web session. */
  readonly session?: string | undefined
  readonly identity?:
    Pick<KeptIdentity, 'issuer' | 'subject' | 'names' | 'groups' | 'expiresAt'> | undefined
}
