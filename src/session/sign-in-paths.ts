// Where the pages for sign-in are, below `web.public_url`.

/** Registered at the provider. */
export const callbackPath = '/sign-in/callback'

export function pagePath(id: string): string {
  return `/sign-in/${id}`
}
