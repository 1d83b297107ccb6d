import type { CancelOutcome } from '../session/services.ts'
import type { CancelRequest } from '../wire/startup.ts'

/** What the processes of one service do for each other. */
export interface Bus {
  /** Asks the others to cancel the statement of the session that has this key. */
  cancelElsewhere(request: CancelRequest): Promise<CancelOutcome>
  /**
   * Has the files of secrets looked at now, and resolves when those that have changed are in use, or
   * when that is not to be waited for any longer.
   */
  refreshSecrets(): Promise<void>
}

/** The bus of a service that is one process. */
export function localBus(refreshSecrets: Bus['refreshSecrets']): Bus {
  return { cancelElsewhere: async () => Promise.resolve('unknown-key'), refreshSecrets }
}
