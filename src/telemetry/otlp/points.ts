// The snapshot of a registry as the metrics of OTLP: the same names and labels as /metrics has.
import { type MetricData, numbered, toHrTime } from './encode.ts'

/** A metric of a snapshot. */
interface Metric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly values: readonly Value[]
}

interface Value {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  readonly metricName?: string
}

type Data<Key extends keyof MetricData> = MetricData[Key]
type HistogramValue = Readonly<Record<'buckets' | 'sum' | 'count' | 'hasMinMax', unknown>>

// As the SDK of OpenTelemetry numbers them.
const cumulative: Data<'aggregationTemporality'> = numbered(1)
const histogramPoint: Data<'dataPointType'> = numbered(0)
const gaugePoint: Data<'dataPointType'> = numbered(2)
const sumPoint: Data<'dataPointType'> = numbered(3)
const double: Data<'descriptor'>['valueType'] = numbered(1)

/** `metrics` are sums since `startMs`, which is when the oldest process began. */
export function toPoints(metrics: unknown, startMs: number, nowMs: number): readonly MetricData[] {
  const time = { startTime: toHrTime(startMs), endTime: toHrTime(nowMs) }
  return readMetrics(metrics).map((metric) => {
    const data = {
      descriptor: { name: metric.name, description: metric.help, unit: '', valueType: double },
      aggregationTemporality: cumulative,
      ...(metric.type === 'histogram'
        ? {
            dataPointType: histogramPoint,
            dataPoints: histograms(metric).map((one) => ({ ...time, ...one })),
          }
        : {
            dataPointType: metric.type === 'counter' ? sumPoint : gaugePoint,
            ...(metric.type === 'counter' && { isMonotonic: true }),
            dataPoints: metric.values.map(({ value, labels }) => ({
              ...{ ...time, value },
              attributes: { ...labels },
            })),
          }),
    }
    // The type of the points goes by the number above, which says nothing to the compiler.
    return data as MetricData
  })
}

function readMetrics(metrics: unknown): readonly Metric[] {
  return Array.isArray(metrics) ? (metrics as readonly Metric[]) : []
}

interface Built {
  readonly attributes: Record<string, string | number>
  readonly boundaries: number[]
  /** Of each bucket with all below it. */
  readonly upTo: number[]
  sum: number
  count: number
}

/** Buckets, sum and count of each set of labels, which a snapshot has one by one. */
function histograms({
  name,
  values,
}: Metric): readonly { attributes: Built['attributes']; value: HistogramValue }[] {
  const all = new Map<string, Built>()
  for (const { value, labels, metricName } of values) {
    const { le, ...attributes } = labels
    const key = JSON.stringify(attributes)
    const built = all.get(key) ?? { attributes, boundaries: [], upTo: [], sum: 0, count: 0 }
    all.set(key, built)
    if (metricName === `${name}_sum`) built.sum = value
    else if (metricName === `${name}_count`) built.count = value
    else {
      if (le !== '+Inf') built.boundaries.push(Number(le))
      built.upTo.push(value)
    }
  }
  return [...all.values()].map(({ attributes, boundaries, upTo, sum, count }) => ({
    attributes,
    value: {
      buckets: {
        boundaries,
        counts: upTo.map((value, index) => value - (upTo[index - 1] ?? 0)),
      },
      ...{ sum, count, hasMinMax: false },
    },
  }))
}
