import type { AuthorizationExtras } from '../../identity/authorization-code.ts'

/** They give refresh tokens without it, and with it want an administrator's consent where people may not give theirs. */
const notOf: ReadonlySet<string> = new Set([
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.partner.microsoftonline.cn',
])

/** OpenID Connect Core, 11: a refresh token for later is to be agreed to, or there is none. */
export function askConsent(issuer: string, scopes: readonly string[]): AuthorizationExtras {
  const isWanted = scopes.includes('offline_access') && !notOf.has(new URL(issuer).hostname)
  return isWanted ? { prompt: 'consent' } : {}
}
