// Pages for whoever is signed in: Connect and Device.
import type { Hono } from 'hono'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'

export function personalRoutes(app: Hono<WebEnv>, services: WebServices): void {
  app.get('/pages', (c) => c.text(services.publicUrl))
}
