import type { SecureContextOptions } from 'node:tls'
import { serve, serveTls, type ServeOptions, type TlsHttpServer } from './hardened-server.ts'
import type { Env } from './client-address.ts'
import { createLogoutApp, logoutPath, type LogoutAppOptions } from './logout-app.ts'
import { createSignInApp, type SignInAppOptions } from './sign-in-app.ts'

export interface SignInPagesOptions
  extends ServeOptions, Pick<SignInAppOptions, 'publicUrl' | 'call'> {
  /** Who is told that somebody has signed out at the provider. */
  readonly logout: Pick<LogoutAppOptions, 'takes' | 'accept'>
  /** Undefined where a reverse proxy in front ends TLS. */
  readonly tls: SecureContextOptions | undefined
}

/** Pages are read once: a browser that has one does not need to stay. */
const keepAliveTimeoutMs = 5_000

export async function startSignInPages(options: SignInPagesOptions): Promise<TlsHttpServer> {
  const { publicUrl, call, onError, tls } = options
  const isBehindProxy = tls === undefined
  const pages = createSignInApp({ publicUrl, call, onError, isBehindProxy })
  const { takes, accept } = options.logout
  const logout = createLogoutApp({ takes, accept, onError, isBehindProxy })
  const app = {
    fetch: async (request: Request, env: Env['Bindings']) =>
      new URL(request.url).pathname.startsWith(`${logoutPath}/`)
        ? logout.fetch(request, env)
        : pages.fetch(request, env),
  }
  if (tls !== undefined) return serveTls(app, tls, { ...options, keepAliveTimeoutMs })
  return {
    ...(await serve(app, { ...options, keepAliveTimeoutMs })),
    replaceKeyPair: () => {
      throw new Error('a reverse proxy has the certificate')
    },
  }
}
