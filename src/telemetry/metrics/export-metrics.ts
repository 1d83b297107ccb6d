import type { Series } from './series.ts'

const signals = ['traces', 'metrics'] as const
export type Signal = (typeof signals)[number]

/** What is sent to a collector of OpenTelemetry: spans, and points of metrics. */
export interface ExportMetrics {
  telemetryExported(signal: Signal, items: number): void
  telemetryDropped(signal: Signal, items: number): void
}

export function exportMetrics({ counter }: Series): ExportMetrics {
  const exported = counter(
    ['telemetry_exported_total', 'Spans or metrics that a collector has taken, by signal.'],
    ['signal'],
  )
  const dropped = counter(
    ['telemetry_dropped_total', 'Spans or metrics that no collector took in time, by signal.'],
    ['signal'],
  )
  for (const signal of signals) {
    exported.inc({ signal }, 0)
    dropped.inc({ signal }, 0)
  }
  return {
    telemetryExported(signal, items) {
      exported.inc({ signal }, items)
    },
    telemetryDropped(signal, items) {
      dropped.inc({ signal }, items)
    },
  }
}
