// Everything that browsers and tools are served, but for what has an app of its own: the pages on which
// somebody signs in for a waiting client, and back-channel logout.
import { Hono } from 'hono'
import { html } from 'hono/html'
import { failure } from './api/respond.ts'
import { foreign } from './api/read-request.ts'
import { apiRoutes, isApiPath, tooLarge, tooMany } from './api/routes.ts'
import { limitBody } from './body-limit.ts'
import { assetRoutes } from './layout/assets.ts'
import { isFromElsewhere } from './fetch-metadata.ts'
import { layout } from './layout/layout.ts'
import { operatorRoutes } from './operators/routes.ts'
import { secureHeaders } from './page-security.ts'
import { personalRoutes } from './pages/routes.ts'
import { peopleRoutes } from './people/routes.ts'
import { readVisitor } from './people/visit.ts'
import { limitRate } from './limit-rate.ts'
import type { WebServices } from './services.ts'
import type { WebEnv } from './visitor.ts'

/** A token of a provider, and what goes with it. */
const maxBodyBytes = 64 * 1_024
/** A page is a handful of requests; an office may share an address. */
const rate = { requests: 300, windowMs: 10_000 }

export function createWebApp(services: WebServices): Hono<WebEnv> {
  const { isBehindProxy, onError } = services
  const app = new Hono<WebEnv>()

  app.use(secureHeaders("'self'", "'self'"))
  app.use(
    limitRate<WebEnv>(rate, isBehindProxy, (c) =>
      isApiPath(c.req.path)
        ? failure(c, tooMany())
        : c.text('Too many requests: wait ten seconds and try again.\n', 429),
    ),
  )
  app.use(
    limitBody<WebEnv>(maxBodyBytes, (c) =>
      isApiPath(c.req.path)
        ? failure(c, tooLarge(maxBodyBytes))
        : c.text(`Too much: a request has at most ${maxBodyBytes} bytes.\n`, 413),
    ),
  )
  assetRoutes(app)
  app.use(async (c, next) => {
    if (isFromElsewhere(c)) {
      if (isApiPath(c.req.path)) return failure(c, foreign())
      return c.text('This is for pages of this site alone: open the address itself.\n', 403)
    }
    await next()
    return undefined
  })
  app.use(async (c, next) => {
    c.set('visitor', await readVisitor(c, services))
    await next()
  })

  peopleRoutes(app, services)
  apiRoutes(app, services)
  personalRoutes(app, services)
  operatorRoutes(app, services)

  app.notFound(async (c) =>
    c.html(
      layout(
        { title: 'There is no such page', visitor: c.get('visitor') },
        html`<p><a href="/">To the first page</a></p>`,
      ),
      404,
    ),
  )
  app.onError(async (error, c) => {
    onError(error)
    return c.html(
      layout(
        { title: 'That did not work', visitor: undefined },
        html`<p>Try again in a moment.</p>`,
      ),
      503,
    )
  })
  return app
}
