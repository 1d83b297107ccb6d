// Where the pages for sign-in are, below `web.public_url`.

/** Where somebody enters the code of a client that waits. */
export const devicePath = '/device'

/** Registered at the provider. */
export const callbackPath = '/sign-in/callback'

export function pagePath(id: string): string {
  return `/sign-in/${id}`
}
