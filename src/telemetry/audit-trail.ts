// All places that audit records go to, as one.
import { randomUUID } from 'node:crypto'
import { type LineSink, openLineSink } from './line-sink.ts'
import { toSafeLine } from './safe-line.ts'
import { chained, readLastLink } from './sinks/chain.ts'
import { type HttpsCollector, httpsTransport, type Post } from './sinks/https-sink.ts'
import { openRemoteSink, type Transport } from './sinks/remote-sink.ts'
import { type Facility, syslogHeader } from './sinks/syslog-record.ts'
import { type SyslogServer, syslogTransport } from './sinks/syslog-sink.ts'

/** What becomes of logins while records cannot be written. */
export type FailurePolicy = 'continue' | 'refuse'

interface RemoteLimits {
  readonly maxPendingBytes: number
  readonly maxPendingLines: number
}

export type AuditSink = (
  | { readonly sink: 'stdout' }
  | { readonly sink: 'file'; readonly file: string }
  | (RemoteLimits & {
      readonly sink: 'syslog'
      readonly server: SyslogServer
      readonly facility: Facility
      readonly appName: string
    })
  | (RemoteLimits & {
      readonly sink: 'https'
      readonly collector: HttpsCollector
      readonly post: Post
    })
) & {
  /** In place of that of all. */
  readonly onFailure?: FailurePolicy | undefined
}

interface TrailEvents {
  readonly onRecorded?: (records: number) => void
  readonly onDropped: (records: number) => void
  /** Once for each run of failures of a sink. */
  readonly onError: (error: Error) => void
  readonly onRecovered?: () => void
}

export interface TrailOptions extends TrailEvents {
  readonly node: string
  readonly version: string
  readonly sinks: readonly AuditSink[]
  readonly onFailure: FailurePolicy
  /** Undefined: records are in no chain. */
  readonly chain?: { readonly key: string | undefined } | undefined
  /** How long a login waits for its record. */
  readonly recordTimeoutMs?: number
  readonly maxPendingBytes?: number
  readonly closeTimeoutMs?: number
}

export interface AuditTrail {
  /** Whether nothing may be without its record. */
  readonly isStrict: boolean
  /** Whether records cannot be written that must be. */
  readonly isRefusing: boolean
  write(record: unknown): void
  /** False where it is not everywhere that it must be, within the time for it. */
  writeThrough(record: unknown): Promise<boolean>
  /** For rotation: rename the file, then call this. */
  reopen(): void
  flush(): Promise<void>
  /** Resolves when every record is written, or known to be lost. */
  close(): Promise<void>
}

interface Outlet {
  readonly isStrict: boolean
  readonly sink: LineSink
}

const usualTimeoutMs = 5_000

/** Throws when a file cannot be opened. */
export function openAuditTrail(options: TrailOptions): AuditTrail {
  const outlets = options.sinks.map((sink): Outlet => {
    const isStrict = (sink.onFailure ?? options.onFailure) === 'refuse'
    return { isStrict, sink: openChained(sink, options) }
  })
  const strict = outlets.filter(({ isStrict }) => isStrict).map(({ sink }) => sink)
  const loose = outlets.filter(({ isStrict }) => !isStrict).map(({ sink }) => sink)
  const sinks = outlets.map(({ sink }) => sink)
  const isRefusing = (): boolean => strict.some(({ isFailing }) => isFailing)

  return {
    isStrict: strict.length > 0,
    get isRefusing() {
      return isRefusing()
    },
    write(record) {
      const line = toLine(record)
      for (const sink of sinks) sink.write(line)
    },
    async writeThrough(record) {
      if (isRefusing()) return false
      const line = toLine(record)
      for (const sink of loose) sink.write(line)
      const written = strict.map(
        async (sink) => new Promise<boolean>((resolve) => sink.write(line, resolve)),
      )
      const all = Promise.all(written).then((outcomes) => outcomes.every((isOut) => isOut))
      return within(options.recordTimeoutMs ?? usualTimeoutMs, all)
    },
    reopen() {
      for (const sink of sinks) sink.reopen()
    },
    async flush() {
      await Promise.all(sinks.map(async (sink) => sink.flush()))
    },
    async close() {
      await Promise.all(sinks.map(async (sink) => sink.close()))
    },
  }
}

function toLine(record: unknown): string {
  return toSafeLine(`${JSON.stringify(record)}\n`)
}

/** False where it takes longer. */
async function within(timeoutMs: number, done: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false)
  })
  return Promise.race([done, late]).finally(() => {
    clearTimeout(timer)
  })
}

function openChained(sink: AuditSink, options: TrailOptions): LineSink {
  const open = openSink(sink, options)
  const { chain } = options
  if (chain === undefined) return open
  return chained(open, {
    key: chain.key,
    readLast: () => (sink.sink === 'file' ? readLastLink(sink.file) : undefined),
    lastWords: () => toLine(toStopRecord(options)),
  })
}

const standardOutput = 1

function openSink(sink: AuditSink, options: TrailOptions): LineSink {
  const { onRecorded, onDropped, onError, onRecovered } = options
  const { maxPendingBytes = 16_777_216, closeTimeoutMs = 5000 } = options
  const events = {
    ...(onRecorded && { onWritten: onRecorded }),
    onLost: onDropped,
    onError,
    ...(onRecovered && { onRecovered }),
  }
  if (sink.sink === 'stdout' || sink.sink === 'file') {
    const target = sink.sink === 'file' ? sink.file : standardOutput
    return openLineSink({ target, maxPendingBytes, closeTimeoutMs, ...events })
  }
  const { maxPendingBytes: maxBytes, maxPendingLines } = sink
  return openRemoteSink({
    ...{ transport: transportOf(sink), maxPendingBytes: maxBytes, maxPendingLines },
    ...{ closeTimeoutMs, ...events },
  })
}

function transportOf(sink: Exclude<AuditSink, { readonly sink: 'stdout' | 'file' }>): Transport {
  if (sink.sink === 'https') return httpsTransport(sink.collector, sink.post)
  return syslogTransport(sink.server, syslogHeader(sink.facility, sink.appName))
}

const lifecycleClass = 6002
const stop = 4

/** As OCSF Application Lifecycle: with it a chain ends, so that whatever is cut off there is missed. */
function toStopRecord({ node, version }: TrailOptions): unknown {
  return {
    class_uid: lifecycleClass,
    class_name: 'Application Lifecycle',
    category_uid: 6,
    category_name: 'Application Activity',
    activity_id: stop,
    activity_name: 'Stop',
    type_uid: lifecycleClass * 100 + stop,
    type_name: 'Application Lifecycle: Stop',
    time: Date.now(),
    severity_id: 1,
    severity: 'Informational',
    status_id: 1,
    status: 'Success',
    message: 'audit: the writer stops',
    app: { name: 'Portcullis', vendor_name: 'Portcullis', version },
    metadata: {
      version: '1.1.0',
      product: { name: 'Portcullis', vendor_name: 'Portcullis', version },
      log_name: 'audit',
      uid: randomUUID(),
    },
    dst_endpoint: { name: node },
  }
}
