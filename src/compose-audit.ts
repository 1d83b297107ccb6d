// Where audit records go, as the configuration has it.
import type { IncomingMessage } from 'node:http'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Config } from './config/index.ts'
import { boundedRequest } from './identity/bounded-fetch.ts'
import type { AuditSink, TrailOptions } from './telemetry/audit-trail.ts'
import type { Post } from './telemetry/sinks/https-sink.ts'

type Composed = Pick<TrailOptions, 'node' | 'sinks' | 'onFailure' | 'chain'>
type Sink = Config['audit']['sinks'][number]
type Collector = Extract<Sink, { readonly sink: 'https' }>

/** What a collector says is not for us. */
const maxAnswerBytes = 65_536

/**
 * All of it is as at the start, but for the authorization at collectors, which is that of now. Throws where a
 * file cannot be read.
 */
export function composeAudit(current: () => Config): Composed {
  const { audit, node } = current()
  return {
    node,
    onFailure: audit.on_failure,
    sinks: audit.sinks.map((sink) => toSink(sink, current)),
    ...(audit.chain && { chain: { key: audit.chain_keys[0] } }),
  }
}

function toSink(sink: Sink, current: () => Config): AuditSink {
  const { on_failure: onFailure } = sink
  switch (sink.sink) {
    case 'stdout':
      return { sink: 'stdout', onFailure }
    case 'file':
      return { sink: 'file', file: sink.file, onFailure }
    case 'syslog': {
      const { server, ca, certificate, key, server_name: serverName, timeout: timeoutMs } = sink
      const files = { ca, certificate, key, serverName }
      return {
        ...{ sink: 'syslog', onFailure, facility: sink.facility, appName: sink.app_name },
        ...{ maxPendingBytes: sink.buffer, maxPendingLines: sink.buffer_records },
        server: { ...server, ...files, timeoutMs, maxDatagramBytes: sink.max_datagram },
      }
    }
    case 'https':
      return {
        ...{ sink: 'https', onFailure, post: postTo(sink) },
        ...{ maxPendingBytes: sink.buffer, maxPendingLines: sink.buffer_records },
        collector: {
          ...{ url: sink.url, format: sink.format, isCompressed: sink.gzip },
          ...{ maxLines: sink.batch, lingerMs: sink.batch_delay },
          authorization: () => authorizationOf(sink, current()),
        },
      }
  }
}

function authorizationOf(sink: Collector, { audit }: Config): string | undefined {
  const now = audit.sinks.find((one) => one.sink === 'https' && one.url === sink.url)
  return now?.sink === 'https' ? now.authorization : sink.authorization
}

function postTo({ ca: file, proxy, timeout: timeoutMs }: Collector): Post {
  if (file !== undefined) readFileSync(file)
  return async ({ url, headers, body }) => {
    // It may have been replaced.
    const ca = file === undefined ? undefined : await readFile(file, 'utf8')
    let retryAfter: string | undefined
    const observe = (answer: IncomingMessage): void => {
      retryAfter = answer.headers['retry-after']
    }
    const { status } = await boundedRequest(
      url,
      { method: 'POST', headers, body },
      { timeoutMs, maxBytes: maxAnswerBytes },
      ca,
      { proxy, observe },
    )
    return { status, retryAfter }
  }
}
