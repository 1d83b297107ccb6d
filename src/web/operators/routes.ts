// Pages for operators.
import type { Hono } from 'hono'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'

export function operatorRoutes(app: Hono<WebEnv>, services: WebServices): void {
  app.get('/operators', (c) => c.text(services.publicUrl))
}
