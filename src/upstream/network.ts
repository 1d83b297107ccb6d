import { LRUCache } from 'lru-cache'
import type { Refusal } from '../refusal.ts'
import { type Endpoint, where } from './endpoint.ts'
import { HostAddresses, type Lookup, systemLookup } from './host-addresses.ts'
import { HostHealth } from './host-health.ts'
import type { ServerState } from './server-state.ts'
import type { UpstreamHost } from './target.ts'

/** What became of one attempt to log in at one host. */
export type AttemptOutcome = 'ok' | 'failed' | 'unwanted'

/** Hosts are told as they are configured, with their ports. */
export interface HostObserver {
  /** `durationMs` where it answered. */
  upstreamTried(host: string, outcome: AttemptOutcome, durationMs?: number): void
  /** The first of several failures in a row. */
  upstreamLost(host: string, refusal: Refusal): void
  upstreamBack(host: string): void
}

export interface NetworkOptions {
  readonly observer?: HostObserver
  readonly lookup?: Lookup
  readonly nowMs?: () => number
  readonly random?: () => number
}

/** Reloads may bring others again and again. */
const maxHosts = 1_000

/** What this process has learned of the hosts of all upstreams. A reload keeps it. */
export class UpstreamNetwork {
  readonly addresses: HostAddresses
  readonly random: () => number
  readonly #health: HostHealth
  readonly #states = new LRUCache<string, ServerState>({ max: maxHosts })
  readonly #observer: HostObserver | undefined

  constructor({
    observer,
    lookup = systemLookup,
    nowMs = () => performance.now(),
    random = Math.random,
  }: NetworkOptions = {}) {
    this.addresses = new HostAddresses(lookup, nowMs)
    this.random = random
    this.#health = new HostHealth(nowMs, random)
    this.#observer = observer
  }

  isFailing(host: UpstreamHost): boolean {
    return this.#health.isFailing(where(host))
  }

  isAddressFailing(endpoint: Endpoint): boolean {
    return this.#health.isFailing(keyOf(endpoint))
  }

  /**
   * What the host was when it was last logged in to. It decides the order alone: settings of a client or a
   * role can make a server look like another.
   */
  stateOf(host: UpstreamHost): ServerState | undefined {
    return this.#states.get(where(host))
  }

  addressFailed(endpoint: Endpoint): void {
    this.#health.failed(keyOf(endpoint))
  }

  hostFailed(host: UpstreamHost, refusal: Refusal): void {
    this.#observer?.upstreamTried(where(host), 'failed')
    if (this.#health.failed(where(host))) this.#observer?.upstreamLost(where(host), refusal)
  }

  /** It answered, whatever it is. */
  answered(
    endpoint: Endpoint,
    outcome: AttemptOutcome,
    state: ServerState | undefined,
    durationMs: number,
  ): void {
    this.#observer?.upstreamTried(where(endpoint), outcome, durationMs)
    this.#health.succeeded(keyOf(endpoint))
    if (this.#health.succeeded(where(endpoint))) this.#observer?.upstreamBack(where(endpoint))
    if (state !== undefined) this.#states.set(where(endpoint), state)
  }
}

function keyOf(endpoint: Endpoint): string {
  return `${where(endpoint)} at ${endpoint.address}`
}
