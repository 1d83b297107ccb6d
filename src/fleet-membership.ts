// This replica as one of several: its store, the others, and what they ask of it.
import { readFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { type Config, parseStoreUrl } from './config/index.ts'
import type { FleetSessions } from './fleet-sessions.ts'
import type { Bus } from './fleet/bus.ts'
import { StoreBus } from './fleet/store-bus.ts'
import { PostgresStore } from './fleet/store/postgres-store.ts'
import type { Replica, ReplicaFacts } from './fleet/store/registry.ts'
import type { Store } from './fleet/store/store.ts'
import type { Log } from './telemetry/log.ts'
import { createFleetMetrics, type FleetMetrics } from './telemetry/metrics/fleet-metrics.ts'

export interface MembershipOptions {
  readonly fleet: NonNullable<Config['fleet']>
  readonly node: string
  readonly version: string
  readonly log: Log
  /** Asked for with each heartbeat. */
  readonly now: () => Promise<Pick<ReplicaFacts, 'state' | 'sessions' | 'catalogVersion'>>
  readonly sessions: () => Pick<FleetSessions, 'serve'>
}

/** Somebody who may write to the store can have this said as often as they like. */
const failureEveryMs = 10_000

export class FleetMembership {
  /** How this replica is called. */
  readonly replica: string
  readonly store: Store
  readonly peers: Bus
  readonly metrics: FleetMetrics
  readonly #store: PostgresStore
  readonly #bus: StoreBus
  readonly #log: Log
  readonly #startTimeoutMs: number
  #failureToldMs = -Infinity
  #isUp = false

  /** Throws where a file that it needs cannot be read. */
  constructor({ fleet, node, version, log, now, sessions }: MembershipOptions) {
    const startedAtMs = Date.now()
    this.#log = log
    this.#startTimeoutMs = fleet.start_timeout
    this.replica = fleet.replica ?? hostname()
    const address = ownAddress()
    this.#store = new PostgresStore({
      address: parseStoreUrl(fleet.store),
      authorities: fleet.store_ca === undefined ? undefined : readFileSync(fleet.store_ca, 'utf8'),
      name: `portcullis ${this.replica}`,
      ...{ schema: fleet.schema, secrets: fleet.secret, heartbeatMs: fleet.heartbeat },
      facts: async () => ({
        ...{ name: this.replica, node, version, address, startedAtMs },
        ...(await now()),
      }),
      observer: {
        away: (why, error) => {
          // Once for each time, whatever causes follow.
          if (this.#isUp) this.metrics.storeLost()
          this.#isUp = false
          log.error('the store of the fleet is away, what is known of it stays in use', {
            why,
            error,
          })
        },
        up: (awayMs) => {
          this.#isUp = true
          log.info('the store of the fleet is reached', { awaySeconds: Math.round(awayMs / 1_000) })
        },
        lookFailed: (topic, error) => {
          this.#tellFailure('something of the fleet could not be looked at', { topic, error })
        },
      },
    })
    this.#bus = new StoreBus({
      store: this.#store,
      peers: () => this.#store.others,
      serve: async (method, argument, timeoutMs) => sessions().serve(method, argument, timeoutMs),
      onCall: (method, outcome, count) => {
        this.metrics.called(method, outcome, count)
      },
      onFailure: (error) => {
        this.#tellFailure('a call between replicas failed', { error })
      },
    })
    this.store = this.#store
    this.peers = this.#bus
    this.metrics = createFleetMetrics({
      isUp: () => this.store.state.kind === 'up',
      replicas: () => this.#store.others.filter(({ isGone }) => !isGone).length + 1,
    })
  }

  /** Resolves when the store is reached, or when a start waits for it no longer. */
  async start(): Promise<void> {
    this.#store.start()
    await this.#store.settled(this.#startTimeoutMs)
    this.#bus.start()
  }

  /** The others, and this one first. */
  async replicas(): Promise<readonly Replica[]> {
    return [await this.#store.self(), ...this.#store.others]
  }

  /** What is amiss, and no reason to send clients elsewhere. */
  get remarks(): readonly string[] {
    const { state } = this.store
    return state.kind === 'up' ? [] : [`the store of the fleet is away (${state.why})`]
  }

  /** Has the others know now how this one is. */
  tell(): void {
    this.#store.tellFacts()
  }

  /** The others need not wait for this one any more. */
  async close(): Promise<void> {
    this.#bus.stop()
    await this.#store.close()
  }

  #tellFailure(message: string, fields: Readonly<Record<string, unknown>>): void {
    const now = performance.now()
    if (now - this.#failureToldMs < failureEveryMs) return
    this.#failureToldMs = now
    this.#log.warn(message, fields)
  }
}

/** By which others might reach this machine. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((one) => one ?? [])
  return all.find(({ internal }) => !internal)?.address ?? 'localhost'
}
