import type { Identity } from '../policy/decide.ts'
import type { Condition } from '../policy/open-rules.ts'
import type { ClientIntent } from './client-intent.ts'
import type { ConsoleGuest } from './console-guest.ts'

/** What a session was let in by. No credential is in it. */
export interface Grant {
  /** How pools name the socket that it came in by. */
  readonly listener: string
  readonly intent: Pick<
    ClientIntent,
    'user' | 'database' | 'qualifier' | 'dialect' | 'tokenUser' | 'asksForReplication'
  >
  /** Empty at the console. */
  readonly role: string
  /** Set at the console. */
  readonly guest?: ConsoleGuest | undefined
  /** Undefined for a session by a password. */
  readonly identity: Identity | undefined
  readonly allowsSuperuser: boolean
  /** What the server has said of the role. */
  readonly condition: Condition | undefined
  /** What a role of the identity's own was made a member of. */
  readonly memberOf: readonly string[]
}
