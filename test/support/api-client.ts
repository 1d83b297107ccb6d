import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'

export interface ApiAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

export interface ApiRequest {
  readonly method?: string
  /** An object is sent as JSON, a text as it is. */
  readonly body?: object | string
  readonly headers?: Readonly<Record<string, string>>
  readonly bearer?: string
  readonly signal?: AbortSignal
}

/** A tool at the sign-in API: trusts one authority, and keeps cookies where it is to. */
export class ApiClient {
  readonly #origin: string
  readonly #authority: string
  readonly #cookies = new Map<string, string>()

  constructor(origin: string, authority: string) {
    this.#origin = origin
    this.#authority = authority
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies
  }

  async post(path: string, body?: object | string, more: ApiRequest = {}): Promise<ApiAnswer> {
    return this.send(path, { method: 'POST', ...(body !== undefined && { body }), ...more })
  }

  async send(
    path: string,
    { method = 'GET', body, headers, bearer, signal }: ApiRequest = {},
  ): Promise<ApiAnswer> {
    const sent = typeof body === 'object' ? JSON.stringify(body) : body
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>()
    const call = request(
      new URL(path, this.#origin),
      {
        method,
        ca: this.#authority,
        ...(signal !== undefined && { signal }),
        headers: {
          ...(cookie !== '' && { cookie }),
          ...(typeof body === 'object' && { 'content-type': 'application/json' }),
          ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
          ...(sent !== undefined && { 'content-length': String(Buffer.byteLength(sent)) }),
          ...headers,
        },
      },
      (response) => {
        for (const line of response.headers['set-cookie'] ?? []) this.#keep(line)
        text(response).then((answered) => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: answered,
            json: jsonIn(answered),
          })
        }, reject)
      },
    )
    call.on('error', reject)
    call.end(sent)
    return promise
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (/;\s*max-age=0(?:;|$)/i.test(line)) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}

function jsonIn(body: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(body) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}
