import type { ConsoleOrder, ConsoleReply } from '../admin/order.ts'
import type { EndCount, EndOrder } from '../session/revocations.ts'
import type { SessionList, SessionQuery } from '../session/session-summary.ts'
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
  /** Has the others end their sessions, and those that log in there. Throws where nobody can be asked. */
  endElsewhere(order: EndOrder): Promise<EndCount>
  listElsewhere(query: SessionQuery): Promise<SessionList>
  /** Has the primary carry out a statement of the console. Throws where it does not answer. */
  order(order: ConsoleOrder): Promise<ConsoleReply>
}

/** The bus of a service that is one process. */
export function localBus(primary: Pick<Bus, 'refreshSecrets' | 'order'>): Bus {
  return {
    cancelElsewhere: async () => Promise.resolve('unknown-key'),
    ...primary,
    endElsewhere: async () => Promise.resolve({ ended: 0, unanswered: 0 }),
    listElsewhere: async () => Promise.resolve({ sessions: [], total: 0, unanswered: 0 }),
  }
}
