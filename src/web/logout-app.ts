// Where identity providers say who has signed out (OpenID Connect Back-Channel Logout 1.0, 2.5 and 2.8).
import { Hono } from 'hono'
import { limitBody } from './body-limit.ts'
import type { Env } from './client-address.ts'
import { limitRate } from './limit-rate.ts'

export const logoutPath = '/oidc/v1/backchannel-logout'

export interface LogoutAppOptions {
  readonly isBehindProxy: boolean
  /** Whether any integration takes logout tokens. */
  readonly isTaken: () => boolean
  readonly accept: (token: string) => Promise<'done' | 'refused' | 'failed'>
  readonly onError: (error: unknown) => void
}

const maxBodyBytes = 32_768
/** A provider that signs out a whole department comes from one address. */
const rate = { requests: 1_000, windowMs: 10_000 }
/** Tokens that are being verified, or whose sessions are being ended. */
const maxWaiting = 64

export function createLogoutApp(options: LogoutAppOptions): Hono<Env> {
  const { isBehindProxy, isTaken, accept, onError } = options
  const app = new Hono<Env>()
  let waiting = 0

  app.use(async (c, next) => {
    c.header('Cache-Control', 'no-store')
    c.header('X-Content-Type-Options', 'nosniff')
    await next()
  })
  app.use(limitRate(rate, isBehindProxy, (c) => c.json({ error: 'temporarily_unavailable' }, 429)))
  app.use(limitBody(maxBodyBytes, (c) => c.json({ error: 'invalid_request' }, 413)))

  app.post(logoutPath, async (c) => {
    if (!isTaken()) return c.json({ error: 'not_found' }, 404)
    const token = tokenIn(c.req.header('content-type') ?? '', await c.req.text())
    if (token === undefined) return c.json({ error: 'invalid_request' }, 400)
    if (waiting >= maxWaiting) return c.json({ error: 'temporarily_unavailable' }, 503)
    waiting += 1
    try {
      const outcome = await accept(token)
      if (outcome === 'done') return c.body(null, 200)
      const error = outcome === 'refused' ? 'invalid_request' : 'logout_failed'
      return c.json({ error }, 400)
    } finally {
      waiting -= 1
    }
  })

  app.notFound((c) => c.json({ error: 'not_found' }, 404))
  app.onError((error, c) => {
    onError(error)
    return c.json({ error: 'logout_failed' }, 400)
  })
  return app
}

/** The one token of the form; undefined where there is none, or there are several. */
function tokenIn(type: string, body: string): string | undefined {
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) return undefined
  const [token, another] = new URLSearchParams(body).getAll('logout_token')
  return token === '' || another !== undefined ? undefined : token
}
