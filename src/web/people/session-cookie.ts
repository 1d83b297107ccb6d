import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'
import type { WebServices } from '../services.ts'
import type { WebSession } from '../visitor.ts'
import { dropCookie, fits, keepCookie } from './cookies.ts'
import { sessionCookie, sessionPurpose } from './visit.ts'

const idBytes = 18

/** Another one with each sign-in: nobody has it from before. */
export function newSessionId(): string {
  return `web-${randomBytes(idBytes).toString('base64url')}`
}

/** False where there is more to keep than a browser keeps. */
export async function keepSession(
  c: Context,
  { sealer, now }: Pick<WebServices, 'sealer' | 'now'>,
  session: WebSession,
): Promise<boolean> {
  const sealed = await sealer.seal(sessionPurpose, session, session.expiresAt)
  if (!fits(sessionCookie, sealed)) return false
  keepCookie(c, sessionCookie, sealed, session.expiresAt - now().getTime())
  return true
}

export function dropSession(c: Context): void {
  dropCookie(c, sessionCookie)
}
