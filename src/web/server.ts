import { Hono } from 'hono'
import type { Context } from 'hono'
import { type HttpServer, serve, type ServeOptions } from './hardened-server.ts'

/** Whether something is as it should be, and if not, what is amiss. */
export interface Check {
  readonly ok: boolean
  readonly reasons: readonly string[]
  /** What is amiss, and no reason to say no. */
  readonly remarks?: readonly string[]
}

export interface HttpOptions extends ServeOptions {
  /** The Prometheus exposition of the whole service. */
  readonly metrics: () => Promise<string>
  readonly health: {
    readonly startup: () => Check
    readonly readiness: () => Check
    /** Must not depend on a database or on an identity provider: a restart would not bring them back. */
    readonly liveness: () => Check
  }
  readonly metricsTimeoutMs?: number
}

const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  return serve(createApp(options), options)
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

function answer(c: Context, { ok, reasons, remarks = [] }: Check): Response {
  const more = remarks.length > 0 && { remarks }
  return ok
    ? c.json({ status: 'ok', ...more })
    : c.json({ status: 'unavailable', reasons, ...more }, 503)
}
