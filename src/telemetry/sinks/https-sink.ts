// Records to a collector, in batches by POST.
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { NotAcceptable, NotDelivered, type Transport } from './remote-sink.ts'

export interface HttpsCollector {
  readonly url: string
  /** Asked for with each request: it may have been replaced. */
  readonly authorization: () => string | undefined
  readonly format: 'ndjson' | 'json'
  readonly isCompressed: boolean
  readonly maxLines: number
  readonly lingerMs: number
}

export interface CollectorRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

export interface CollectorAnswer {
  readonly status: number
  /** As the header says it. */
  readonly retryAfter: string | undefined
}

/** Sends it within limits, and follows nobody anywhere else. */
export type Post = (request: CollectorRequest) => Promise<CollectorAnswer>

const maxBytes = 1_048_576
const compress = promisify(gzip)

/** These say something of the records; whatever else goes wrong may be mended, and is tried again. */
const unacceptable = new Set([400, 413, 415, 422])

export function httpsTransport(collector: HttpsCollector, post: Post): Transport {
  const { url, format, isCompressed, maxLines, lingerMs } = collector
  return {
    maxLines,
    maxBytes,
    lingerMs,
    async deliver(lines) {
      if (lines.length === 0) return
      const text = format === 'ndjson' ? lines.join('') : `[${lines.map(withoutEnd).join(',')}]`
      const authorization = collector.authorization()
      const headers = {
        'content-type': format === 'ndjson' ? 'application/x-ndjson' : 'application/json',
        ...(isCompressed && { 'content-encoding': 'gzip' }),
        ...(authorization !== undefined && { authorization }),
      }
      const body = isCompressed ? await compress(text) : text
      const { status, retryAfter } = await post({ url, headers, body }).catch((cause: unknown) => {
        throw new NotDelivered('the collector of audit records', { cause })
      })
      if (status >= 200 && status < 300) return
      const message = `the collector of audit records answers ${status}`
      if (unacceptable.has(status)) throw new NotAcceptable(message)
      const retryAfterMs = readRetryAfter(retryAfter, Date.now())
      throw new NotDelivered(message, retryAfterMs === undefined ? {} : { retryAfterMs })
    },
    close() {},
  }
}

function withoutEnd(line: string): string {
  return line.endsWith('\n') ? line.slice(0, -1) : line
}

/** RFC 9110 10.2.3: seconds, or a date. */
export function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}
