import type { SecureContextOptions } from 'node:tls'
import { serve, serveTls, type ServeOptions, type TlsHttpServer } from './hardened-server.ts'
import type { Env } from './client-address.ts'
import { createLogoutApp, logoutPath, type LogoutAppOptions } from './logout-app.ts'
import type { WebServices } from './services.ts'
import { createSignInApp } from './sign-in-app.ts'
import { createWebApp } from './web-app.ts'

export interface WebServerOptions extends ServeOptions {
  readonly services: WebServices
  /** Who is told that somebody has signed out at the provider. */
  readonly logout: Pick<LogoutAppOptions, 'isTaken' | 'accept'>
  /** Undefined where a reverse proxy in front ends TLS. */
  readonly tls: SecureContextOptions | undefined
}

/** Pages are read once: a browser that has one does not need to stay. */
const keepAliveTimeoutMs = 5_000

export async function startWebServer(options: WebServerOptions): Promise<TlsHttpServer> {
  const { services, onError, tls } = options
  const { isBehindProxy } = services
  const waiting = createSignInApp(services)
  const logout = createLogoutApp({ ...options.logout, onError, isBehindProxy })
  const usual = createWebApp(services)
  const appFor = (path: string): Pick<typeof waiting, 'fetch'> => {
    if (path === logoutPath) return logout
    return path.startsWith('/sign-in/') ? waiting : usual
  }
  const app = {
    fetch: async (request: Request, env: Env['Bindings']) =>
      appFor(new URL(request.url).pathname).fetch(request, env),
  }
  if (tls !== undefined) return serveTls(app, tls, { ...options, keepAliveTimeoutMs })
  return {
    ...(await serve(app, { ...options, keepAliveTimeoutMs })),
    replaceKeyPair: () => {
      throw new Error('a reverse proxy has the certificate')
    },
  }
}
