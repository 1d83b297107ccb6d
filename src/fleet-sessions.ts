// The sessions of all workers as one: what is asked of them by the primary, or by a worker of the others.
import type { Handlers } from './fleet/channel.ts'
import { type StandingOrder, StandingOrders } from './fleet/standing-orders.ts'
import type { Answers, Supervisor, WorkerHandle } from './fleet/supervisor.ts'
import type { EndCount, EndOrder, RestoreCount } from './session/revocations.ts'
import { isSameSelector, type SessionSelector } from './session/session-selector.ts'
import { joinLists, type SessionList, type SessionQuery } from './session/session-summary.ts'

/** Asks all workers, or one of them for what is the same in all. */
export interface Asker {
  askEach: Supervisor['askEach']
  askAny: Supervisor['askAny']
}

/** The one process of a service that has no workers. */
export function askOnly(handlers: Handlers): Asker {
  const ask = async (method: string, argument: unknown): Promise<unknown> =>
    // Both ends are the same program, as over a channel.
    Promise.resolve(handlers[method]?.(argument as never))
  return {
    askEach: async <T>(method: string, argument: unknown): Promise<Answers<T>> => ({
      answers: [(await ask(method, argument)) as T],
      unanswered: 0,
    }),
    askAny: ask,
  }
}

export class FleetSessions {
  readonly #workers: () => Pick<Supervisor, 'askEach'>
  readonly #orders = new StandingOrders(() => Date.now())

  constructor(workers: () => Pick<Supervisor, 'askEach'>) {
    this.#workers = workers
  }

  /** For workers that are started from now on. */
  get standingOrders(): readonly StandingOrder[] {
    return this.#orders.standing
  }

  async end(order: EndOrder, asking?: WorkerHandle): Promise<EndCount> {
    // First, so that no worker is started without it that does not hear of it.
    this.#orders.add(order)
    const { answers, unanswered } = await this.#workers().askEach<number>(
      'endSessions',
      order,
      asking,
    )
    return { ended: answers.reduce((sum, ended) => sum + ended, 0), unanswered }
  }

  /** Takes back what was revoked by just these criteria. */
  async restore(selector: SessionSelector): Promise<RestoreCount> {
    // First, so that no worker is started with it that does not hear of its end.
    const standing = this.#orders.remove(
      ({ end, selectors }) =>
        end === 'revoked' && selectors.every((one) => isSameSelector(one, selector)),
    )
    const { answers, unanswered } = await this.#workers().askEach<number>(
      'restoreSessions',
      selector,
    )
    return { restored: Math.max(standing, ...answers), unanswered }
  }

  async list(query: SessionQuery, asking?: WorkerHandle): Promise<SessionList> {
    const { answers, unanswered } = await this.#workers().askEach<SessionList>(
      'listSessions',
      query,
      asking,
    )
    return joinLists([...answers, { sessions: [], total: 0, unanswered }], query.limit)
  }

  /** What a worker may ask of the others. */
  handlersFor(asking: WorkerHandle): Handlers {
    return {
      endElsewhere: async (order: EndOrder) => this.end(order, asking),
      listElsewhere: async (query: SessionQuery) => this.list(query, asking),
    }
  }
}
