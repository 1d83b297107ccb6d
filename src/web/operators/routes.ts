// Pages for operators: whoever may look at the console looks here, and its administrators act here.
import type { Hono } from 'hono'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'
import { acting, looking } from './allow.ts'
import { catalogPage, changesPage, rollBack, rollbackPage, rollbackPath } from './catalog-page.ts'
import { Desk } from './desk.ts'
import { EventHub } from './event-hub.ts'
import { events } from './events.ts'
import { integrationsPage } from './integrations-page.ts'
import { poolsPage } from './pools-page.ts'
import { refusalPage, refusalsPage } from './refusals-page.ts'
import { endAll, endSession, keepOut, letIn, sessionPage, sessionPath } from './session-page.ts'
import { sessionsPage } from './sessions-page.ts'
import { statisticsPage } from './statistics-page.ts'

export function operatorRoutes(app: Hono<WebEnv>, services: WebServices): void {
  const desk = new Desk(services)
  const hub = new EventHub({ now: () => performance.now(), onError: services.onError })
  services.stopping.addEventListener('abort', () => {
    hub.close()
  })
  const pages = {
    '/sessions': sessionsPage,
    '/refusals': refusalsPage,
    '/integrations': integrationsPage,
    '/pools': poolsPage,
    '/catalog': catalogPage,
    '/catalog/changes': changesPage,
    '/statistics': statisticsPage,
  } as const
  for (const [path, page] of Object.entries(pages)) {
    app.get(
      path,
      looking(services, async (c, operator) => page(c, desk, operator)),
    )
  }
  app.get('/sessions/:id', async (c) => {
    const id = c.req.param('id')
    return looking(services, async (_, operator) => sessionPage(c, desk, operator, id))(c)
  })
  app.get('/refusals/:reference', async (c) => {
    const reference = c.req.param('reference')
    return looking(services, async (_, operator) => refusalPage(c, desk, operator, reference))(c)
  })
  app.get(
    '/catalog/rollback',
    looking(services, async (c, operator) => rollbackPage(c, desk, operator), 'admin'),
  )

  const acts = {
    '/sessions/end': [endSession, sessionPath],
    '/sessions/end-all': [endAll, sessionPath],
    '/sessions/keep-out': [keepOut, sessionPath],
    '/sessions/restore': [letIn, sessionPath],
    '/catalog/rollback': [rollBack, rollbackPath],
  } as const
  for (const [path, [act, returnTo]] of Object.entries(acts)) {
    app.post(
      path,
      acting(services, returnTo, async (c, operator, fields) => act(c, desk, operator, fields)),
    )
  }

  app.get('/events', (c) => events(c, desk, hub))
}
