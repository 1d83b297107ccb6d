import { Counter, Registry } from 'prom-client'
import type { HostObserver, IssuerObserver, WarmObserver } from './observers.ts'
import { type ExportMetrics, exportMetrics } from './metrics/export-metrics.ts'
import { type LoginMetrics, loginMetrics } from './metrics/login-metrics.ts'
import { measureEventLoop, measureProcess } from './metrics/process-metrics.ts'
import { issuerMetrics, type KeyAge, upstreamMetrics } from './metrics/remote-metrics.ts'
import { type RulesMetrics, rulesMetrics } from './metrics/rules-metrics.ts'
import { seriesOf } from './metrics/series.ts'
import { type WebMetrics, webMetrics } from './metrics/web-metrics.ts'

export { renderMetrics, retireSnapshots, sumMetrics } from './metrics/exposition.ts'
export type { ExportMetrics } from './metrics/export-metrics.ts'
export type { CatalogMetrics } from './metrics/rules-metrics.ts'

interface MetricsOptions {
  readonly version: string
  /** Name and version of what runs us, such as `node 24.21.0`. */
  readonly runtime: string
  /** All bytes that this process has spliced so far, those of open sessions included. */
  readonly readBytes: () => { readonly fromFrontend: number; readonly fromUpstream: number }
  /** What is taken of each limit to connections that are not admitted yet. */
  readonly readPlaces: () => {
    readonly unauthenticated: number
    readonly signIns: number
    readonly relays: number
    readonly paused: number
  }
  /** Of the issuers that are in use. */
  readonly readKeyAges: () => readonly KeyAge[]
  /** Who is kept out: entries of the deny file, and orders that refuse logins. */
  readonly readDenials: () => number
  /** Pairs of address and user that have to wait; undefined where another process counts them. */
  readonly readThrottled?: (() => number) | undefined
}

export interface Metrics
  extends
    LoginMetrics,
    IssuerObserver,
    HostObserver,
    WarmObserver,
    RulesMetrics,
    WebMetrics,
    ExportMetrics {
  auditRecorded(records: number): void
  auditDropped(records: number): void
  /** The values of this process, fit for IPC. Starts a new window of the event loop's lag. */
  snapshot(): Promise<unknown>
  /** Stops measuring the event loop. */
  close(): void
}

/** The metrics of one process. */
export function createMetrics({
  version,
  runtime,
  readBytes,
  readPlaces,
  readKeyAges,
  readDenials,
  readThrottled,
}: MetricsOptions): Metrics {
  const registry = new Registry()
  const series = seriesOf(registry)
  const { counter, gauge, read } = series
  const subjects = {
    ...loginMetrics(series),
    ...issuerMetrics(series, readKeyAges),
    ...upstreamMetrics(series),
    ...rulesMetrics(series),
    ...webMetrics(series),
    ...exportMetrics(series),
  }
  const auditRecords = counter(['audit_records_total', 'Audit records written.'])
  const auditDrops = counter(['audit_dropped_total', 'Audit records lost.'])

  new Counter({
    name: 'portcullis_session_bytes_total',
    help: 'Bytes spliced, by the side that they came from.',
    labelNames: ['direction'],
    registers: [registry],
    collect() {
      const { fromFrontend, fromUpstream } = readBytes()
      this.reset()
      this.inc({ direction: 'from_frontend' }, fromFrontend)
      this.inc({ direction: 'from_upstream' }, fromUpstream)
    },
  })
  for (const [name, help, place] of [
    ['connections_unauthenticated', 'Connections that nobody vouches for yet.', 'unauthenticated'],
    ['sign_ins_waiting', 'Interactive sign-ins that wait for somebody.', 'signIns'],
    ['relays_open', 'Logins under way whose password is relayed.', 'relays'],
    ['logins_paused', 'Logins that wait for a database that is paused.', 'paused'],
  ] as const) {
    read([name, help], () => readPlaces()[place])
  }
  read(
    ['denials_standing', 'Entries of the deny file and orders by which logins are refused.'],
    readDenials,
    'max',
  )
  if (readThrottled !== undefined) {
    read(
      ['throttled', 'Pairs of address and user that have to wait after wrong credentials.'],
      readThrottled,
    )
  }
  gauge(['build_info', 'What is running; always 1.'], ['version', 'runtime'], 'first').set(
    { version, runtime },
    1,
  )
  const stopLag = measureEventLoop(registry)
  measureProcess(series, registry)

  return {
    ...subjects,
    auditRecorded(records) {
      auditRecords.inc(records)
    },
    auditDropped(records) {
      auditDrops.inc(records)
    },
    async snapshot() {
      return structuredClone(await registry.getMetricsAsJSON())
    },
    close: stopLag,
  }
}
