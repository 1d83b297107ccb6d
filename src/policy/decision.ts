import type { Reason } from '../refusal.ts'
import type { Condition } from './open-rules.ts'
import type { Provision } from './own-role.ts'

/** One thing that was compared on the way to a decision. Holds no secret and no token. */
export interface Step {
  readonly check: string
  readonly compared: string
  readonly passed: boolean
}

/** An outcome and how it came about: the audit, the client's error and explain are read off it. */
export type Decision =
  | {
      readonly outcome: 'granted'
      readonly role: string
      readonly groups: readonly string[]
      readonly allowsSuperuser: boolean
      /** What the session has to prove at the server before anybody hears that it is in. */
      readonly condition?: Condition
      /** The role is the identity's own, and is to be made what this says before anybody logs in as it. */
      readonly provision?: Provision
      readonly steps: readonly Step[]
    }
  | {
      readonly outcome: 'denied'
      readonly reason: Reason
      /** The roles that the identity may be by their names; none where the role was not what was wrong. */
      readonly openRoles: readonly string[]
      readonly groups: readonly string[]
      readonly steps: readonly Step[]
    }
