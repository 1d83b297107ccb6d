// What is sent to a collector of OpenTelemetry, as the configuration has it. Nothing of it is loaded without.
import { readFileSync } from 'node:fs'
import type { Config } from './config/index.ts'
import { boundedRequest } from './identity/bounded-fetch.ts'
import type { SessionObserver } from './session/observer.ts'
import type { Log } from './telemetry/log.ts'
import type { ExportMetrics } from './telemetry/metrics/export-metrics.ts'
import { encodeMetrics, encodeSpans, type Sender } from './telemetry/otlp/encode.ts'
import { ExportQueue } from './telemetry/otlp/export-queue.ts'
import { PeriodicExport } from './telemetry/otlp/periodic-export.ts'
import { toPoints } from './telemetry/otlp/points.ts'
import { type Span, traceLogins } from './telemetry/otlp/trace-logins.ts'

type Collector = Pick<
  NonNullable<Config['telemetry']['traces']>,
  'endpoint' | 'headers' | 'ca' | 'timeout'
>

export interface ExportServices {
  readonly config: Config
  readonly version: string
  readonly log: Log
  readonly metrics: ExportMetrics
}

export interface Traces {
  readonly observer: SessionObserver
  close(): Promise<void>
}

const maxSpansInRequest = 512
const delayMs = 500
/** An answer says no more than what was not taken. */
const maxAnswerBytes = 65_536

export function composeTraces(services: ExportServices): Traces | undefined {
  const { config, log, metrics } = services
  const { traces } = config.telemetry
  if (traces === undefined) return undefined
  const sender = senderOf(services)
  const post = poster(traces)
  const queue = new ExportQueue<Span>({
    maxItems: traces.max_queue,
    maxBatch: maxSpansInRequest,
    delayMs,
    send: async (spans) => {
      const answer = await post(await encodeSpans(spans, sender))
      return spans.length - rejected(answer, 'rejectedSpans')
    },
    onSent: (spans) => {
      metrics.telemetryExported('traces', spans)
    },
    onDropped: (spans) => {
      metrics.telemetryDropped('traces', spans)
    },
    onError: (error) => {
      log.warn('traces cannot be sent, and are dropped', { error })
    },
    onRecovered: () => {
      log.info('traces are sent again')
    },
  })
  return {
    observer: traceLogins({
      sampleRatio: traces.sample_ratio,
      onTrace: (spans) => {
        queue.add(spans)
      },
    }),
    close: async () => queue.close(),
  }
}

/** The figures of the whole service; undefined where nobody wants them. */
export function composeMetricsExport(
  services: Omit<ExportServices, 'metrics'> & { readonly metrics: () => ExportMetrics },
  collect: () => Promise<unknown>,
): PeriodicExport | undefined {
  const { config, log, metrics } = services
  const wanted = config.telemetry.metrics
  if (wanted === undefined) return undefined
  const sender = senderOf(services)
  const post = poster(wanted)
  return new PeriodicExport({
    intervalMs: wanted.interval,
    send: async () => {
      const points = toPoints(await collect(), performance.timeOrigin, Date.now())
      const answer = await post(await encodeMetrics(points, sender))
      return { taken: points.length, rejected: rejected(answer, 'rejectedDataPoints') }
    },
    onSent: (items) => {
      metrics().telemetryExported('metrics', items)
    },
    onDropped: (items) => {
      metrics().telemetryDropped('metrics', items)
    },
    onError: (error) => {
      log.warn('metrics cannot be sent, and are dropped', { error })
    },
    onRecovered: () => {
      log.info('metrics are sent again')
    },
  })
}

function senderOf({ config, version }: Pick<ExportServices, 'config' | 'version'>): Sender {
  const { node, telemetry } = config
  const instance = config.fleet?.replica ?? `${node}-${process.pid}`
  return { serviceName: telemetry.service_name, version, node, instance }
}

/** Resolves with the answer, and rejects where it is not one of success. */
function poster({ endpoint, headers, ca, timeout }: Collector): (body: string) => Promise<string> {
  const authorities = ca === undefined ? undefined : readFileSync(ca, 'utf8')
  const limits = { timeoutMs: timeout, maxBytes: maxAnswerBytes }
  return async (body) => {
    const response = await boundedRequest(
      endpoint,
      { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body },
      limits,
      authorities,
      { proxy: undefined, allowsPlain: true },
    )
    if (!response.ok) throw new Error(`the collector answers ${response.status}`)
    return response.text()
  }
}

/** How many a collector did not take that has taken the others. */
function rejected(answer: string, name: 'rejectedSpans' | 'rejectedDataPoints'): number {
  try {
    const parsed = JSON.parse(answer) as { partialSuccess?: Readonly<Record<string, unknown>> }
    const count = Number(parsed.partialSuccess?.[name] ?? 0)
    return Number.isSafeInteger(count) && count > 0 ? count : 0
  } catch {
    return 0
  }
}
