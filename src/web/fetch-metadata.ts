// What browsers say of where a request is from (Fetch Metadata): whatever other sites embed, fetch or send here is
// refused before anybody looks at cookies. Programs say nothing, and have none.
import type { Context } from 'hono'

const own: ReadonlySet<string> = new Set(['same-origin', 'none'])

/** Links from elsewhere, and providers that send a browser back, open a page: no more. */
export function isFromElsewhere(c: Pick<Context, 'req'>): boolean {
  const site = c.req.header('sec-fetch-site')
  if (site === undefined || own.has(site)) return false
  const opensPage =
    c.req.header('sec-fetch-mode') === 'navigate' && c.req.header('sec-fetch-dest') === 'document'
  return !(opensPage && (c.req.method === 'GET' || c.req.method === 'HEAD'))
}
