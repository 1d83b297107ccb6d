// Which browser it is: a secret that it was given, and keeps for as long as a sign-in may take.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'

/** With the prefix no other host, no path and nothing without TLS can set it. */
const cookieName = '__Host-portcullis-browser'
/** No sign-in waits longer. */
const cookieSeconds = 30 * 60
const secretBytes = 32

/** The secret of the browser's cookie, if it has one that we could have given it. */
export function browserSecret(c: Context): string | undefined {
  const value = getCookie(c, cookieName)
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined
}

/** Gives the browser a cookie, or lets it keep the one that it has for as long again. */
export function keepBrowser(c: Context): string {
  const secret = browserSecret(c) ?? randomBytes(secretBytes).toString('base64url')
  setCookie(c, cookieName, secret, {
    path: '/',
    secure: true,
    httpOnly: true,
    // It comes along when the provider sends the browser back, and with nothing that others embed.
    sameSite: 'Lax',
    maxAge: cookieSeconds,
  })
  return secret
}

/** What is compared in place of the secret, and may be known to every process. */
export function browserDigest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** Shows that a form is from a page that this browser was given, about this request. */
export function formToken(secret: string, id: string): string {
  return createHmac('sha256', secret).update(id).digest('base64url')
}

export function isFormToken(token: unknown, secret: string, id: string): boolean {
  if (typeof token !== 'string') return false
  const [given, expected] = [Buffer.from(token), Buffer.from(formToken(secret, id))]
  return given.length === expected.length && timingSafeEqual(given, expected)
}
