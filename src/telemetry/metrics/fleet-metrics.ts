import { Registry } from 'prom-client'
import { seriesOf } from './series.ts'

interface FleetState {
  readonly isUp: () => boolean
  /** Those that are there, this one among them. */
  readonly replicas: () => number
}

export interface FleetMetrics {
  storeLost(): void
  /** Whether there is a version of the catalog that this replica cannot take over. */
  catalogBehind(isBehind: boolean): void
  /** So many replicas were asked. */
  called(method: string, outcome: string, count: number): void
  snapshot(): Promise<unknown>
}

/** Of what a replica has to do with the others; known by its primary alone. */
export function createFleetMetrics({ isUp, replicas }: FleetState): FleetMetrics {
  const registry = new Registry()
  const { counter, gauge, read } = seriesOf(registry)
  read(['fleet_store_up', 'Whether the store of the fleet can be reached.'], () => (isUp() ? 1 : 0))
  read(['fleet_replicas', 'Replicas that say that they are there.'], replicas)
  const lost = counter(['fleet_store_lost_total', 'Times that the store of the fleet was lost.'])
  const calls = counter(
    ['fleet_calls_total', 'Replicas that were asked something, by what and outcome.'],
    ['method', 'outcome'],
  )
  const behind = gauge([
    'fleet_catalog_behind',
    'Whether there is a version of the catalog that this replica cannot take over.',
  ])
  return {
    catalogBehind(isBehind) {
      behind.set(isBehind ? 1 : 0)
    },
    storeLost() {
      lost.inc()
    },
    called(method, outcome, count) {
      calls.inc({ method, outcome }, count)
    },
    snapshot: async () => structuredClone(await registry.getMetricsAsJSON()),
  }
}
