import { AggregatorRegistry } from 'prom-client'

type Snapshot = readonly { readonly type: string }[]

function isSnapshot(value: unknown): value is Snapshot {
  return Array.isArray(value)
}

/** The snapshots of all processes of the service as one Prometheus exposition. */
export async function renderMetrics(snapshots: readonly unknown[]): Promise<string> {
  return AggregatorRegistry.aggregate(snapshots.filter(isSnapshot)).metrics()
}

/** The same, as a registry tells its metrics. */
export async function sumMetrics(snapshots: readonly unknown[]): Promise<unknown> {
  return AggregatorRegistry.aggregate(snapshots.filter(isSnapshot)).getMetricsAsJSON()
}

/**
 * What to keep of processes that have ended, as one more snapshot: their counters. Without it a sum over
 * the living would fall, which Prometheus takes for a restart and counts all over again.
 */
export async function retireSnapshots(snapshots: readonly unknown[]): Promise<unknown> {
  const cumulative = snapshots
    .filter(isSnapshot)
    .map((metrics) => metrics.filter(({ type }) => type !== 'gauge'))
  return structuredClone(await AggregatorRegistry.aggregate(cumulative).getMetricsAsJSON())
}
