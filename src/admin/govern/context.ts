import type { ConsoleFleet } from '../console-fleet.ts'
import type { ConsoleUser } from '../order.ts'

/** What is needed of the context of a statement here. */
export interface GovernContext {
  readonly user: ConsoleUser
  readonly position: number
  readonly services: { readonly fleet: ConsoleFleet }
}
