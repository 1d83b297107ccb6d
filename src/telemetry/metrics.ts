import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { EndReason, SessionFacts, SessionObserver, Stage } from '../session/observer.ts'
import type { LoginCounts } from '../session/process-view.ts'
import type { HostObserver, IssuerObserver, WarmObserver } from './observers.ts'

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
  /** Pairs of address and user that have to wait; undefined where another process counts them. */
  readonly readThrottled?: (() => number) | undefined
}

export type Outcome = 'ok' | 'failed'

/** Of the one process that has the catalog. */
export interface CatalogMetrics {
  catalogChanged(version: number, by: CatalogSource): void
  catalogNotChanged(by: CatalogSource): void
  catalogFileSeen(state: 'same' | 'differs' | 'broken'): void
}

export interface Metrics
  extends SessionObserver, IssuerObserver, HostObserver, WarmObserver, CatalogMetrics {
  certificateLoaded(notAfter: Date): void
  configReloaded(outcome: Outcome): void
  loggedOut(outcome: keyof typeof logoutOutcomes): void
  sessionTokenIssued(): void
  /** On the pages; `outcome` is `ok`, or one of a closed list of reasons. */
  visited(kind: string, outcome: string): void
  /** `entries` where it could be read. */
  denyFileRead(outcome: Outcome, entries?: number): void
  auditRecorded(records: number): void
  auditDropped(records: number): void
  /** The values of this process, fit for IPC. Starts a new window of the event loop's lag. */
  snapshot(): Promise<unknown>
  /** What is counted of logins, without what a snapshot resets. */
  logins(): Promise<Omit<LoginCounts, 'process'>>
  /** Stops measuring the event loop. */
  close(): void
}

type Pair = readonly [name: string, help: string]

const loginBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]
const tokenLifeBuckets = [10, 60, 300, 900, 3600, 14_400, 43_200, 86_400]
const logoutOutcomes = { done: 0, refused: 0, failed: 0 } as const
const visitKinds = [
  ...['sign-in', 'step-up', 'token', 'renewal', 'logout'],
  ...['device', 'exchange', 'refresh'],
] as const
const outcomes = ['ok', 'failed'] as const
const catalogSources = ['console', 'apply', 'rollback', 'file', 'start'] as const
type CatalogSource = (typeof catalogSources)[number]

// Every label value of the small sets, so that a series exists before its first event and rates work.
const stages = {
  startup: 0,
  tls: 0,
  credential: 0,
  verify: 0,
  exchange: 0,
  provision: 0,
  upstream: 0,
  total: 0,
} satisfies Record<Stage, 0>
const endReasons = {
  'client-closed': 0,
  'client-lost': 0,
  'upstream-closed': 0,
  'upstream-lost': 0,
  drain: 0,
  'token-expired': 0,
  'session-lifetime': 0,
  idle: 0,
  'idle-in-transaction': 0,
  killed: 0,
  revoked: 0,
  'logged-out': 0,
} satisfies Record<EndReason, 0>
const provisionOutcomes = { created: 0, changed: 0, unchanged: 0 } satisfies Record<
  NonNullable<SessionFacts['provisioned']>,
  0
>
const cancelOutcomes = { forwarded: 0, 'unknown-key': 0, failed: 0 } satisfies Record<
  Parameters<SessionObserver['cancelled']>[1],
  0
>

const lagResolutionMs = 20

/**
 * No label names a person: identities are unbounded and belong into the audit record. The aggregator of
 * a metric says how the values of several processes become one.
 */
export function createMetrics({
  version,
  runtime,
  readBytes,
  readPlaces,
  readThrottled,
}: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]

  function counter<Label extends string>(
    [name, help]: Pair,
    labelNames: Label[] = [],
  ): Counter<Label> {
    return new Counter({ name: `portcullis_${name}`, help, labelNames, registers })
  }

  function gauge<Label extends string>(
    [name, help]: Pair,
    labelNames: Label[] = [],
    aggregator: 'sum' | 'max' | 'min' | 'first' = 'sum',
  ): Gauge<Label> {
    return new Gauge({ name: `portcullis_${name}`, help, labelNames, registers, aggregator })
  }

  const logins = counter(
    ['logins_total', 'Login attempts that came to an end, by integration, outcome and reason.'],
    ['integration', 'outcome', 'reason'],
  )
  const loginDuration = new Histogram({
    name: 'portcullis_login_duration_seconds',
    help: 'Duration of the parts of a login; total leaves out the wait for the credential.',
    labelNames: ['stage'],
    buckets: loginBuckets,
    registers,
  })
  const tokenLife = new Histogram({
    name: 'portcullis_token_remaining_life_seconds',
    help: 'How long the token of an admitted session was still valid at its login.',
    buckets: tokenLifeBuckets,
    registers,
  })
  const connectionsOpen = gauge([
    'connections_open',
    'Open connections, including those that are not admitted yet.',
  ])
  const sessionsOpen = gauge(['sessions_open', 'Sessions that are admitted and have not ended.'])
  const sessionsOpened = counter(['sessions_opened_total', 'Sessions admitted.'])
  const sessionsEnded = counter(
    ['sessions_ended_total', 'Admitted sessions that have ended, by reason.'],
    ['reason'],
  )
  const cancelRequests = counter(
    ['cancel_requests_total', 'Cancel requests, by outcome.'],
    ['outcome'],
  )
  const provisioned = counter(
    ['provisioned_total', 'Logins whose own role was made ready, by what that took.'],
    ['outcome'],
  )
  const keyRefreshes = counter(
    ['jwks_refreshes_total', 'Fetches of the key set of an issuer, by outcome.'],
    ['issuer', 'outcome'],
  )
  const unknownKids = counter(
    ['jwks_unknown_kids_total', 'Tokens whose key id was not in the key set of the issuer.'],
    ['issuer'],
  )
  const upstreamLogins = counter(
    [
      'upstream_logins_total',
      'Attempts to log in at a host of an upstream, by outcome; unwanted is one that is not what target_session_attrs asks for.',
    ],
    ['host', 'outcome'],
  )
  const warmOpen = gauge(['warm_sessions_open', 'Upstream sessions that wait for a login.'])
  const warmLogins = counter(
    ['warm_logins_total', 'Logins where sessions are kept ready, by whether one was.'],
    ['outcome'],
  )
  const warmReturned = counter([
    'warm_sessions_returned_total',
    'Upstream sessions that wait for a login again after a client has left them.',
  ])
  const certificateExpiry = gauge(
    [
      'tls_certificate_expiry_timestamp_seconds',
      'When the TLS certificate shown to clients expires, in seconds since 1970.',
    ],
    [],
    'min',
  )
  const configReloads = counter(
    ['config_reloads_total', 'Attempts to load a changed configuration, by outcome.'],
    ['outcome'],
  )
  const logouts = counter(
    ['backchannel_logouts_total', 'Logout tokens of identity providers, by outcome.'],
    ['outcome'],
  )
  const sessionTokensIssued = counter(['session_tokens_issued_total', 'Session tokens issued.'])
  const sessionTokenLogins = counter(
    ['session_token_logins_total', 'Logins by session tokens, by outcome.'],
    ['outcome'],
  )
  const visits = counter(
    ['web_sign_ins_total', 'Sign-ins and logouts of people on the pages, by kind and outcome.'],
    ['kind', 'outcome'],
  )
  const denyFileReads = counter(
    ['deny_file_reads_total', 'Times that a process has read the deny file, by outcome.'],
    ['outcome'],
  )
  const denyFileEntries = gauge(
    ['deny_file_entries', 'Entries of the deny file that are in use.'],
    [],
    'max',
  )
  const denyFileBroken = gauge(
    ['deny_file_broken', 'Whether the deny file could not be read when it was last changed.'],
    [],
    'max',
  )
  const catalogVersion = gauge(
    ['catalog_version', 'The version of the catalog that is in use.'],
    [],
    'max',
  )
  const catalogChanges = counter(
    ['catalog_changes_total', 'Changes of the catalog, by where they came from and outcome.'],
    ['by', 'outcome'],
  )
  const catalogFileProblem = gauge(
    ['catalog_file_problem', 'Whether the file of the catalog, as it is now, cannot be used.'],
    [],
    'max',
  )
  const catalogFileDiffers = gauge(
    ['catalog_file_differs', 'Whether the file of the catalog is not what is in use.'],
    [],
    'max',
  )
  const auditRecords = counter(['audit_records_total', 'Audit records written.'])
  const auditDrops = counter(['audit_dropped_total', 'Audit records lost.'])

  for (const stage of Object.keys(stages)) loginDuration.zero({ stage })
  for (const reason of Object.keys(endReasons)) sessionsEnded.inc({ reason }, 0)
  for (const outcome of Object.keys(cancelOutcomes)) cancelRequests.inc({ outcome }, 0)
  for (const outcome of Object.keys(provisionOutcomes)) provisioned.inc({ outcome }, 0)
  for (const outcome of Object.keys(logoutOutcomes)) logouts.inc({ outcome }, 0)
  for (const outcome of ['admitted', 'refused']) sessionTokenLogins.inc({ outcome }, 0)
  for (const kind of visitKinds) visits.inc({ kind, outcome: 'ok' }, 0)
  for (const outcome of outcomes) denyFileReads.inc({ outcome }, 0)
  for (const outcome of outcomes) configReloads.inc({ outcome }, 0)
  for (const by of catalogSources) {
    for (const outcome of outcomes) catalogChanges.inc({ by, outcome }, 0)
  }
  // Until a certificate is loaded there is no time to report, and zero would be the smallest of all.
  certificateExpiry.remove()

  const keysRefreshedAtMs = new Map<string, number>()
  new Gauge({
    name: 'portcullis_jwks_age_seconds',
    help: 'Time since the key set of an issuer was last fetched successfully.',
    labelNames: ['issuer'],
    aggregator: 'max',
    registers,
    collect() {
      for (const [issuer, atMs] of keysRefreshedAtMs) {
        this.set({ issuer }, (performance.now() - atMs) / 1000)
      }
    },
  })
  new Counter({
    name: 'portcullis_session_bytes_total',
    help: 'Bytes spliced, by the side that they came from.',
    labelNames: ['direction'],
    registers,
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
    new Gauge({
      name: `portcullis_${name}`,
      help,
      registers,
      collect() {
        this.set(readPlaces()[place])
      },
    })
  }

  if (readThrottled !== undefined) {
    new Gauge({
      name: 'portcullis_throttled',
      help: 'Pairs of address and user that have to wait after wrong credentials.',
      registers,
      collect() {
        this.set(readThrottled())
      },
    })
  }

  gauge(['build_info', 'What is running; always 1.'], ['version', 'runtime'], 'first').set(
    { version, runtime },
    1,
  )
  const stopLag = measureEventLoop(registers)
  measureProcess(registers)

  function decided(
    session: SessionFacts,
    outcome: 'admitted' | 'refused' | 'abandoned' | 'discovered',
    reason = 'none',
  ): void {
    logins.inc({ integration: session.integration ?? 'none', outcome, reason })
    if (session.credential === 'session-token') sessionTokenLogins.inc({ outcome })
    if (session.provisioned !== undefined) provisioned.inc({ outcome: session.provisioned })
  }

  return {
    opened() {
      connectionsOpen.inc()
    },
    stage(stage, durationMs) {
      loginDuration.observe({ stage }, durationMs / 1000)
    },
    admitted(session) {
      decided(session, 'admitted')
      sessionsOpen.inc()
      sessionsOpened.inc()
      if (session.identity !== undefined) {
        tokenLife.observe((session.identity.expiresAt.getTime() - Date.now()) / 1000)
      }
    },
    refused(session, refusal) {
      decided(session, 'refused', refusal.reason)
      connectionsOpen.dec()
    },
    abandoned(session) {
      decided(session, 'abandoned')
      connectionsOpen.dec()
    },
    discovered(session) {
      decided(session, 'discovered')
      connectionsOpen.dec()
    },
    cancelled(_, outcome) {
      cancelRequests.inc({ outcome })
      connectionsOpen.dec()
    },
    ended(_, { reason }) {
      sessionsEnded.inc({ reason })
      sessionsOpen.dec()
      connectionsOpen.dec()
    },
    keysRefreshed(issuer, outcome) {
      for (const each of outcomes) keyRefreshes.inc({ issuer, outcome: each }, 0)
      unknownKids.inc({ issuer }, 0)
      keyRefreshes.inc({ issuer, outcome })
      if (outcome === 'ok') keysRefreshedAtMs.set(issuer, performance.now())
    },
    unknownKey(issuer) {
      unknownKids.inc({ issuer })
    },
    upstreamTried(host, outcome) {
      upstreamLogins.inc({ host, outcome })
    },
    upstreamLost() {},
    upstreamBack() {},
    warmLogin(outcome) {
      warmLogins.inc({ outcome })
    },
    warmSessions(event, count) {
      warmOpen.inc(event === 'opened' || event === 'returned' ? count : -count)
      if (event === 'returned') warmReturned.inc(count)
    },
    certificateLoaded(notAfter) {
      certificateExpiry.set(notAfter.getTime() / 1000)
    },
    loggedOut(outcome) {
      logouts.inc({ outcome })
    },
    sessionTokenIssued() {
      sessionTokensIssued.inc()
    },
    visited(kind, outcome) {
      visits.inc({ kind, outcome })
    },
    denyFileRead(outcome, entries) {
      denyFileReads.inc({ outcome })
      denyFileBroken.set(outcome === 'ok' ? 0 : 1)
      if (entries !== undefined) denyFileEntries.set(entries)
    },
    configReloaded(outcome) {
      configReloads.inc({ outcome })
    },
    catalogChanged(version, by) {
      catalogVersion.set(version)
      catalogChanges.inc({ by, outcome: 'ok' })
    },
    catalogNotChanged(by) {
      catalogChanges.inc({ by, outcome: 'failed' })
    },
    catalogFileSeen(state) {
      catalogFileProblem.set(state === 'broken' ? 1 : 0)
      catalogFileDiffers.set(state === 'same' ? 0 : 1)
    },
    auditRecorded(records) {
      auditRecords.inc(records)
    },
    auditDropped(records) {
      auditDrops.inc(records)
    },
    async snapshot() {
      return structuredClone(await registry.getMetricsAsJSON())
    },
    async logins() {
      const { values } = await logins.get()
      const sum = (wanted: string): number =>
        values.reduce(
          (count, { labels, value }) => (labels.outcome === wanted ? count + value : count),
          0,
        )
      const refused: Record<string, number> = {}
      for (const { labels, value } of values) {
        if (labels.outcome !== 'refused') continue
        const reason = String(labels.reason)
        refused[reason] = (refused[reason] ?? 0) + value
      }
      return {
        admitted: sum('admitted'),
        abandoned: sum('abandoned'),
        refused,
        sessionsOpen: (await sessionsOpen.get()).values[0]?.value ?? 0,
        durations: (await loginDuration.get()).values.flatMap(({ labels, value }) => {
          const { stage, le } = labels as { readonly stage?: string; readonly le?: string | number }
          if (stage !== 'total' || le === undefined) return []
          return [[Number(le === '+Inf' ? Infinity : le), value] as const]
        }),
      }
    },
    close: stopLag,
  }
}

function measureEventLoop(registers: Registry[]): () => void {
  const delay = monitorEventLoopDelay({ resolution: lagResolutionMs })
  delay.enable()
  // The histogram holds the time between two ticks of a timer: what exceeds its interval is the lag.
  const lagSeconds = (ns: number): number => Math.max(0, ns / 1e9 - lagResolutionMs / 1e3)

  new Gauge({
    name: 'portcullis_event_loop_lag_seconds',
    help: 'By how much timers were late since the last scrape.',
    labelNames: ['statistic'],
    aggregator: 'max',
    registers,
    collect() {
      this.set({ statistic: 'p50' }, lagSeconds(delay.percentile(50)))
      this.set({ statistic: 'p99' }, lagSeconds(delay.percentile(99)))
      this.set({ statistic: 'max' }, lagSeconds(delay.max))
      delay.reset()
    },
  })
  return () => {
    delay.disable()
  }
}

function measureProcess(registers: Registry[]): void {
  new Counter({
    name: 'portcullis_process_cpu_seconds_total',
    help: 'CPU time used, user and system.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  new Gauge({
    name: 'portcullis_process_resident_memory_bytes',
    help: 'Resident memory.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Gauge({
    name: 'portcullis_process_open_fds',
    help: 'Open file descriptors.',
    registers,
    collect() {
      const count = countFileDescriptors()
      if (count === undefined) this.remove()
      else this.set(count)
    },
  })
  new Gauge({
    name: 'portcullis_process_start_time_seconds',
    help: 'When the oldest process started, in seconds since 1970.',
    aggregator: 'min',
    registers,
  }).set(performance.timeOrigin / 1000)
}

/** Undefined where the system has no /proc. */
function countFileDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

type Snapshot = readonly { readonly type: string }[]

function isSnapshot(value: unknown): value is Snapshot {
  return Array.isArray(value)
}

/** The snapshots of all processes of the service as one Prometheus exposition. */
export async function renderMetrics(snapshots: readonly unknown[]): Promise<string> {
  return AggregatorRegistry.aggregate(snapshots.filter(isSnapshot)).metrics()
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
