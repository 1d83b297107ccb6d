// What every page of ours tells a browser, and what has to be true of a form that it sends.
import type { Context, MiddlewareHandler } from 'hono'

/** A page embeds nothing and is embedded nowhere; without `scriptSource` it has no script. */
export function secureHeaders(styleSource: string, scriptSource?: string): MiddlewareHandler {
  const policy = [
    "default-src 'none'",
    `style-src ${styleSource}`,
    ...(scriptSource === undefined
      ? []
      : [`script-src ${scriptSource}`, "connect-src 'self'", "img-src 'self'"]),
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return async (c, next) => {
    c.header('Content-Security-Policy', policy)
    c.header('Strict-Transport-Security', 'max-age=31536000')
    // Not no-referrer: with that, browsers hide the origin of forms that go to ourselves.
    c.header('Referrer-Policy', 'same-origin')
    c.header('X-Content-Type-Options', 'nosniff')
    c.header('X-Frame-Options', 'DENY')
    c.header('Cross-Origin-Opener-Policy', 'same-origin')
    c.header('Cache-Control', 'no-store')
    await next()
  }
}

/** Whether a form was sent by a page of this origin, as the browser says: what nobody says is not. */
export function isOwnForm(c: Context, origin: string): boolean {
  const [from, site] = [c.req.header('origin'), c.req.header('sec-fetch-site')]
  if (from === undefined && site === undefined) return false
  return (from ?? origin) === origin && (site ?? 'same-origin') === 'same-origin'
}
