import { readSyslogUrl } from '../schema/audit.ts'
import type { Finding, View } from './view.ts'

type Audit = NonNullable<View['root']['audit']>
type Sink = NonNullable<Audit['sinks']>[number]

export function* checkAudit({ root: { audit } }: View): Generator<Finding> {
  if (audit === undefined) return
  if (audit.sink === 'file' && audit.file === undefined) {
    yield { path: ['audit', 'file'], message: 'is required if `sink` is "file"' }
  }
  if (audit.sink !== 'file' && audit.file !== undefined) {
    const message = 'is only allowed if `sink` is "file"'
    yield { path: ['audit', 'file'], message }
  }
  if (audit.sink === 'none' && audit.on_failure === 'refuse') {
    yield { path: ['audit', 'on_failure'], message: 'cannot be "refuse" if `sink` is "none"' }
  }
  if (audit.sinks !== undefined && audit.sink !== undefined) {
    const message = 'is not allowed beside `sinks`: make it one of them'
    yield { path: ['audit', 'sink'], message, isAboutKey: true }
  }
  if (audit.chain_key !== undefined && !audit.chain) {
    const message = 'has no effect without `chain: true`'
    yield { path: ['audit', 'chain_key'], message, isAboutKey: true }
  }
  yield* checkSinks(audit, audit.sinks ?? [])
}

function* checkSinks(audit: Audit, sinks: readonly Sink[]): Generator<Finding> {
  const seen = new Set<string>()
  for (const [index, sink] of sinks.entries()) {
    const path = ['audit', 'sinks', index]
    const place = 'url' in sink ? sink.url : 'file' in sink ? sink.file : sink.sink
    if (seen.has(place)) {
      yield { path, message: 'goes where another one of the `sinks` goes' }
    }
    seen.add(place)
    if (sink.sink !== 'syslog') continue
    const { protocol } = readSyslogUrl(sink.url)
    if (protocol !== 'tls') {
      for (const key of ['ca', 'certificate', 'key', 'server_name'] as const) {
        const message = 'has no effect without TLS: `url` must begin with tls://'
        if (sink[key] !== undefined) yield { path: [...path, key], message, isAboutKey: true }
      }
    }
    if ((sink.certificate === undefined) !== (sink.key === undefined)) {
      const missing = sink.key === undefined ? 'key' : 'certificate'
      yield { path, message: `needs \`${missing}\` too: certificate and key belong together` }
    }
    if (protocol === 'udp' && (sink.on_failure ?? audit.on_failure) === 'refuse') {
      const message =
        'cannot be "refuse" with udp://, which nobody answers: use tls://, or `on_failure: continue` here'
      yield { path: [...path, 'on_failure'], message }
    }
  }
}
