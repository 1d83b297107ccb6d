// Cookies of the pages. With the prefix no other host, no path and nothing without TLS can set one.
import type { Context } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'

const attributes = {
  path: '/',
  secure: true,
  httpOnly: true,
  // They come along when a provider sends the browser back, and with nothing that others embed.
  sameSite: 'Lax',
} as const

export const cookiePrefix = '__Host-portcullis-'
/** What browsers keep of one at the least, with its name and attributes (RFC 6265, 6.1). */
const mostBytes = 4_096
const attributeBytes = '; Max-Age=0000000; Path=/; HttpOnly; Secure; SameSite=Lax'.length

export function fits(name: string, value: string): boolean {
  return name.length + 1 + value.length + attributeBytes <= mostBytes
}

export function keepCookie(c: Context, name: string, value: string, lifetimeMs: number): void {
  setCookie(c, name, value, { ...attributes, maxAge: Math.max(0, Math.floor(lifetimeMs / 1_000)) })
}

export function dropCookie(c: Context, name: string): void {
  deleteCookie(c, name, attributes)
}
