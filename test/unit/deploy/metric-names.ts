import { createMetrics, renderMetrics } from '../../../src/telemetry/metrics.ts'
import { createServiceMetrics } from '../../../src/telemetry/metrics/service-metrics.ts'

/** What a service with a store has besides: docs/fleet.md. */
const ofFleets = [
  'portcullis_fleet_store_up',
  'portcullis_fleet_store_lost_total',
  'portcullis_fleet_replicas',
  'portcullis_fleet_calls_total',
  'portcullis_fleet_catalog_behind',
]

/** The names of all series that a service can have. */
export async function metricNames(): Promise<readonly string[]> {
  const metrics = createMetrics({
    ...{ version: '1', runtime: 'node' },
    readBytes: () => ({ fromFrontend: 0, fromUpstream: 0 }),
    readPlaces: () => ({ unauthenticated: 0, signIns: 0, relays: 0, paused: 0 }),
    readKeyAges: () => [],
    readDenials: () => 0,
    readThrottled: () => 0,
  })
  const service = createServiceMetrics({
    isReady: () => true,
    workers: () => ({ wanted: 1, running: 1 }),
    drain: () => undefined,
  })
  const text = await renderMetrics([await metrics.snapshot(), await service()])
  metrics.close()
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  return [
    ...ofFleets,
    ...types.flatMap(([, name, type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name! + end) : [name!],
    ),
  ]
}

/** The metrics that an expression of PromQL asks for, recorded ones with them. */
export function metricsIn(expression: string): readonly string[] {
  return [...expression.matchAll(/\bportcullis[_:][\w:]+/g)].map(([name]) => name)
}
