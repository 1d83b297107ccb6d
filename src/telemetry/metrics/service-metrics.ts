import { Registry } from 'prom-client'
import { seriesOf } from './series.ts'

interface ServiceState {
  readonly isReady: () => boolean
  readonly workers: () => { readonly wanted: number; readonly running: number }
  /** Undefined as long as none is under way. */
  readonly drain: () => { readonly beganAtMs: number; readonly deadlineMs: number } | undefined
}

/** What the primary alone knows: the service as a whole. Returns what takes its snapshot. */
export function createServiceMetrics({
  isReady,
  workers,
  drain,
}: ServiceState): () => Promise<unknown> {
  const registry = new Registry()
  const { read } = seriesOf(registry)
  read(['ready', 'Whether new connections should come here, as /readiness says.'], () =>
    isReady() ? 1 : 0,
  )
  read(['workers', 'Processes with sessions that there are to be.'], () => workers().wanted)
  read(['workers_running', 'Processes with sessions that there are.'], () => workers().running)
  read(['draining', 'Whether a drain is under way.'], () => (drain() === undefined ? 0 : 1))
  // There is no time of a drain that is not under way: zero would be one long ago.
  read(['drain_started_timestamp_seconds', 'When the drain began, in seconds since 1970.'], () =>
    epochSeconds(drain()?.beganAtMs),
  )
  read(
    [
      'drain_deadline_timestamp_seconds',
      'When the drain ends what is still open, in seconds since 1970.',
    ],
    () => {
      const under = drain()
      return epochSeconds(under && under.beganAtMs + under.deadlineMs)
    },
  )
  return async () => structuredClone(await registry.getMetricsAsJSON())
}

function epochSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}
