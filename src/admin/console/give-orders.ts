// Gives statements to the process that has the catalog and all sessions, and waits for what comes of them.
import { type Answer, ConsoleError } from '../answer.ts'
import type { ConsoleOrder, ConsoleReply } from '../order.ts'

/** How long after an answer that something is still waited for it is asked again. */
const askAgainMs = 100

export type Order = (order: ConsoleOrder) => Promise<ConsoleReply>

/**
 * Throws `ConsoleError`. A cancel ends a wait and nothing else: what is being carried out may take effect,
 * and whoever gave it has to hear of that.
 */
export async function giveOrder(
  order: Order,
  given: ConsoleOrder,
  cancelled: AbortSignal,
): Promise<Answer> {
  const isCancelled = (): boolean => cancelled.aborted
  if (isCancelled()) throw canceled()
  let reply = await ask(order, given)
  while (reply.kind === 'waiting') {
    const { ticket } = reply
    await pause(cancelled)
    if (isCancelled()) {
      // So that what was held for it is let go; where that does not arrive, the ticket is not used again.
      void order({ ...given, ticket, isAbandoned: true }).catch(() => {})
      throw canceled()
    }
    reply = await ask(order, { ...given, ticket })
  }
  if (reply.kind === 'answer') return reply.answer
  throw new ConsoleError(reply.fault)
}

async function ask(order: Order, given: ConsoleOrder): Promise<ConsoleReply> {
  try {
    return await order(given)
  } catch (error) {
    throw new ConsoleError(
      {
        sqlstate: '58000',
        message: 'the primary process of the gateway did not answer',
        detail: 'The statement may have taken effect, or may do so yet.',
        hint: 'Look whether it has before giving it again.',
      },
      { cause: error },
    )
  }
}

function canceled(): ConsoleError {
  return new ConsoleError({
    sqlstate: '57014',
    message: 'canceling statement due to user request',
  })
}

async function pause(cancelled: AbortSignal): Promise<void> {
  if (cancelled.aborted) return
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const over = (): void => {
    resolve(undefined)
  }
  const timer = setTimeout(over, askAgainMs)
  cancelled.addEventListener('abort', over, { once: true })
  await promise
  clearTimeout(timer)
  cancelled.removeEventListener('abort', over)
}
