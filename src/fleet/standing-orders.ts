import type { EndOrder } from '../session/revocations.ts'

export interface StandingOrder extends EndOrder {
  readonly refusedUntilMs: number
}

/** As many as a worker remembers. */
const maxOrders = 10_000

/** The orders that refuse logins for a time, for workers that are started within it. */
export class StandingOrders {
  readonly #orders = new Set<EndOrder>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  add(order: EndOrder): void {
    if (order.refusedUntilMs === undefined) return
    this.#orders.add(order)
    for (const one of this.#orders) {
      if (this.#isStanding(one) && this.#orders.size <= maxOrders) break
      this.#orders.delete(one)
    }
  }

  get standing(): readonly StandingOrder[] {
    return [...this.#orders].filter((order) => this.#isStanding(order))
  }

  /** Takes those back that are meant, and returns how many still stood. */
  remove(isMeant: (order: EndOrder) => boolean): number {
    let removed = 0
    for (const order of this.#orders) {
      if (!isMeant(order)) continue
      this.#orders.delete(order)
      if (this.#isStanding(order)) removed++
    }
    return removed
  }

  #isStanding(order: EndOrder): order is StandingOrder {
    return this.#nowMs() < (order.refusedUntilMs ?? 0)
  }
}
