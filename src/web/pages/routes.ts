// Pages for whoever is signed in: Connect and Device.
import type { Hono } from 'hono'
import type { WebServices } from '../services.ts'
import type { WebEnv } from '../visitor.ts'
import { connectRoutes } from './connect-routes.ts'
import { deviceRoutes } from './device-routes.ts'

export function personalRoutes(app: Hono<WebEnv>, services: WebServices): void {
  connectRoutes(app, services)
  deviceRoutes(app, services)
}
