// The sessions of all workers as one: what is asked of them by the primary, or by a worker of the others.
import type { Handlers } from './fleet/channel.ts'
import { StandingOrders } from './fleet/standing-orders.ts'
import type { Supervisor, WorkerHandle } from './fleet/supervisor.ts'
import type { EndCount, EndOrder } from './session/revocations.ts'
import { joinLists, type SessionList, type SessionQuery } from './session/session-summary.ts'

export class FleetSessions {
  readonly #workers: () => Pick<Supervisor, 'askEach'>
  readonly #orders = new StandingOrders(() => Date.now())

  constructor(workers: () => Pick<Supervisor, 'askEach'>) {
    this.#workers = workers
  }

  /** For workers that are started from now on. */
  get standingOrders(): readonly EndOrder[] {
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
