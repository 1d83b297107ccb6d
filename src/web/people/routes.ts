// Signing in and out with a browser.
import type { Hono } from 'hono'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'

export function peopleRoutes(app: Hono<WebEnv>, services: WebServices): void {
  app.get('/people', (c) => c.text(services.publicUrl))
}
