import { LRUCache } from 'lru-cache'
import { blockOf } from '../policy/network.ts'

export interface LoginRateLimits {
  /** Undefined: as many as come. */
  readonly loginsPerSecondPerAddress: number | undefined
  readonly loginBurstPerAddress: number
}

/** Addresses that are remembered; the one that has not come for longest is forgotten first. */
export const maxRatedAddresses = 100_000

/** Refusals that are told to their clients, for each second, of all addresses. */
const toldPerSecond = 10

/**
 * Connections of each address in a second, before any work is done for them. Each process counts for itself,
 * and lets in its share of the limit: to ask another one would be work that a flood could ask for.
 */
export class LoginRate {
  readonly #processes: number
  readonly #nowMs: () => number
  /** When each address would have come, had it kept to its rate. Made when a limit is first needed. */
  #dueAtMs: LRUCache<string, number> | undefined
  #toldDueAtMs = 0

  /** `monotonicNow` tells milliseconds that never step back, whatever the wall clock does. */
  constructor(processes: number, monotonicNow: () => number = performance.now.bind(performance)) {
    this.#processes = processes
    this.#nowMs = monotonicNow
  }

  get addresses(): number {
    return this.#dueAtMs?.size ?? 0
  }

  /** `told` is too many too, and for its client to read; most of a flood is not worth a handshake. */
  take(address: string, limits: LoginRateLimits): 'within' | 'told' | 'silenced' {
    const { loginsPerSecondPerAddress: rate, loginBurstPerAddress: burst } = limits
    const block = rate === undefined ? undefined : blockOf(address)
    if (rate === undefined || block === undefined) return 'within'
    this.#dueAtMs ??= new LRUCache({ max: maxRatedAddresses })
    const nowMs = this.#nowMs()
    const share = Math.ceil(burst / this.#processes)
    const next = due(this.#dueAtMs.get(block), nowMs, rate / this.#processes, share)
    if (next !== undefined) {
      this.#dueAtMs.set(block, next)
      return 'within'
    }
    const told = due(this.#toldDueAtMs, nowMs, toldPerSecond, toldPerSecond)
    this.#toldDueAtMs = told ?? this.#toldDueAtMs
    return told === undefined ? 'silenced' : 'told'
  }
}

/** When the next one is due behind this one; undefined where this one comes too early. */
function due(dueAtMs = 0, nowMs: number, perSecond: number, burst: number): number | undefined {
  const intervalMs = 1_000 / perSecond
  const startMs = Math.max(dueAtMs, nowMs)
  return startMs - nowMs > intervalMs * (burst - 1) ? undefined : startMs + intervalMs
}
