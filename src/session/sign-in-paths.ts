// Where the pages for sign-in are, below `web.public_url` and `web.node_url`.
import type { SignInPages } from './services.ts'

/** Where somebody enters the code of a client that waits. */
export const devicePath = '/device'

/** Registered at the provider. */
export const callbackPath = '/sign-in/callback'

export function pagePath(id: string): string {
  return `/sign-in/${id}`
}

/** A client waits at the node that it has come to; `own` is the address of that, where there are several. */
export function signInPagesAt(shared: string, own: string | undefined): SignInPages {
  const devicePage = own === undefined ? `${shared}${devicePath}` : undefined
  return { origin: own ?? shared, devicePage }
}
