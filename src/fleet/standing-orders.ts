import type { EndOrder } from '../session/revocations.ts'

export interface StandingOrder extends EndOrder {
  readonly refusedUntilMs: number
  readonly id: string
}

/** As many as a worker remembers. */
const maxOrders = 10_000

/** The orders that refuse logins for a time, for workers that are started within it. */
export class StandingOrders {
  readonly #orders = new Map<string, StandingOrder>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  add(order: StandingOrder): void {
    this.#orders.set(order.id, order)
    for (const [id, one] of this.#orders) {
      if (this.#isStanding(one) && this.#orders.size <= maxOrders) break
      this.#orders.delete(id)
    }
  }

  get standing(): readonly StandingOrder[] {
    return [...this.#orders.values()].filter((order) => this.#isStanding(order))
  }

  /** Takes those back that are meant, and returns their ids. */
  remove(isMeant: (order: StandingOrder) => boolean): readonly string[] {
    const meant = this.standing.filter(isMeant).map(({ id }) => id)
    for (const id of meant) this.#orders.delete(id)
    return meant
  }

  #isStanding({ refusedUntilMs }: StandingOrder): boolean {
    return this.#nowMs() < refusedUntilMs
  }
}
