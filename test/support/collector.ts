import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code: number; readonly message?: string }
  readonly attributes: ReadonlyMap<string, unknown>
}

interface Request {
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

interface KeyValue {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

/** Takes OTLP over HTTP as a collector does, and keeps what it was sent. */
export class Collector {
  readonly requests: Request[] = []
  /** What it answers. */
  status = 200
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        this.requests.push({ path: request.url ?? '', headers: request.headers, body })
        response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}')
      })
    })
  }

  static async start(): Promise<Collector> {
    const collector = new Collector()
    collector.#server.listen(0, '127.0.0.1')
    await once(collector.#server, 'listening')
    return collector
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Every byte of every body. */
  get everything(): string {
    return this.requests.map(({ body }) => body).join('\n')
  }

  spans(): readonly SentSpan[] {
    return this.#bodies('/v1/traces').flatMap((body) => {
      const { resourceSpans } = body as {
        resourceSpans: { scopeSpans: { spans: (SentSpan & { attributes: KeyValue[] })[] }[] }[]
      }
      return resourceSpans.flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap(({ spans }) =>
          spans.map((span) => ({ ...span, attributes: readAttributes(span.attributes) })),
        ),
      )
    })
  }

  /** The metrics of the last request, each with its points. */
  metrics(): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
    const last = this.#bodies('/v1/metrics').at(-1) as
      { resourceMetrics: { scopeMetrics: { metrics: { name: string }[] }[] }[] } | undefined
    const all = last?.resourceMetrics.flatMap(({ scopeMetrics }) =>
      scopeMetrics.flatMap(({ metrics }) => metrics),
    )
    return new Map(all?.map((one) => [one.name, one]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #bodies(path: string): readonly unknown[] {
    return this.requests
      .filter((request) => request.path === path)
      .map(({ body }) => JSON.parse(body) as unknown)
  }
}

function readAttributes(attributes: readonly KeyValue[]): ReadonlyMap<string, unknown> {
  return new Map(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
