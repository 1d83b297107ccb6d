// What is sent, in the JSON of OTLP. The library is loaded when there is something to send, and not before.
import type * as Otlp from '@opentelemetry/otlp-transformer'
import type { Attributes, Span } from './trace-logins.ts'

type Library = typeof Otlp
type ReadableSpan = Parameters<Library['JsonTraceSerializer']['serializeRequest']>[0][number]
type ResourceMetrics = Parameters<Library['JsonMetricsSerializer']['serializeRequest']>[0]
export type MetricData = ResourceMetrics['scopeMetrics'][number]['metrics'][number]
type Resource = ResourceMetrics['resource']
type HrTime = ReadableSpan['startTime']

/** Who sends it, by the semantic conventions. */
export interface Sender {
  readonly serviceName: string
  readonly version: string
  readonly node: string
  /** Of this process. */
  readonly instance: string
}

const scope = { name: 'portcullis' }
// As the API of OpenTelemetry numbers them.
const kinds: Readonly<Record<Span['kind'], ReadableSpan['kind']>> = {
  internal: numbered(0),
  server: numbered(1),
  client: numbered(2),
}
const isSampled = 1
const statusUnset: ReadableSpan['status']['code'] = numbered(0)
const statusError: ReadableSpan['status']['code'] = numbered(2)

/** One of an enumeration by its number: importing the enumeration would load its package. */
export function numbered(number: number): never {
  return number as never
}

async function loadLibrary(): Promise<Library> {
  return import('@opentelemetry/otlp-transformer')
}

export async function encodeSpans(spans: readonly Span[], sender: Sender): Promise<string> {
  const { JsonTraceSerializer } = await loadLibrary()
  const resource = resourceOf(sender)
  return textOf(JsonTraceSerializer.serializeRequest(spans.map((span) => readable(span, resource))))
}

export async function encodeMetrics(
  metrics: readonly MetricData[],
  sender: Sender,
): Promise<string> {
  const { JsonMetricsSerializer } = await loadLibrary()
  return textOf(
    JsonMetricsSerializer.serializeRequest({
      resource: resourceOf(sender),
      scopeMetrics: [{ scope, metrics: [...metrics] }],
    }),
  )
}

function textOf(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) throw new Error('nothing could be encoded')
  return Buffer.from(bytes).toString()
}

function readable(span: Span, resource: Resource): ReadableSpan {
  const { traceId, spanId, parentSpanId, startMs, endMs, error } = span
  return {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => ({ traceId, spanId, traceFlags: isSampled }),
    ...(parentSpanId !== undefined && {
      parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: isSampled },
    }),
    startTime: toHrTime(startMs),
    endTime: toHrTime(endMs),
    duration: toHrTime(endMs - startMs),
    status: error === undefined ? { code: statusUnset } : { code: statusError, message: error },
    attributes: { ...span.attributes },
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

export function toHrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}

function resourceOf({ serviceName, version, node, instance }: Sender): Resource {
  const attributes: Attributes = {
    'service.name': serviceName,
    'service.version': version,
    'service.instance.id': instance,
    'portcullis.node': node,
  }
  const resource: Resource = {
    attributes: { ...attributes },
    merge: () => resource,
    getRawAttributes: () => Object.entries(attributes),
  }
  return resource
}
