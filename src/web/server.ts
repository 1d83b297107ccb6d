import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Context } from 'hono'

/** Whether something is as it should be, and if not, what is amiss. */
export interface Check {
  readonly ok: boolean
  readonly reasons: readonly string[]
}

export interface HttpOptions {
  readonly listenAddress: string
  readonly listenPort: number
  /** The Prometheus exposition of the whole service. */
  readonly metrics: () => Promise<string>
  readonly health: {
    readonly startup: () => Check
    readonly readiness: () => Check
    /** Must not depend on a database or on an identity provider: a restart would not bring them back. */
    readonly liveness: () => Check
  }
  readonly onError: (error: unknown) => void
  readonly metricsTimeoutMs?: number
  readonly closeTimeoutMs?: number
}

export interface HttpServer {
  readonly address: string
  readonly port: number
  /** Takes no more requests, lets running ones finish until the deadline, and ends every connection. */
  close(): Promise<void>
}

const expositionType = 'text/plain; version=0.0.4; charset=utf-8'
const maxConnections = 256
const maxHeaderBytes = 16_384
const headersTimeoutMs = 5000
const requestTimeoutMs = 10_000
const keepAliveTimeoutMs = 65_000
const timeoutCheckIntervalMs = 1000

export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { listenAddress, listenPort, onError, closeTimeoutMs = 2000 } = options
  const listener = getRequestListener(createApp(options).fetch, {
    // fetch and its classes stay Node's own for everybody else in the process.
    overrideGlobalObjects: false,
    errorHandler: (error) => {
      onError(error)
      return new Response('internal error\n', { status: 500 })
    },
  })
  let closed: Promise<void> | undefined
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: timeoutCheckIntervalMs,
    },
    (request, response) => {
      response.once('close', () => {
        if (closed !== undefined) server.closeIdleConnections()
      })
      listener(request, response).catch(onError)
    },
  )
  server.maxConnections = maxConnections

  const { address, port } = await listen(server, listenAddress, listenPort)
  server.on('error', onError)
  return {
    address,
    port,
    async close() {
      closed ??= close(server, closeTimeoutMs)
      await closed
    },
  }
}

function createApp({ metrics, health, onError, metricsTimeoutMs = 10_000 }: HttpOptions): Hono {
  const app = new Hono()
  let scrape: Promise<string> | undefined

  /** Scrapes that arrive together share one answer: each asks every process of the service. */
  async function exposition(): Promise<string> {
    scrape ??= withDeadline(metrics(), metricsTimeoutMs).finally(() => {
      scrape = undefined
    })
    return scrape
  }

  app.use(async (c, next) => {
    c.header('X-Content-Type-Options', 'nosniff')
    c.header('Cache-Control', 'no-store')
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
      return c.text('method not allowed\n', 405, { Allow: 'GET, HEAD' })
    }
    await next()
    return undefined
  })

  app.get('/', (c) => c.text('Portcullis\n\n/metrics\n/startup\n/readiness\n/liveness\n'))
  app.get('/metrics', async (c) =>
    c.body(await exposition(), 200, { 'Content-Type': expositionType }),
  )
  app.get('/startup', (c) => answer(c, health.startup()))
  app.get('/readiness', (c) => answer(c, health.readiness()))
  app.get('/liveness', (c) => answer(c, health.liveness()))

  app.notFound((c) => c.text('not found\n', 404))
  app.onError((error, c) => {
    onError(error)
    return c.text('internal error\n', 500)
  })
  return app
}

async function withDeadline<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`))
    }, timeoutMs)
  })
  return Promise.race([promise, expired]).finally(() => {
    clearTimeout(timer)
  })
}

function answer(c: Context, { ok, reasons }: Check): Response {
  return ok ? c.json({ status: 'ok' }) : c.json({ status: 'unavailable', reasons }, 503)
}

async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('listening on no port')
  return address
}

async function close(server: Server, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const deadline = setTimeout(() => {
      server.closeAllConnections()
    }, timeoutMs)
    server.close(() => {
      clearTimeout(deadline)
      resolve()
    })
    server.closeIdleConnections()
  })
}
