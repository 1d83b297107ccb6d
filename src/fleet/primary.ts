import type { ConsoleOrder, ConsoleReply } from '../admin/order.ts'
import type { CancelOutcome } from '../session/services.ts'
import type { CancelRequest } from '../wire/startup.ts'

/** What a process that has sessions asks of the one that outlives it. */
export interface Primary {
  /** Has the other processes, of this replica and of others, cancel the statement of the session that has this key. */
  cancelElsewhere(request: CancelRequest): Promise<CancelOutcome>
  /**
   * Has the files of secrets looked at now, and resolves when those that have changed are in use, or
   * when that is not to be waited for any longer.
   */
  refreshSecrets(): Promise<void>
  /** Carries out a statement of the console. Throws where it does not answer. */
  order(order: ConsoleOrder): Promise<ConsoleReply>
}

/** A cancel key as it crosses a bus. */
export interface CancelKey {
  readonly processId: number
  readonly secretKey: string
}

export function toKey({ processId, secretKey }: CancelRequest): CancelKey {
  return { processId, secretKey: secretKey.toString('hex') }
}

export function fromKey({ processId, secretKey }: CancelKey): CancelRequest {
  return { kind: 'cancel', processId, secretKey: Buffer.from(secretKey, 'hex') }
}
