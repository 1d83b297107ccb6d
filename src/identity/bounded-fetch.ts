import { request } from 'node:https'

/** What an issuer may cost us at most. */
export interface FetchLimits {
  readonly timeoutMs: number
  readonly maxBytes: number
}

export class FetchError extends Error {
  override readonly name = 'FetchError'
}

/** What is sent besides the URL. */
export interface BoundedRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** GETs an https URL; `bearer` is sent as the token of the request (RFC 6750, 2.1). */
export async function boundedFetch(
  url: string,
  limits: FetchLimits,
  ca: string | undefined,
  bearer?: string,
): Promise<Response> {
  const headers = {
    accept: 'application/json',
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
  }
  return boundedRequest(url, { method: 'GET', headers }, limits, ca)
}

/**
 * Requests an https URL: no redirect is followed, nothing is decompressed, and both the time until the last
 * byte and the size of the body are limited. `ca` (PEM) replaces the system's roots.
 */
export async function boundedRequest(
  url: string,
  { method, headers, body = '' }: BoundedRequest,
  limits: FetchLimits,
  ca: string | undefined,
): Promise<Response> {
  if (new URL(url).protocol !== 'https:') throw new FetchError('only https is fetched')
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        ...(ca === undefined ? {} : { ca }),
        method,
        agent: false,
        headers: {
          ...headers,
          'accept-encoding': 'identity',
          ...(method === 'POST' && { 'content-length': Buffer.byteLength(body) }),
        },
        signal: AbortSignal.timeout(limits.timeoutMs),
      },
      (incoming) => {
        const fail = (reason: string): void => {
          outgoing.destroy(new FetchError(reason))
        }
        const status = incoming.statusCode ?? 0
        // HTTP has no other final status, and a Response takes no other.
        if (status < 200 || status > 599) {
          fail(`status ${status}`)
          return
        }
        const encoding = incoming.headers['content-encoding']
        if (encoding !== undefined && encoding !== 'identity') {
          fail(`unrequested content-encoding ${encoding}`)
          return
        }
        const chunks: Buffer[] = []
        let bytes = 0
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > limits.maxBytes) fail(`the answer is longer than ${limits.maxBytes} bytes`)
          else chunks.push(chunk)
        })
        incoming.on('error', reject)
        incoming.on('end', () => {
          const type = incoming.headers['content-type']
          resolve(
            new Response(nullBodyStatus(status) ? null : Buffer.concat(chunks), {
              status,
              headers: type === undefined ? {} : { 'content-type': type },
            }),
          )
        })
      },
    )
    outgoing.on('error', (error) => {
      const timedOut = error.name === 'TimeoutError' || error.name === 'AbortError'
      reject(
        timedOut
          ? new FetchError(`no answer within ${limits.timeoutMs} ms`, { cause: error })
          : error,
      )
    })
    // An answer of `101 Switching Protocols` closes the connection, and neither ends nor fails.
    outgoing.on('close', () => {
      reject(new FetchError('the connection was closed before the answer was complete'))
    })
    outgoing.end(body)
  })
}

/** Statuses for which the Fetch standard allows no body. */
function nullBodyStatus(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}
