import type { IncomingMessage } from 'node:http'
import { request as requestPlainly } from 'node:http'
import { request as requestOverTls } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { FetchError } from './fetch-error.ts'
import { proxyFor, type ProviderProxy } from './provider-proxy.ts'
import { openTunnel } from './tunnel.ts'

export { FetchError } from './fetch-error.ts'

/** What an issuer may cost us at most. */
export interface FetchLimits {
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** How a request gets there, and who looks on. */
export interface RequestWay {
  readonly proxy: ProviderProxy | undefined
  /** Whether an http URL may be asked, too: never for what vouches for anybody. */
  readonly allowsPlain?: boolean
  /** Is shown the head of the answer, whatever its status, and the connection that it came by. */
  readonly observe?: ((answer: IncomingMessage) => void) | undefined
}

/** What is sent besides the URL. */
export interface BoundedRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export interface FetchOptions extends Partial<RequestWay> {
  /** Sent as the token of the request (RFC 6750, 2.1). */
  readonly bearer?: string | undefined
}

/** GETs an https URL. */
export async function boundedFetch(
  url: string,
  limits: FetchLimits,
  ca: string | undefined,
  { bearer, proxy, observe }: FetchOptions = {},
): Promise<Response> {
  const headers = {
    accept: 'application/json',
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
  }
  return boundedRequest(url, { method: 'GET', headers }, limits, ca, { proxy, observe })
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
  way: RequestWay,
): Promise<Response> {
  const isPlain = way.allowsPlain === true && new URL(url).protocol === 'http:'
  if (!isPlain && new URL(url).protocol !== 'https:') throw new FetchError('only https is fetched')
  const request = isPlain ? requestPlainly : requestOverTls
  const proxy = proxyFor(url, way.proxy)
  const signal = AbortSignal.timeout(limits.timeoutMs)
  let tunnel: TLSSocket | undefined
  try {
    if (proxy !== undefined) tunnel = await openTunnel(new URL(url), proxy, ca, signal)
  } catch (error) {
    throw signal.aborted ? tooLate(limits, error) : error
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        ca,
        ...(tunnel === undefined ? { agent: false } : { createConnection: () => tunnel }),
        method,
        headers: { ...headers, 'accept-encoding': 'identity' },
        signal,
      },
      (incoming) => {
        way.observe?.(incoming)
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
      reject(timedOut ? tooLate(limits, error) : error)
    })
    // An answer of `101 Switching Protocols` closes the connection, and neither ends nor fails.
    outgoing.on('close', () => {
      reject(new FetchError('the connection was closed before the answer was complete'))
    })
    // All at once, so that Node says how long it is.
    outgoing.end(body)
  })
}

function tooLate({ timeoutMs }: FetchLimits, cause: unknown): FetchError {
  return new FetchError(`no answer within ${timeoutMs} ms`, { cause })
}

/** Statuses for which the Fetch standard allows no body. */
function nullBodyStatus(status: number): boolean {
  return status === 204 || status === 205 || status === 304
}
