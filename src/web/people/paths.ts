// Where people sign in and out, below `web.public_url`.

export const loginPage = '/login'
export const logoutPage = '/logout'
export const beginPath = '/oidc/v1/login'
/** Registered at the provider. */
export const finishPath = '/oidc/v1/callback'
export const tokenPath = '/oidc/v1/jwt'
/** The same as a page. */
export const tokenPage = '/oidc/v1/token'

export interface LoginAddress {
  /** Undefined where somebody is to choose. */
  readonly integration: string | undefined
  readonly returnTo: string
  readonly isStepUp?: boolean
}

/** Where somebody begins to sign in. */
export function loginAddress({ integration, returnTo, isStepUp }: LoginAddress): string {
  const query = new URLSearchParams({
    ...(integration !== undefined && { integration }),
    return_to: returnTo,
    ...(isStepUp === true && { step_up: '' }),
  })
  return `${integration === undefined ? loginPage : beginPath}?${query.toString()}`
}
