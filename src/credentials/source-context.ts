import type { Environment } from './environment.ts'
import type { FindNetwork } from './network.ts'

/** What sources have in common. */
export interface SourceContext {
  readonly environment: Environment
  readonly network: FindNetwork
  readonly now: () => number
}
