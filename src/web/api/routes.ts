// The sign-in API, for drivers and tools.
import type { Hono } from 'hono'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'

export function apiRoutes(app: Hono<WebEnv>, services: WebServices): void {
  app.get('/api', (c) => c.text(services.publicUrl))
}
