import type { CancelOutcome } from '../session/services.ts'
import type { CancelRequest } from '../wire/startup.ts'

/** What the processes of one service do for each other. */
export interface Bus {
  /** Asks the others to cancel the statement of the session that has this key. */
  cancelElsewhere(request: CancelRequest): Promise<CancelOutcome>
}

/** The bus of a service that is one process. */
export const localBus: Bus = {
  cancelElsewhere: async () => Promise.resolve('unknown-key'),
}
