import type { EndOrder } from '../session/revocations.ts'

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

  get standing(): readonly EndOrder[] {
    return [...this.#orders].filter((order) => this.#isStanding(order))
  }

  #isStanding({ refusedUntilMs = 0 }: EndOrder): boolean {
    return this.#nowMs() < refusedUntilMs
  }
}
